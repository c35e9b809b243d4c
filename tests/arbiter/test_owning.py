"""Nodes that own a service by leave of a real etcd, by the rules of `quorum.arbitration` and the client, and nothing else."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path

from coordinator.arbiter.asking import ask
from coordinator.arbiter.client import Arbiter
from coordinator.core.quorum.arbitration import Arbitration, Question
from coordinator.core.quorum.promise import Term
from tests.arbiter.conftest import client
from tests.arbiter.etcd import Etcd
from tests.arbiter.slow_proxy import SlowProxy

TERM = Term(4_000, 30, 1)
"""Twice the least: a member that is asked in vain costs a third of each question's patience."""

ASKED = ("/v3/kv/txn", "/v3/lease/grant", "/v3/lease/keepalive", "/v3/lease/revoke")


def now_ms() -> int:
    return int(time.monotonic() * 1000)


class Node:
    """Wants the service always, and owns it from its claim to the end of its lease."""

    def __init__(self, arbiter: Arbiter) -> None:
        self.arbiter = arbiter
        self.asked = Arbitration(arbiter.me, arbiter.run, heartbeat_ms=100)
        self.asked.follow({"db": TERM})
        self.spans: list[tuple[int, int]] = []
        """From when to when it has owned it; of the last one the end is that of its lease."""
        self.epochs: list[int] = []
        self.wants = True
        self.on_their_way: set[asyncio.Task[None]] = set()

    @property
    def owns(self) -> bool:
        return bool(self.asked.until_ms("db", now_ms()))

    async def run(self) -> None:
        while True:
            self.turn()
            await asyncio.sleep(0.01)

    def turn(self) -> None:
        at_ms = now_ms()
        self.asked.look(at_ms)
        if until_ms := self.asked.until_ms("db", at_ms):
            self.spans[-1] = (self.spans[-1][0], until_ms)
            if not self.wants:
                self.spans[-1] = (self.spans[-1][0], at_ms)
                self.asked.down("db")
        elif self.wants:
            self.asked.want("db", max(self.epochs, default=0))
            if grant := self.asked.elected("db", max(self.epochs, default=0), at_ms):
                self.asked.claimed("db")
                self.spans.append((at_ms, grant.until_ms))
                self.epochs.append(grant.epoch)
        for question in self.asked.questions(at_ms):
            task = asyncio.create_task(self._ask(question))
            self.on_their_way.add(task)
            task.add_done_callback(self.on_their_way.discard)

    async def _ask(self, question: Question) -> None:
        answer = await ask(self.arbiter, question)
        self.asked.look(now_ms())
        self.asked.said(question, answer, now_ms())


@contextlib.asynccontextmanager
async def running(*nodes: Node):
    tasks = [asyncio.create_task(node.run()) for node in nodes]
    try:
        yield
        assert not [task for task in tasks if task.done()], "a node has ended"
    finally:
        for task in (*tasks, *(task for node in nodes for task in node.on_their_way)):
            task.cancel()


async def until(true: Callable[[], object], limit_s: float = 90.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it has not come to pass"
        await asyncio.sleep(0.01)


def overlap_ms(*nodes: Node) -> int:
    """How long two of them have owned it at once, with what a kernel needs to silence one; below 0: for so long none has."""
    spans = sorted((begin, end + TERM.stop_ms, node) for node, each in enumerate(nodes) for begin, end in each.spans)
    return max((one[1] - other[0] for one, other in itertools.pairwise(spans) if one[2] != other[2]), default=0)


async def test_one_owns_it_through_the_death_of_a_member_and_gives_it_on(etcd: Etcd):
    async with client(etcd.endpoints) as a, client(etcd.endpoints, "bob") as b:
        ann, bob = Node(a), Node(b)
        async with running(ann, bob):
            await until(lambda: ann.owns or bob.owns)
            holder, other = (ann, bob) if ann.owns else (bob, ann)
            etcd.kill(next(index for index in range(3) if index != etcd.leader()))
            began_ms = now_ms()
            await until(lambda: now_ms() > began_ms + 2 * TERM.lease_ms)
            assert holder.owns, "its lease was kept alive by the other two"
            holder.wants = False
            await until(lambda: other.owns)
    assert len(holder.spans) == 1
    assert other.epochs[-1] > holder.epochs[-1]
    assert overlap_ms(ann, bob) <= TERM.stop_ms, "it is down when it says so"


async def test_without_a_quorum_a_holder_goes_on_to_the_end_of_its_lease_and_nobody_follows(etcd: Etcd):
    async with client(etcd.endpoints) as a, client(etcd.endpoints, "bob") as b:
        ann, bob = Node(a), Node(b)
        async with running(ann, bob):
            await until(lambda: ann.owns or bob.owns)
            holder = ann if ann.owns else bob
            for index in (1, 2):
                etcd.kill(index)
            lost_ms = now_ms()
            await until(lambda: not holder.owns)
            over_ms = holder.spans[-1][1]
            assert now_ms() >= over_ms, "not before its lease was over"
            assert over_ms <= lost_ms + TERM.lease_ms, "and that was kept alive by nobody"
            count = len(ann.spans) + len(bob.spans)
            await until(lambda: now_ms() > over_ms + 2 * TERM.lease_ms)
            assert len(ann.spans) + len(bob.spans) == count, "nobody claims while no quorum says so"
            etcd.start(1)
            await until(lambda: ann.owns or bob.owns)
    assert overlap_ms(ann, bob) <= 0


async def test_a_slow_etcd_keeps_a_lease_and_one_that_stalls_keeps_none(emptied: Etcd):
    """All that etcd is asked for is done; only the answers come late, or never."""
    async with SlowProxy(emptied.endpoints[0]) as slow, client((slow.endpoint,)) as a, client((slow.endpoint,), "bob") as b:
        ann, bob = Node(a), Node(b)
        for path in ASKED:
            slow.answers_after(path, seconds=0.1)
        async with running(ann, bob):
            await until(lambda: ann.owns or bob.owns)
            holder, began_ms = ann if ann.owns else bob, now_ms()
            await until(lambda: now_ms() > began_ms + 2 * TERM.lease_ms)
            assert holder.owns, "late is soon enough"
            for path in ASKED:
                slow.answers_after(path, seconds=3600)
            await until(lambda: not holder.owns)
            assert now_ms() >= holder.spans[-1][1], "not before its lease was over"
            count = len(ann.spans) + len(bob.spans)
            await until(lambda: now_ms() > holder.spans[-1][1] + 2 * TERM.lease_ms)
            assert len(ann.spans) + len(bob.spans) == count, "nobody claims by what it asked for and was never told"
    assert overlap_ms(ann, bob) <= 0


async def test_a_cluster_that_was_restored_makes_no_two_owners(etcd: Etcd, tmp_path: Path):
    """The snapshot is older than the holder's lease: by it the service is free."""
    etcd.snapshot(tmp_path / "old.db")
    async with client(etcd.endpoints) as a, client(etcd.endpoints, "bob") as b:
        ann, bob = Node(a), Node(b)
        async with running(ann, bob):
            await until(lambda: ann.owns or bob.owns)
            count = len(ann.spans) + len(bob.spans)  # on a busy machine the next one begins before all members answer
            await asyncio.to_thread(etcd.restore, tmp_path / "old.db")
            await until(lambda: len(ann.spans) + len(bob.spans) > count)
    assert overlap_ms(ann, bob) <= 0
