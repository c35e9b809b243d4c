"""What a person who is woken sees, with real daemons: a name, since when, what it is about; over when it is over."""

import re
import subprocess

from coordinator.control.outs import rfc3339
from tests.daemon.cluster import Cluster


def names(cluster: Cluster, at: str) -> set[tuple[str, str | None, str | None]]:
    return {(alarm["name"], alarm["service"], alarm["node"]) for alarm in cluster.alarms(at)}


def metrics(cluster: Cluster, at: str) -> list[str]:
    socket = cluster.nodes[at].own_state / "control.sock"
    words = ["curl", "-s", "--unix-socket", str(socket), "http://node/metrics"]
    page = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.findall(r"^(failover_alarm\{.*\}) 1\.0$", page, re.MULTILINE)
    return [line for line in found if "loop-late" not in line]  # a busy machine may be late


def test_a_dead_peer_is_an_alarm_wherever_one_looks_and_over_when_it_is_back(cluster):
    assert names(cluster, "genesis") == set()
    cluster.nodes["lukretia"].kill()
    dead, alone = ("peer-dead", None, "lukretia"), ("isolated", None, "genesis")
    cluster.until(lambda: names(cluster, "genesis") == {dead, alone}, "genesis raises both")
    (alarm,) = [alarm for alarm in cluster.status("genesis")["alarms"] if alarm["name"] == "peer-dead"]
    assert alarm["since"] == rfc3339(alarm["since_ms"])
    assert alarm["text"] == "lukretia is not heard any more: it was not stopped in order, as far as its log is known"
    said = cluster.failc("status", at="genesis").out
    assert f"alarm peer-dead lukretia since {alarm['since'][:19]}Z: lukretia is not heard any more" in said
    assert metrics(cluster, "genesis") == [
        'failover_alarm{name="isolated",node="genesis",service=""}',
        'failover_alarm{name="peer-dead",node="lukretia",service=""}',
    ]
    cluster.start("lukretia")
    cluster.until(lambda: names(cluster, "genesis") == set(), "both are over")
    assert "alarm peer-dead lukretia is over" in cluster.nodes["genesis"].said()


def test_a_service_that_nobody_has_is_an_alarm_that_says_by_whose_word(cluster):
    assert cluster.failc("fail", "web", "--reason", "disk swap").code == 0
    cluster.until_up("genesis")
    cluster.failc("fail", "web", "genesis", "--reason", "the rack burns", at="genesis")
    cluster.until(lambda: names(cluster, "genesis") == {("no-owner", "web", None)}, "no node has it")
    (alarm,) = cluster.alarms("genesis")
    assert 'genesis is in FAIL since ' in alarm["text"]
    assert 'by an operator (afm), "the rack burns"; until `failc recover web`' in alarm["text"]
    assert cluster.failc("recover", "web").code == 0
    cluster.until(lambda: not names(cluster, "genesis"), "it is over")


def test_a_stuck_service_is_an_alarm_on_both_nodes_and_the_log_says_since_when(cluster):
    (cluster.nodes["lukretia"].web / "stop").write_text("exit 1\n")
    assert cluster.failc("fail", "web", "--reason", "x").code == 1
    for at in cluster.names:
        cluster.until(lambda at=at: ("stuck", "web", "lukretia") in names(cluster, at), f"{at} says that it is stuck")
    since = {at: next(a["since"] for a in cluster.status(at)["alarms"] if a["name"] == "stuck") for at in cluster.names}
    cluster.until(
        lambda: len({a["since"] for at in cluster.names for a in cluster.status(at)["alarms"] if a["name"] == "stuck"}) == 1,
        f"both name the time of the event: {since}",
    )
    (cluster.nodes["lukretia"].web / "stop").unlink()
