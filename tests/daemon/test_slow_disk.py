"""Nodes whose disk is slow (slow_disk.py): what virtual time shows of a claim on its way to the disk, with real daemons.

The scripts of all nodes write into one file, so that their order is known without any clock.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from coordinator.core.fitness import DISK_HANGS
from protocol.event import Event
from tests.daemon.cluster import Cluster
from tests.daemon.slow_disk import STANDS_STILL, slow_disk, slow_library
from tests.daemon.test_apply import OTHER, edit, own_files
from tools.cli.trouble import Trouble
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
        self.before = 0
        """So many owners are of no concern."""
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
        return owners[self.before :]


def written(cluster: Cluster, kind: str) -> list[Event]:
    """Every event of this kind that is in a log, once all logs have all events."""
    feeds = FeedIndex([node.own_state for node in cluster.nodes.values()])
    try:
        cluster.until(feeds.same_everywhere, "every node holds every feed")
        return feeds.since(0, kind)
    finally:
        feeds.close()


def claimants(cluster: Cluster) -> list[str]:
    """Whose each claim is, in their order; without those before the trace begins."""
    claims = sorted(written(cluster, "claim"), key=lambda event: event.body["epoch"])
    return [event.node for event in claims][cluster.claims_before :]


@pytest.fixture
def prepared(make, slow_disk):
    """Two nodes that are not started, each on a disk that can be made slow. With the trace of both scripts."""

    def prepare(dead: str = "500ms") -> Cluster:
        cluster = own_files(make())
        edit(cluster, *cluster.names, old='dead      = "500ms"', new=f'dead      = "{dead}"')
        cluster.disks = {name: slow_disk(node) for name, node in cluster.nodes.items()}
        cluster.trace, cluster.claims_before = Trace(cluster), 0
        return cluster

    return prepare


@pytest.fixture
def pair(prepared):
    return serving(prepared())


def serving(cluster: Cluster) -> Cluster:
    """Started; lukretia serves, and the trace begins with that: where it was slow to start, genesis had the service before."""
    cluster.start()
    cluster.until_up("lukretia")
    cluster.trace.before = len(cluster.trace.owners()) - 1
    cluster.claims_before = len(claimants(cluster)) - 1
    return cluster


def stands_still_when_lukretia_lets_go(pair: Cluster, name: str) -> None:
    """The disk of this node, before lukretia's last word is said: what is written from then on waits."""
    lukretia = pair.nodes["lukretia"]
    lukretia.plant("stop", (lukretia.web / "stop").read_text() + pair.disks[name].will_take(STANDS_STILL))


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


def test_a_claim_that_takes_the_disk_longer_than_dead_is_waited_for(prepared):
    """genesis says that it is not fit, since its disk hangs, and that its claim is on its way there. lukretia, which let go,
    does not take the service back."""
    pair = serving(prepared(dead="1500ms"))
    stands_still_when_lukretia_lets_go(pair, "genesis")
    assert pair.failc("move", "web", "genesis", "--no-wait").code == 0
    pair.until(lambda: pair.status("genesis")["unfit_because"] == DISK_HANGS, "genesis has claimed, and its disk hangs")
    pair.until(lambda: not pair.status("lukretia")["nodes"]["genesis"]["fit"], "lukretia hears that genesis is not fit")
    web = pair.web("lukretia")
    assert (web["states"]["lukretia"], web["owners"]) == ("RECOVER", []), web
    pair.disks["genesis"].takes(0)
    pair.until_up("genesis")
    assert pair.trace.owners() == claimants(pair) == ["lukretia", "genesis"]
    assert pair.audit("verify").code == 0


def test_an_order_that_the_acting_node_refuses_comes_back_with_its_reason(prepared):
    """lukretia has given the service away, and its disk has not taken that: genesis knows its last word alone. Asked at
    lukretia to take the service back, genesis refuses, and its words reach the operator."""
    pair = serving(prepared(dead="10s"))  # its disk may hang for so long before lukretia is unfit, and refuses itself
    stands_still_when_lukretia_lets_go(pair, "lukretia")
    assert pair.failc("move", "web", "genesis", "--no-wait").code == 0
    pair.until(lambda: pair.web("lukretia")["states"] == {"lukretia": "RECOVER", "genesis": "UP"}, "lukretia sees it there")
    done = pair.failc("move", "web", "lukretia")
    assert (done.code, done.out) == (1, ""), done
    assert "refused: lukretia cannot take web now: its last word says that it is down there" in done.err
    pair.disks["lukretia"].takes(0)
    pair.until(lambda: pair.web("genesis")["states"]["lukretia"] == "RECOVER", "genesis knows it to be down")
    done = pair.failc("move", "web", "lukretia")
    assert (done.code, done.err) == (0, ""), done
    assert pair.trace.owners() == claimants(pair) == ["lukretia", "genesis", "lukretia"]


def test_a_node_that_was_passed_over_while_it_started_gets_the_service_back(prepared):
    """Its first event waits for its disk: genesis hears it start, passes it over and serves. `failback` is auto."""
    pair = prepared()
    lukretia = pair.nodes["lukretia"]
    pair.start("genesis").until_up("genesis")
    for words in ("hold web", "fail web genesis --yes --reason test", "recover web genesis"):
        assert pair.failc(*words.split(), at="genesis").code == 0, words  # genesis may take it, and does not yet
    lukretia.plant("status", 'rm "$here/status"; ' + pair.disks["lukretia"].will_take(STANDS_STILL))  # its probe at the start
    lukretia.start()
    pair.until(lambda: said_by(pair, "lukretia").get("unfit_because") == DISK_HANGS, "lukretia waits for its disk")
    assert pair.failc("unhold", "web", at="genesis").code == 0
    pair.until_up("genesis", at=["genesis"])
    pair.disks["lukretia"].takes(0)
    assert [event.node for event in written(pair, "node-started")] == ["genesis", "lukretia"]
    pair.until(lambda: pair.status("genesis")["nodes"]["lukretia"]["fit"], "genesis hears that lukretia is fit")
    code, found = pair.socket("genesis").ask("GET", "/resolve?word=move&service=web&node=lukretia")
    assert code == 200, f"nothing keeps it from lukretia any more: {found}"
    pair.until_up("lukretia")
    assert pair.trace.owners() == claimants(pair) == ["genesis", "genesis", "lukretia"]
    assert pair.audit("verify").code == 0


def said_by(pair: Cluster, name: str) -> dict[str, Any]:
    """Its status; empty where it does not answer yet."""
    try:
        return pair.status(name)
    except Trouble:
        return {}


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
    words = ("other up", "other status", "other start")
    pair.until(lambda: genesis.told()[-1].startswith(words), "it is told what is true now, after what was true before")
    assert (tmp_path / "asked").read_text() == "durable\n"
    assert "start genesis" not in (pair.folder / "trace").read_text(), "the old actions never ran"
