"""A node that was removed boots with its old file: it learns it, takes nothing, and its peers say which node tries to
connect."""

import json
import re
import shutil
import signal

import pytest

from tests.daemon.test_apply import apply, events, own_files

NAMES = ("lukretia", "genesis", "carthage")


@pytest.fixture
def three(make):
    cluster = own_files(make(*NAMES)).start()
    cluster.until_up("lukretia")
    return cluster


def without(cluster, gone, *names):
    """The files of these nodes do not name that one any more."""
    for name in names:
        path = cluster.nodes[name].config
        text = re.sub(rf'(?ms)^\[nodes\.{gone}\]\n.*?(?=^\[)', "", path.read_text())
        path.write_text(re.sub(rf'"{gone}", |, "{gone}"', "", text))


def stop(cluster, name):
    """Until all that go on know that it is down."""
    assert cluster.nodes[name].stop() == 0
    others = [other for other in cluster.names if cluster.nodes[other].lives()]
    cluster.until(lambda: all(name not in cluster.web(other)["owners"] for other in others), f"{name} has let go")


def remove(cluster, gone):
    """Stopped, and left out of the files of the others by an administrator; returns these."""
    others = [name for name in NAMES if name != gone]
    stop(cluster, gone)
    without(cluster, gone, *others)
    for name in others:
        done = apply(cluster, name)
        assert done.code == 0, done.err
    cluster.until_up(others[0], at=others)
    return others


def alarms(cluster, at):
    return {(alarm["name"], alarm["node"]) for alarm in cluster.status(at)["alarms"]}


def starts(cluster, name):
    return sum(line.startswith("start ") for line in cluster.nodes[name].told())


@pytest.mark.parametrize("gone", ["carthage", "lukretia"])
def test_a_removed_node_learns_it_and_takes_nothing(three, gone):
    """carthage dials its peers; lukretia is dialled by them, and would wait for a call that does not come any more."""
    others = remove(three, gone)
    node, before = three.nodes[gone], starts(three, gone)
    node.start()
    three.until_ready(gone)
    three.until(lambda: ("removed", gone) in alarms(three, gone), f"{gone} knows it")
    three.until(lambda: all(("removed-node", gone) in alarms(three, name) for name in others), "the others say so")
    said = three.web(gone)
    assert said["states"][gone] == "RECOVER"
    assert said["owner"] != gone
    three.until(lambda: f"{gone} was removed: configuration 2, shown by " in node.said(), "its log says it")
    (told,) = events(three, gone, "removed")
    assert told.body["by"] in others
    for name in others:
        three.nodes[name].kill()
    node.kill()
    node.start()
    three.until_ready(gone)
    three.until(lambda: ("removed", gone) in alarms(three, gone), f"{gone} still knows it, alone")
    three.until(lambda: three.status(gone)["nodes"][others[0]]["liveness"] == "dead", "it hears no node")
    assert len(events(three, gone, "removed")) == 2, "the new incarnation has it from the old one"
    assert starts(three, gone) == before
    assert three.web(gone)["owner"] is None
    found = three.audit("verify", "--json", at=NAMES).json
    assert found["ok"], found["findings"]


def test_a_word_that_no_administrator_has_signed_only_restrains(three):
    """The others read the changed file at a SIGHUP: that is their word alone, and lukretia takes nothing while they say it."""
    stop(three, "lukretia")
    without(three, "lukretia", "genesis", "carthage")
    for name in ("genesis", "carthage"):
        three.nodes[name].process.send_signal(signal.SIGHUP)
        three.until(lambda name=name: "is in force" in three.nodes[name].said(), f"{name} has applied it")
    before = starts(three, "lukretia")
    three.nodes["lukretia"].start()
    three.until_ready("lukretia")
    three.until(lambda: ("removed", "genesis") in alarms(three, "lukretia"), "lukretia hears it")
    three.until(lambda: "does not name lukretia" in three.web("lukretia")["reason"], "and does not claim")
    assert starts(three, "lukretia") == before
    assert events(three, "lukretia", "removed") == []
    for name in ("genesis", "carthage"):
        three.nodes[name].stop()
    three.until(lambda: three.nodes["lukretia"].serves(), "no peer says it any more")


def test_a_rebuilt_node_gets_the_feed_of_a_removed_one(three):
    """Its key stands in a file that this node has run itself, as its own feed tells: that one comes back first."""
    remove(three, "carthage")
    stop(three, "genesis")
    shutil.rmtree(three.nodes["genesis"].own_state)
    three.nodes["genesis"].start()
    three.until_ready("genesis")

    def complete():
        done = three.audit("verify", "--json", at=["genesis"])
        return done.code == 0 and "carthage" in json.loads(done.out)["feeds"]

    three.until(complete, "genesis has all of it")
    three.nodes["genesis"].kill()
    three.nodes["genesis"].start()
    three.until_ready("genesis")
