"""Accidents that the slides do not show: killed and paused daemons, cables, losses, stops. Facts, never times."""

import signal

import pytest

from tools.lab.measure import Measure
from tools.lab.pytest_plugin import MASTER, SLAVE


def test_a_killed_faild_leaves_its_guard_to_clear_up_and_to_tell(cluster):
    """kill -9 of `faild` alone: the machine lives, so only the guard can take the address away."""
    cluster.lab.nodes[MASTER].kill()
    cluster.until_serves(SLAVE)
    assert not cluster.holds_address(MASTER)
    assert [event.body["node"] for event in cluster.events("last-word", SLAVE)] == [MASTER]
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


@pytest.mark.parametrize("accident", ["stopped", "killed"])
def test_a_node_whose_every_process_is_gone_falls_silent_before_another_answers(packet_filter, cluster, accident):
    """Nobody is left to take its address away but the kernel: guard included, all is stopped, or killed."""
    harm_everything(cluster, accident)
    Measure(cluster.lab).until_answered_by(SLAVE)
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    assert cluster.holds_address(MASTER), "it is still there, and silent"
    if accident == "stopped":
        cluster.lab.nodes[MASTER].thaw()
        cluster.until_written("node-paused", MASTER)
    else:
        cluster.lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.two_owners_ms() == {4: 0, 6: 0}, "nor when it runs again"
    cluster.is_sound()


def harm_everything(cluster, accident):
    node = cluster.lab.nodes[MASTER]
    if accident == "stopped":
        node.freeze()
    else:
        node.kill_everything()


def test_a_daemon_that_is_stopped_releases_and_leaves_a_clean_end(cluster):
    assert cluster.lab.nodes[MASTER].terminate() == 0
    cluster.until_serves(SLAVE)
    assert not cluster.holds_address(MASTER)
    assert cluster.events("down", MASTER)
    assert cluster.events("node-stopped", MASTER)
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


