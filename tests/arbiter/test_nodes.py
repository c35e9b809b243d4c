"""Real `faild`s that own a service by leave of a real etcd: members killed, the quorum lost, the cluster restored.

The service is a hook that is told: what the nodes do is read from their logs, by the one boot clock of this machine.
"""

import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.event import Entry
from protocol.events import Claim, Down, Release, body_of
from tests.arbiter.etcd import Etcd
from tests.daemon.cluster import Cluster
from tools.cli.trouble import Trouble

LEASE_MS = 4_000
TERM_MS = 4_071
"""(lease + 30 ms) x (1 + 1 %)."""

HOLD_MS = 3_930
"""lease / (1 + 1 %) - 30 ms."""

Nodes = Callable[[Etcd], Cluster]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """lukretia, which is preferred, and genesis; none is started."""
    made: list[Cluster] = []

    def make(etcd: Etcd) -> Cluster:
        endpoints = ", ".join(f'"{endpoint}"' for endpoint in etcd.endpoints)
        cluster = Cluster(tmp_path / "nodes", more=f'partition = "arbiter"\nlease = "{LEASE_MS // 1000}s"')
        text = cluster.config.read_text().replace('timeout = "2s"\n', "").replace("script  =", "notify =")
        cluster.config.write_text(f"{text}\n[arbiter]\nendpoints = [{endpoints}]\n")
        made.append(cluster)
        return cluster

    (tmp_path / "nodes").mkdir()
    yield make
    for cluster in made:
        cluster.__exit__(None, None, None)


def owner(cluster: Cluster) -> Any:
    """As every node says that runs; None where they differ, or nobody owns it."""
    try:
        said = {tuple(cluster.web(name)["owners"]) for name in cluster.names if cluster.nodes[name].lives()}
    except Trouble:
        return None
    return said.pop()[0] if len(said) == 1 and said != {()} else None


def bodies(cluster: Cluster, node: str) -> list[tuple[int, Any]]:
    """What this node itself wrote about the service, with the boot clock."""
    with sqlite3.connect(f"file:{cluster.nodes[node].own_state / 'log.db'}?mode=ro", uri=True) as log:
        asked = "SELECT bytes, signature FROM events WHERE node = ? ORDER BY incarnation, number"
        rows = log.execute(asked, (node,)).fetchall()
    events = [Entry.read(*row).event for row in rows]
    return [(event.boot_ms, body_of(event)) for event in events if event.service == "web"]


def claims(cluster: Cluster) -> list[tuple[int, str, Claim]]:
    found = [(ms, node, body) for node in cluster.names for ms, body in bodies(cluster, node) if isinstance(body, Claim)]
    return sorted(found, key=lambda claim: claim[0])


def let_go_ms(cluster: Cluster, node: str, epoch: int) -> int:
    """When it began to take down what it had claimed under this epoch. A status may tell it before it stands in the log."""

    def ends() -> list[int]:
        return [ms for ms, body in bodies(cluster, node) if isinstance(body, Release | Down) and body.epoch == epoch]

    cluster.until(lambda: bool(ends()), f"{node} has written that it lets go")
    return ends()[0]


def none_overlaps(cluster: Cluster) -> None:
    found = claims(cluster)
    for (_, node, claim), (next_ms, _, later) in itertools.pairwise(found):
        assert later.epoch > claim.epoch, "no epoch is given twice"
        assert let_go_ms(cluster, node, claim.epoch) <= next_ms, f"{node} had let go before the next claim"
    assert cluster.audit("verify").code == 0


def has_alarm(cluster: Cluster, node: str) -> bool:
    return any(alarm["name"] == "arbiter-unseen" for alarm in cluster.alarms(node))


def boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def test_a_member_is_killed_and_then_the_quorum_is_lost(etcd: Etcd, nodes: Nodes) -> None:
    cluster = nodes(etcd).start()
    cluster.until(lambda: owner(cluster) == "lukretia", "lukretia owns it")
    lease = cluster.web("lukretia")["lease"]
    assert 0 < lease["left_ms"] <= HOLD_MS
    assert lease["votes"] == []
    first, second = (index for index in range(3) if index != etcd.leader())
    etcd.kill(first)
    time.sleep(2 * LEASE_MS / 1000)
    assert owner(cluster) == "lukretia", "its lease was kept alive by the other two"
    etcd.kill(second)
    lost_ms = boot_ms()
    time.sleep(1)
    assert owner(cluster) == "lukretia", "no lease ends before its time"
    cluster.until(lambda: owner(cluster) is None and cluster.web("lukretia")["owners"] == [], "lukretia lets go")
    before = claims(cluster)
    (_, node, claim) = before[-1]
    assert node == "lukretia"
    assert claim.arbiter is not None
    assert lost_ms < let_go_ms(cluster, "lukretia", claim.epoch) <= lost_ms + HOLD_MS + 1_000
    time.sleep(2 * LEASE_MS / 1000)
    assert claims(cluster) == before, "nobody claims without a quorum"
    for node in cluster.names:
        assert "does not see the arbiter: http://127.0.0.1:" in cluster.web(node)["reason"]
        cluster.until(lambda node=node: has_alarm(cluster, node), "the alarm")
    etcd.start(first)
    back_ms = boot_ms()
    cluster.until(lambda: owner(cluster) == "lukretia", "it has a quorum again")
    cluster.until(lambda: not any(has_alarm(cluster, node) for node in cluster.names), "its end")
    assert claims(cluster)[len(before)][0] >= back_ms + TERM_MS, "whatever it may have forgotten was over"
    none_overlaps(cluster)


def test_the_owner_is_killed_and_then_the_cluster_restored_from_before(etcd: Etcd, nodes: Nodes, tmp_path: Path) -> None:
    etcd.snapshot(tmp_path / "snapshot")
    cluster = nodes(etcd).start()
    cluster.until(lambda: owner(cluster) == "lukretia", "lukretia owns it")
    killed_ms = boot_ms()
    cluster.nodes["lukretia"].kill()
    cluster.until(lambda: owner(cluster) == "genesis", "genesis follows")
    before = claims(cluster)
    taken_ms, _, taken = before[-1]
    assert taken_ms >= killed_ms + LEASE_MS // 2, "the lease of one that is dead ends by itself"
    etcd.restore(tmp_path / "snapshot")
    back_ms = boot_ms()
    cluster.until(lambda: len(claims(cluster)) > len(before) and owner(cluster) == "genesis", "genesis takes it again")
    again_ms, _, again = claims(cluster)[-1]
    assert again_ms >= back_ms - LEASE_MS // 2 + TERM_MS, "and not before a term was over"
    assert let_go_ms(cluster, "genesis", taken.epoch) < again_ms
    assert again.epoch > taken.epoch, "also where etcd has forgotten all of them"
    assert cluster.audit("verify").code == 0


def test_who_stops_gives_it_on_at_once(steady: Etcd, nodes: Nodes) -> None:
    cluster = nodes(steady).start()
    cluster.until(lambda: owner(cluster) == "lukretia", "lukretia owns it")
    (_, node, claim) = claims(cluster)[-1]
    assert node == "lukretia"
    assert cluster.nodes["lukretia"].stop() == 0
    stopped_ms = let_go_ms(cluster, "lukretia", claim.epoch)
    cluster.until(lambda: owner(cluster) == "genesis", "genesis follows")
    assert claims(cluster)[-1][0] < stopped_ms + LEASE_MS // 2, "its lease was given back"
    none_overlaps(cluster)
