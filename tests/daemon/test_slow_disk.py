"""Nodes whose disk is slow (slow_disk.py): what virtual time shows of a claim on its way to the disk, with real daemons.

The scripts of all nodes write into one file, so that their order is known without any clock.
"""

import signal
import sys
from pathlib import Path

import pytest

from tests.daemon.cluster import Cluster
from tests.daemon.slow_disk import STANDS_STILL, slow_disk, slow_library
from tests.daemon.test_apply import OTHER, edit, own_files
from tools.lab.feeds import FeedIndex
from tools.lab.programs import ROOT

__all__ = ["slow_disk", "slow_library"]

SLOW_MS = 300
"""Fifty times a good disk, and less than what makes a node withdraw a claim."""

DURABLE = """\
import sqlite3, sys
sys.path.insert(0, sys.argv[1])
from protocol.event import decode
with sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True) as log:
    events = [decode(raw) for raw, in log.execute("SELECT bytes FROM events")]
claims = [e for e in events if (e.node, e.kind, e.body.get("epoch")) == (sys.argv[3], "claim", int(sys.argv[4]))]
print("durable" if claims else "not durable")
"""
"""What a script asks before it starts anything: whether the claim that it is started for is on the disk."""


class Trace:
    """The words `start` and `stop` of every node's script, in the order in which they ran: "start genesis"."""

    def __init__(self, cluster: Cluster):
        self._file = cluster.folder / "trace"
        for node in cluster.nodes.values():
            for word in ("start", "stop"):
                down_first = 'rm -f "$here/up"; ' if word == "stop" else ""
                node.plant(word, f'{down_first}echo "{word} {node.name}" >> {self._file}')

    def owners(self) -> list[str]:
        """Who had the service, in order; where one started before another had stopped, AssertionError."""
        owners: list[str] = []
        holder = ""
        for line in self._file.read_text().splitlines():
            word, name = line.split()
            assert holder in ("", name), f"{line}, while {holder} has it: {self._file.read_text()}"
            if word == "start":
                owners.append(name)
            holder = name if word == "start" else ""
        return owners


def claimants(cluster: Cluster) -> list[str]:
    """Every claim that is in a log, in order, once all logs have all of them."""
    feeds = FeedIndex([node.own_state for node in cluster.nodes.values()])
    try:
        cluster.until(feeds.same_everywhere, "every node holds every feed")
        return [event.node for event in sorted(feeds.since(0, "claim"), key=lambda event: event.body["epoch"])]
    finally:
        feeds.close()


@pytest.fixture
def pair(make, slow_disk):
    """lukretia serves; genesis is on a disk that can be made slow. With the trace of both scripts."""
    cluster = own_files(make())
    cluster.disks = {name: slow_disk(node) for name, node in cluster.nodes.items()}
    cluster.trace = Trace(cluster)
    cluster.start()
    cluster.until_up("lukretia")
    return cluster


def test_a_move_to_a_slow_disk_goes_there_once_and_every_order_is_answered(pair):
    """The claim is on its way to the disk for longer than it takes the one who let go to ask itself whether to take it back."""
    pair.disks["genesis"].takes(SLOW_MS)
    for target in ("genesis", "lukretia", "genesis", "lukretia"):
        pair.until(lambda target=target: pair.web("lukretia")["states"][target] == "RECOVER", "lukretia knows it to be down")
        done = pair.failc("move", "web", target)
        assert (done.code, done.err) == (0, ""), done
        pair.until_up(target)
    assert pair.trace.owners() == claimants(pair) == ["lukretia", "genesis", "lukretia", "genesis", "lukretia"]
    assert pair.audit("verify").code == 0


def test_an_order_that_is_passed_on_to_a_slow_disk_comes_back_with_an_answer(pair):
    """Asked at lukretia, which has just given the service away, to take it back: genesis acts, lukretia passes its word on."""
    pair.disks["genesis"].takes(SLOW_MS)
    assert pair.failc("move", "web", "genesis").code == 0
    done = pair.failc("move", "web", "lukretia")
    assert (done.code, done.err) == (0, ""), done
    pair.until_up("lukretia")
    again = pair.failc("move", "web", "lukretia")
    assert "lukretia" in again.out + again.err
    assert "not up after" not in again.out + again.err
    assert pair.trace.owners() == claimants(pair) == ["lukretia", "genesis", "lukretia"]


def test_actions_that_are_configured_anew_wait_for_the_claim_as_the_old_ones_do(pair, tmp_path: Path):
    """genesis takes over, its disk stands still, and its file is changed: the new script waits as the old one did."""
    genesis = pair.nodes["genesis"]
    (tmp_path / "durable.py").write_text(DURABLE)
    asked = f"{sys.executable} {tmp_path}/durable.py {ROOT} {genesis.own_state}/log.db genesis $FAILOVER_EPOCH"
    other = tmp_path / "other"
    other.write_text(OTHER.format(folder=pair.folder).replace("start)", f"start)  {asked} >> {tmp_path}/asked;"))
    other.chmod(0o755)
    pair.disks["genesis"].takes(STANDS_STILL)
    pair.nodes["lukretia"].kill()
    pair.until(lambda: pair.web("genesis")["states"]["genesis"] == "STARTING", "genesis claims")
    before = pair.status("genesis")["config"]
    edit(pair, "genesis", old=f'script  = "{pair.folder / "web"}"', new=f'script  = "{other}"')
    genesis.process.send_signal(signal.SIGHUP)
    pair.until(lambda: pair.status("genesis")["config"] != before, "the changed file is in force")
    assert not genesis.serves()
    pair.disks["genesis"].takes(0)
    pair.until_up("genesis")
    assert genesis.told()[-1].startswith(("other up", "other status", "other start"))
    assert (tmp_path / "asked").read_text() == "durable\n"
    assert "start genesis" not in (pair.folder / "trace").read_text(), "the old actions never ran"
