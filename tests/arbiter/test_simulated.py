"""The etcd of the simulator beside a real one: the same questions in the same order get the same answers."""

import asyncio
from pathlib import Path

from coordinator.arbiter.asking import ask
from coordinator.core.quorum.arbiter import Refused, Said, Seen, Sight, Taken
from coordinator.core.quorum.arbitration import Drop, Keep, Look, Question, Take
from tests.arbiter.conftest import client
from tests.arbiter.etcd import Etcd
from tools.simulator.etcd import SECOND_US
from tools.simulator.etcd import Etcd as Simulated

PATIENCE_MS = 20_000


class Both:
    """Two nodes at both etcds. Leases have other numbers there, and revisions begin elsewhere."""

    def __init__(self, real: Etcd) -> None:
        self.real, self.simulated, self.now_us = real, Simulated(), 0
        self.said: list[tuple[Said, Said]] = []

    async def ask(self, node: str, what, like) -> tuple[Said, Said]:
        """`what` of the real one, `like` of the simulated."""
        async with client(self.real.endpoints, node) as arbiter:
            first = await ask(arbiter, Question("db", what, 0, PATIENCE_MS))
            second = self.simulated.answer(node, arbiter.run, Question("db", like, 0, PATIENCE_MS), self.now_us)
        assert alike(first) == alike(second)
        return first, second


def alike(said: Said) -> tuple[object, ...]:
    match said:
        case Refused():
            return (Refused, said.name)
        case Seen():
            return (Seen, said.epoch, bool(said.modified), said.holder and (said.holder.node, said.holder.epoch))
        case Taken():
            return (Taken, said.epoch)
        case _:
            return (type(said),)


async def test_they_answer_alike(etcd: Etcd):
    both = Both(etcd)
    free = await both.ask("ann", Look(None), Look(None))
    mine = await both.ask("ann", *(Take(7, seen, 2) for seen in free))
    await both.ask("bob", *(Take(8, seen, 2) for seen in free))
    seen = await both.ask("bob", *(Look(taken.sight) for taken in mine))
    assert all(found.sight.revision == taken.sight.revision for found, taken in zip(seen, mine))
    await both.ask("ann", *(Keep(7, taken.lease, 2, taken.sight) for taken in mine))
    await both.ask("ann", *(Drop(taken.lease, taken.sight) for taken in mine))
    await both.ask("ann", *(Drop(taken.lease, taken.sight) for taken in mine))
    await both.ask("ann", *(Keep(7, taken.lease, 2, taken.sight) for taken in mine))
    await both.ask("bob", *(Take(8, seen, 2) for seen in free))
    again = await both.ask("bob", Look(None), Look(None))
    assert all(found.sight.revision == taken.sight.revision + 1 for found, taken in zip(again, mine)), "the end of a key counts"
    theirs = await both.ask("bob", *(Take(8, seen, 2) for seen in again))
    await asyncio.sleep(4)
    both.now_us += 4 * SECOND_US
    await both.ask("ann", Look(None), Look(None))
    await both.ask("bob", *(Keep(8, taken.lease, 2, taken.sight) for taken in theirs))


async def test_they_are_restored_alike(etcd: Etcd, tmp_path: Path):
    both = Both(etcd)
    free = await both.ask("ann", Look(None), Look(None))
    kept = await both.ask("ann", *(Take(1, seen, 60) for seen in free))
    etcd.snapshot(tmp_path / "old.db")
    at_us, both.now_us = both.now_us, SECOND_US
    await both.ask("ann", *(Drop(taken.lease, taken.sight) for taken in kept))
    seen = await both.ask("bob", Look(None), Look(None))
    taken = await both.ask("bob", *(Take(2, found, 60) for found in seen))
    etcd.restore(tmp_path / "old.db")
    both.simulated.restore(at_us, both.now_us)
    await both.ask("bob", *(Look(found.sight) for found in taken))
    await both.ask("bob", *(Take(3, Seen(found.sight, None, 2, found.sight.revision), 60) for found in taken))
    await both.ask("bob", *(Keep(2, found.lease, 60, found.sight) for found in taken))
    back = await both.ask("bob", Look(None), Look(None))
    assert all(found.holder.node == "ann" for found in back), "who has given it back long ago"
    await both.ask("ann", *(Keep(1, old.lease, 60, found.sight) for old, found in zip(kept, back)))
    assert {type(found.sight) for found in back} == {Sight}
