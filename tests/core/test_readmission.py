"""A node whose log has forked owns nothing until an administrator admits it again; and then it does."""

from dataclasses import replace

import pytest

from coordinator.core.inputs import BatchArrived
from coordinator.state import ownership
from protocol.event import Entry
from protocol.kinds import Kind
from protocol.messages import Batch, Domain
from tests.core.test_reconfigure import TWO, core_of, events, running
from tools.simulator.world import World


@pytest.fixture
def forked() -> World:
    """A thief has lukretia's key, and signs another event at one of its numbers: genesis sees both."""
    world = running(TWO)
    genesis = world.hosts["genesis"]
    assert genesis.faild is not None
    last = [entry for entry in genesis.disk.entries() if entry.event.node == "lukretia" and entry.signature][-1]
    other = Entry.of(replace(last.event, wall_ms=last.event.wall_ms + 1))
    signature = world.keys.signer("lukretia").sign(Domain.EVENT, other.id)
    genesis.faild.post(BatchArrived(Batch((other.signed(signature),)), "lukretia"))
    world.run_until_ms(world.now_ms + 3_000)
    assert len(events(world, "genesis", Kind.FORK_SEEN)) == 1
    assert world.owners("web") == ("genesis",)
    return world


def test_nobody_goes_by_it_until_it_is_admitted_again(forked: World) -> None:
    world = forked
    world.hosts["lukretia"].stop()
    world.run_until_ms(world.now_ms + 2_000)
    world.start("lukretia")
    world.run_until_ms(world.now_ms + 5_000)
    assert world.owners("web") == ("genesis",)
    world.order("readmit", "", "lukretia")
    world.run_until_ms(world.now_ms + 5_000)
    assert world.owners("web") == ("lukretia",)
    assert len(events(world, "genesis", Kind.READMITTED)) == 1


def test_it_may_begin_with_an_empty_disk(forked: World) -> None:
    """As the operator is told to: the log that forked is removed, and the node completes it from the others."""
    world = forked
    world.order("readmit", "", "lukretia")
    world.forget("lukretia")
    world.start("lukretia")
    world.run_until_ms(world.now_ms + 8_000)
    assert world.owners("web") == ("lukretia",)
    assert len(events(world, "genesis", Kind.FORK_SEEN)) == 1


def test_a_fork_after_that_is_a_new_one(forked: World) -> None:
    world = forked
    world.order("readmit", "", "lukretia")
    world.run_until_ms(world.now_ms + 5_000)
    assert world.owners("web") == ("lukretia",)
    genesis = world.hosts["genesis"]
    assert genesis.faild is not None
    last = [entry for entry in genesis.disk.entries() if entry.event.node == "lukretia" and entry.signature][-1]
    other = Entry.of(replace(last.event, wall_ms=last.event.wall_ms + 1))
    signed = other.signed(world.keys.signer("lukretia").sign(Domain.EVENT, other.id))
    genesis.faild.post(BatchArrived(Batch((signed,)), "lukretia"))
    world.run_until_ms(world.now_ms + 3_000)
    assert len(events(world, "genesis", Kind.FORK_SEEN)) == 2
    assert world.owners("web") == ("genesis",)
    assert "lukretia" in ownership.refused_by(core_of(world, "genesis").state, "genesis")
