"""The six demonstrations of the slides of 2000, each with real nodes; what is asserted are facts, never times."""

import json

import pytest

from tools.lab.pytest_plugin import MASTER, SLAVE


def test_1_and_2_a_planned_failover_and_the_planned_recovery(cluster):
    """`fail` on the master: down, FAIL there, UP on the slave. `recover`: the slave lets go, and the master is UP again."""
    cluster.lab.failc(MASTER, "fail", "web", MASTER, "--reason", "maintenance")
    cluster.until_serves(SLAVE)
    assert cluster.lab.service(SLAVE)["states"] == {MASTER: "FAIL", SLAVE: "UP"}
    assert not cluster.holds_address(MASTER)

    cluster.lab.failc(MASTER, "recover", "web", MASTER, "--reason", "done")
    cluster.until_serves(MASTER)
    assert cluster.lab.service(MASTER)["states"] == {MASTER: "UP", SLAVE: "RECOVER"}
    assert not cluster.holds_address(SLAVE)

    assert cluster.claimants() == [SLAVE, MASTER]
    assert len(cluster.events("command")) == 2
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.is_sound()


def test_3_and_4_the_power_fails_and_comes_back(cluster):
    """The slave judges the master INDOUBT, then FAIL, then it is UP; the master boots into RECOVER and gets it back."""
    cluster.for_a_while(MASTER)  # a judgement that no transition rests on is written at most once a second
    cluster.lab.power_off(MASTER)
    cluster.until_written("claim", SLAVE)
    words = [event for event in cluster.events("last-word") if event.body["node"] == MASTER]
    assert words == [], "void: it could still say something"  # what it wrote for itself no peer heard
    assert [event.body["judgement"] for event in cluster.events("judged", SLAVE)] == ["indoubt", "dead"]
    cluster.until_serves(SLAVE)
    assert cluster.lab.service(SLAVE)["states"][MASTER] == "FAIL"
    assert cluster.lab.status(SLAVE)["nodes"][MASTER]["liveness"] == "dead"

    cluster.lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.is_sound()


def test_5_a_split_ends_with_the_master_announcing_again(cluster):
    """Both are UP while they are cut off; then the slave lets go, and the master reclaims with a new epoch."""
    epoch = cluster.lab.service(MASTER)["epoch"]
    cluster.lab.cut(MASTER)
    cluster.until_written("up", SLAVE)
    assert cluster.holds_address(MASTER)
    assert cluster.holds_address(SLAVE)
    cluster.for_a_while(SLAVE)
    assert client_goes_to(cluster, SLAVE)

    cluster.lab.heal(MASTER)
    cluster.until_serves(MASTER)
    reclaim = cluster.until_written("reclaim", MASTER)
    assert reclaim.body["epoch"] > cluster.until_written("claim", SLAVE).body["epoch"] > epoch
    assert client_goes_to(cluster, MASTER)
    assert not cluster.holds_address(SLAVE)
    assert cluster.lab.service(SLAVE)["states"] == {MASTER: "UP", SLAVE: "RECOVER"}
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


def client_goes_to(cluster, name: str) -> bool:
    """Whether the client's own neighbour entries, which only an announcement turns at once, name this node."""
    entries = [
        json.loads(cluster.lab.client.run("ip", "-json", "neigh", "show", address, "dev", "eth0"))
        for address in ("10.77.0.100", "fd77::100")
    ]
    return all(entry[0]["lladdr"] == cluster.lab.nodes[name].mac for entry in entries)


@pytest.mark.parametrize("loss", ["unplug", "cut"])
def test_6_one_link_of_two_is_lost_and_nothing_happens(cluster, loss):
    getattr(cluster.lab, loss)(MASTER, "direct")
    cluster.lab.wait_until(lambda: not link_is_up(cluster, SLAVE, "direct"), "the slave sees that the link is down", 30)
    cluster.for_a_while(MASTER)
    assert cluster.lab.status(SLAVE)["nodes"][MASTER]["liveness"] == "alive"
    getattr(cluster.lab, {"unplug": "plug", "cut": "heal"}[loss])(MASTER, "direct")
    cluster.lab.wait_until(lambda: link_is_up(cluster, SLAVE, "direct"), "and that it is up again", 30)
    assert cluster.claimants() == []
    assert cluster.events("release") == []
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.is_sound()


def link_is_up(cluster, asked: str, link: str) -> bool:
    links = json.loads(cluster.lab.failc(asked, "links", "--json"))["links"]
    return all(one["up"] for one in links if one["link"] == link)


def test_the_other_node_can_say_why_when_the_text_logs_are_gone(cluster):
    """`why` rests on the feeds alone: it works on the survivor's copy, with the daemons' text logs deleted."""
    cluster.lab.power_off(MASTER)
    cluster.until_serves(SLAVE)
    for node in cluster.lab.nodes.values():
        node.log.unlink()
    told = json.loads(cluster.lab.audit("why", "web", str(cluster.lab.nodes[SLAVE].state), "--json"))
    assert told["owner"] == SLAVE
    assert {"judged", "claim"} <= {step["kind"] for step in told["chain"]}
    assert told["phases_ms"]["silence"] > 0
