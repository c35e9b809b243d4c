"""Since when: what the table's answers wait for."""

from coordinator.core.service_timers import ServiceTimers
from coordinator.decision.decide import Act
from protocol.kinds import Kind
from tests.core.story import Story, alive, dead

L, G = "lukretia", "genesis"
DEAD_MS = 500


def split() -> Story:
    """Each took the other for dead; lukretia has genesis' claim by now."""
    return Story.of(L, G).holds(L, 1).holds(G, 2, knows=False)


def test_a_rival_whose_events_came_before_its_heartbeats_is_waited_for() -> None:
    """An announcement now would not wait for its end; and the loser, too, would announce."""
    waits, story = ServiceTimers(), split()
    for me, rival in ((L, G), (G, L)):
        if me == G:
            story.write(L, Kind.RECLAIM, {"epoch": 3, "reason": ""}, knows=False)
        case, decision = story.case(me, **{rival: dead()}), story.decides(me, **{rival: dead()})
        assert decision.act is Act.RECLAIM
        assert waits.speaks_soon(case, decision, 1_000, DEAD_MS)
        assert 1_000 + DEAD_MS in waits.wakes_ms(case, 1_000, DEAD_MS)
        assert not waits.speaks_soon(case, decision, 1_000 + DEAD_MS, DEAD_MS), "it has died since"


def test_a_rival_that_is_heard_is_not() -> None:
    waits, story = ServiceTimers(), split()
    assert not waits.speaks_soon(story.case(L, genesis=alive()), story.decides(L, genesis=alive()), 1_000, DEAD_MS)


def test_a_rival_that_has_let_go_is_not() -> None:
    waits, story = ServiceTimers(), split().lets_go(G)
    assert not waits.speaks_soon(story.case(L, genesis=dead()), story.decides(L, genesis=dead()), 1_000, DEAD_MS)


def test_another_split_is_waited_for_anew() -> None:
    waits, story = ServiceTimers(), split()
    case, decision = story.case(L, genesis=dead()), story.decides(L, genesis=dead())
    assert waits.speaks_soon(case, decision, 1_000, DEAD_MS)
    story.write(L, Kind.RECLAIM, {"epoch": 3, "reason": ""})
    story.up(L).lets_go(G).holds(G, 4, knows=False)
    later = story.case(L, genesis=dead()), story.decides(L, genesis=dead())
    assert waits.speaks_soon(*later, 900_000, DEAD_MS)