def test_a_lost_service_link_moves_the_service_once_there_and_once_back(cluster):
    """The owner's cable to the clients comes out while the other link lives. When it comes back, nothing flaps."""
    cluster.lab.unplug(MASTER, "lan")
    cluster.until_written("carrier-lost", MASTER)
    cluster.until_serves(SLAVE)
    assert cluster.lab.status(SLAVE)["nodes"][MASTER]["liveness"] == "alive"
    cluster.lab.plug(MASTER, "lan")
    cluster.until_serves(MASTER)
    cluster.for_a_while(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


def test_a_slave_without_its_service_link_is_left_alone(cluster):
    cluster.lab.unplug(SLAVE, "lan")
    cluster.for_a_while(MASTER)
    cluster.lab.plug(SLAVE, "lan")
    cluster.for_a_while(MASTER)
    assert cluster.claimants() == []
    cluster.is_sound()


def test_both_service_links_lost_move_nothing(cluster):
    """No other node is fit: to give up would help no client."""
    cluster.lab.unplug(SLAVE, "lan")
    cluster.until_written("carrier-lost", SLAVE)
    cluster.lab.unplug(MASTER, "lan")
    cluster.until_written("carrier-lost", MASTER)
    cluster.lab.plug(MASTER, "lan")
    cluster.until_written("carrier-back", MASTER)
    cluster.lab.plug(SLAVE, "lan")
    cluster.until_serves(MASTER)
    assert SLAVE not in cluster.claimants()
    cluster.is_sound()


def test_loss_on_every_link_moves_nothing(packet_filter, cluster):
    cluster.lab.lose(5)
    for _ in range(3):
        cluster.for_a_while(MASTER)
    cluster.lab.lose(0)
    assert cluster.claimants() == []
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    cluster.is_sound()


def test_an_owner_whose_words_are_lost_gives_way_and_has_the_service_back_after_the_heal(packet_filter, cluster):
    """What the master sends is dropped on both links, and it hears everything: only it can know that two would answer."""
    cluster.lab.cut_one_way(MASTER, SLAVE)
    cluster.until_written("claim", SLAVE)
    assert cluster.until_written("release", MASTER).body["rule"] == "rival-deaf"
    Measure(cluster.lab).until_answered_by(SLAVE, 30)
    assert not cluster.holds_address(MASTER)
    for node, alarm in ((MASTER, ("one-way", SLAVE)), (SLAVE, ("peer-dead", MASTER))):
        cluster.lab.wait_until(lambda n=node, a=alarm: a in alarms(cluster.lab, n), f"{node} says {alarm}", 30)
    cluster.lab.heal_one_way(MASTER, SLAVE)
    cluster.until_serves(MASTER)
    for node, alarm in ((MASTER, ("one-way", SLAVE)), (SLAVE, ("peer-dead", MASTER))):
        cluster.lab.wait_until(lambda n=node, a=alarm: a not in alarms(cluster.lab, n), f"{alarm} is over on {node}", 30)
    assert not cluster.holds_address(SLAVE)
    assert [event.node for event in cluster.events("claim")] == [SLAVE, MASTER]
    cluster.is_sound()


def alarms(lab, node):
    return {(alarm["name"], alarm["node"]) for alarm in lab.alarms(node)}


def test_a_path_with_a_small_mtu_carries_moves_and_one_that_is_too_small_is_an_alarm_that_says_so(packet_filter, cluster):
    """What is longer is lost in silence. Every path must carry 576 bytes; on one that does not, heartbeats come, no events."""
    lab = cluster.lab
    lab.swallow(longer_than=600)
    for target in (SLAVE, MASTER):
        lab.failc(MASTER, "move", "web", target)
        cluster.until_serves(target)
    lab.swallow(longer_than=500)
    lab.failc(MASTER, "hold", "web")
    said = "on links lan, direct; datagrams come and go on links lan, direct: something there swallows TCP, or long packets"
    for node, peer in ((MASTER, SLAVE), (SLAVE, MASTER)):
        lab.wait_until(lambda n=node, p=peer: ("link-down", p) in alarms(lab, n), f"{node} says so", 30)
    for node in (MASTER, SLAVE):
        lab.wait_until(lambda n=node: any(a["text"].endswith(said) for a in lab.alarms(n)), f"{node} says why", 30)
    lab.swallow(longer_than=0)
    for node, peer in ((MASTER, SLAVE), (SLAVE, MASTER)):
        lab.wait_until(lambda n=node, p=peer: ("link-down", p) not in alarms(lab, n), f"it is over on {node}", 30)
    assert "on hold" in lab.failc(SLAVE, "status")
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


@pytest.mark.parametrize("who", ["faild", "everything"])
def test_an_owner_that_stood_still_looks_before_it_acts(cluster, who):
    """It is paused until the other has taken over. Awake again it finds a rival, and the split ends by the rule."""
    node = cluster.lab.nodes[MASTER]
    if who == "faild":
        node.signal(signal.SIGSTOP)
    else:
        node.freeze()
    cluster.until_written("up", SLAVE)
    if who == "faild":
        node.signal(signal.SIGCONT)
    else:
        node.thaw()
    cluster.until_written("node-paused", MASTER)
    cluster.until_serves(MASTER)
    cluster.until_written("reclaim", MASTER)
    assert not cluster.holds_address(SLAVE)
    cluster.is_sound()


def test_a_slave_that_stood_still_takes_nothing(cluster):
    """For it the master was silent; but a node that did not run has no opinion."""
    cluster.lab.nodes[SLAVE].signal(signal.SIGSTOP)
    cluster.for_a_while(MASTER)
    cluster.lab.nodes[SLAVE].signal(signal.SIGCONT)
    cluster.until_written("node-paused", SLAVE)
    cluster.for_a_while(MASTER)
    assert cluster.claimants() == []
    cluster.is_sound()


def test_a_witness_relays_and_owns_nothing(packet_filter, make_lab):
    """With both links between master and slave cut, the witness hears both: alive but unreachable is no reason to claim."""
    from tools.lab.pytest_plugin import Cluster

    lab = make_lab(MASTER, SLAVE, witnesses=["umpire"])
    lab.init()
    cluster = Cluster(lab)
    for one, other in ((MASTER, SLAVE), (SLAVE, MASTER)):
        cluster.lab.cut_one_way(one, other)
    cluster.lab.wait_until(lambda: lab.status(SLAVE)["nodes"][MASTER]["liveness"] == "unreachable", "it is seen", 30)
    cluster.for_a_while(MASTER)
    assert cluster.claimants() == []
    for one, other in ((MASTER, SLAVE), (SLAVE, MASTER)):
        cluster.lab.heal_one_way(one, other)
    cluster.is_sound()
