"""A starting node folds its log while it proves it, and knows the same as if it had read it once more for that."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.core.core import Core
from coordinator.core.inputs import Now
from coordinator.daemon.own_history import Past, Reading
from coordinator.state.folded import Folded
from protocol.kinds import Kind
from store.journal import Journal
from tests.audit.worlds import Played, played
from tools.simulator.keys import Keys

NOW, RUN = Now(0, 0, 0), bytes(8)
ACCIDENTS = {
    "05-split-brain": "two-nodes.toml",
    "lost-disk-keeps-the-move": "two-nodes.toml",
    "standby-outlives-a-lost-disk": "three-nodes.toml",
    "configurations-differ-for-hours": "three-nodes.toml",
    "removed-and-back-with-its-old-file": "three-nodes.toml",
}


def ran(world: Played) -> list[str]:
    return [name for name, host in world.world.hosts.items() if host.disk.entries()]


async def opened(world: Played, me: str) -> tuple[Past, Folded, Folded]:
    """What it gathered, what it folded on the way, and what its core is where the log is read once more."""
    policy = read(world.config, files=False)
    reading = Reading(me, policy)
    journal = await Journal.open(
        world.state(me), me, Keys([me], real=True).signer(me), keyring=reading.keyring, cluster=policy.cluster_id,
        notice=reading.past,
    )  # fmt: skip
    past: Past = journal.noticed
    assert past.folded is not None
    core = Core(me, policy, RUN, journal.entries(), NOW, ran=past.ran())
    await journal.close()
    return past, past.folded, Folded(core.state, core.context.feeds)


@pytest.mark.parametrize("scenario", ACCIDENTS)
def test_a_log_is_folded_as_it_is_proved(tmp_path: Path, scenario: str) -> None:
    world = played(f"{scenario}.scenario", tmp_path, ACCIDENTS[scenario])
    for node in ran(world):
        past, folded, again = asyncio.run(opened(world, node))
        assert folded == again
        assert past.ran(), "each node has lived by a file"


def test_files_that_were_not_found_beforehand_are_known_to_the_fold_all_the_same(tmp_path: Path) -> None:
    """Nothing is folded then by the files that were found: the log is read once more, with all of them."""
    world = played("configurations-differ-for-hours.scenario", tmp_path, "three-nodes.toml")
    policy = read(world.config, files=False)
    for node in ran(world):
        past = Reading(node, policy).past(world.world.hosts[node].disk.entries())
        assert past.ran()
        assert past.folded is None


def test_files_that_are_cut_off_with_the_tail_are_files_that_it_never_lived_by(tmp_path: Path) -> None:
    world = played("01-planned-failover.scenario", tmp_path)
    (me, host), *_ = world.world.hosts.items()
    at = next(entry.ref for entry in host.disk.entries() if entry.event.kind == Kind.CONFIG_APPLIED and entry.event.node == me)
    with sqlite3.connect(world.state(me) / "log.db") as connection:
        connection.execute("UPDATE events SET signature = NULL WHERE node = ? AND number >= ?", (me, at.number - 1))
        connection.execute("DELETE FROM events WHERE node = ? AND number > ?", (me, at.number))
    policy = read(world.config, files=False)
    reading = Reading(me, policy)

    async def noticed() -> tuple[Past, int]:
        journal = await Journal.open(
            world.state(me), me, Keys([me], real=True).signer(me), keyring=reading.keyring, cluster=policy.cluster_id,
            notice=reading.past,
        )  # fmt: skip
        left = len([entry for entry in journal.entries() if entry.event.node == me])
        await journal.close()
        return journal.noticed, left

    past, left = asyncio.run(noticed())
    assert left < at.number
    assert past.ran() == []
    assert past.folded is None
