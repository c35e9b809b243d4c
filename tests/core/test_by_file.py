"""Rows of the decide table that rest on a file: a node that was removed, a failback, and for how long a dead one was silent."""

from dataclasses import replace

from coordinator.decision.decide import Act
from coordinator.state.model import ServicePhase
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story, dead
from tests.core.test_reasons import claim_of

L, G = "lukretia", "genesis"
RECOVER = ServicePhase.RECOVER


def is_shown(story: Story, number: int = 3) -> Ref:
    body = {"number": number, "digest": bytes(32), "by": G, "command": b"command", "signature": b"signature"}
    return story.write(L, Kind.REMOVED, body, "")


def test_a_node_that_was_removed_lets_go_and_takes_nothing() -> None:
    said = "configuration 3, as genesis has shown, does not name this node any more"
    story = Story.of(L, G).holds(L, 1)
    ref = is_shown(story)
    decision = story.decides(L)
    assert (decision.rule, decision.act, decision.reason) == ("removed", Act.RELEASE, said)
    assert (decision.causes, decision.to, decision.cause) == ((ref,), RECOVER, "removed")
    assert story.decides(G).rule != "removed"
    free = Story.of(L, G)
    ref = is_shown(free)
    decision = free.decides(L)
    assert (decision.rule, decision.act, decision.reason, decision.causes) == ("removed", Act.STAY, said, (ref,))


def test_a_failback_names_the_file_that_came_while_it_was_held() -> None:
    """By the file before, another node may have been preferred."""
    story = Story.of(L, G).holds(L, 1).lets_go(L).holds(G, 2)
    changed, claim = story.state.column(L).service("web").changed, claim_of(story, G)
    for configured, causes in ((Ref(G, 1, claim.number + 1), 2), (claim, 1), (Ref(G, 1, claim.number - 1), 1)):
        story.state = story.state.with_column(replace(story.state.column(G), configured=configured))
        assert story.decides(G, timers=("failback:lukretia",)).causes == (changed, configured)[:causes]


def test_how_long_a_dead_one_was_silent_is_told_with_the_limit_where_it_was_much_longer() -> None:
    """By more than a third."""
    story = Story.of(L, G).holds(L, 1)
    assert story.policy.timing.dead_ms == 500
    for silent_ms, told in ((666, False), (667, True), (630, False)):
        reason = story.decides(G, lukretia=dead(silent_ms=silent_ms)).reason
        assert ("(dead after 500 ms)" in reason) is told
