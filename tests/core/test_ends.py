"""Ends of holding, and doubts, that no node may take for more than they are: in a world of the production core."""

import pytest

from coordinator.config import read
from coordinator.state.model import Judgement
from protocol.kinds import Kind
from tests.core.story import Story, dead
from tests.core.test_reconfigure import SCENARIOS, THREE, TWO, core_of, events, running
from tools.simulator.orders import armed
from tools.simulator.world import World

MANUAL = armed(read(SCENARIOS / "manual.toml", files=False))


def stopped(world: World) -> World:
    """lukretia has ended in order, and genesis has the service."""
    world.hosts["lukretia"].stop()
    world.run_until_ms(6_000)
    assert world.owners("web") == ("genesis",)
    return world


@pytest.mark.parametrize("policy", [TWO, MANUAL], ids=["failback", "no failback"])
def test_a_node_that_stopped_and_is_back_is_no_reason_to_announce_again(policy):
    """Its last word was of the run before: that it runs anew does not make its old `down` a surprise."""
    world = stopped(running(policy))
    world.start("lukretia")
    world.run_until_ms(10_000)
    assert [events(world, node, Kind.RECLAIM) for node in world.hosts] == [[], []]


def test_a_last_word_is_recorded_once_however_often_it_comes():
    assert len(events(stopped(running(TWO)), "genesis", Kind.LAST_WORD)) == 1


def test_two_that_hear_each_other_through_a_third_are_never_in_doubt():
    """A third one that passes heartbeats on only when it is spoken to adds its own waiting to theirs."""
    world = running(THREE)
    first, second, *_ = THREE.nodes
    network = world.network
    network.cut([*network.ways(first, second, None), *network.ways(second, first, None)])
    world.run_until_ms(6_000)
    seen = set()
    for at_ms in range(6_000, 16_000, 5):
        world.run_until_ms(at_ms)
        for one, other in ((first, second), (second, first)):
            seen.add(core_of(world, one).liveness.judgement(other, world.hosts[one].now().mono_ms))
    assert seen == {Judgement.ALIVE}


@pytest.mark.parametrize("started_anew", [False, True], ids=["never seen again", "started anew"])
def test_who_wrote_on_while_i_took_it_for_dead_held_it_beside_me(started_anew):
    """It served until it died, and neighbours may remember it: once announced again, it is no news any more."""
    story = Story.of("lukretia", "genesis").holds("lukretia", 1).holds("genesis", 2)
    assert story.decides("genesis", lukretia=dead()).rule != "reclaim"
    body = {"peer": "genesis", "judgement": "dead", "was": "indoubt", "silent_ms": 500, "links": {}, "count": 1}
    story.write("lukretia", Kind.JUDGED, body, service="", knows=False)
    if started_anew:
        story.starts("lukretia")
    assert story.decides("genesis", lukretia=dead()).rule == "reclaim"
    story.write("genesis", Kind.RECLAIM, {"epoch": 3, "reason": "again"})
    assert story.up("genesis").decides("genesis", lukretia=dead()).rule != "reclaim"


def test_a_death_that_was_one_is_no_split():
    story = Story.of("lukretia", "genesis").holds("lukretia", 1).holds("genesis", 2).starts("lukretia")
    assert story.decides("genesis").rule != "reclaim"
