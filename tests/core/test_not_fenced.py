"""The row by which a claim waits until a dead node is switched off: for whom it waits, and for whom not."""

from dataclasses import replace
from typing import Any

import pytest

from coordinator.decision.decide import NOT_FENCED, Act
from coordinator.decision.lawfulness import check
from coordinator.policy import FencePolicy, Policy
from coordinator.state.standing import Off
from protocol.event import NO_PREVIOUS, Event, Ref
from protocol.events import FencedBy, FenceRequested
from protocol.kinds import Kind
from tests.core.story import CLUSTER, Story, alive, dead, indoubt, policy

L, G, C = "lukretia", "genesis", "carthage"
LEVEL = FencePolicy("fence_dummy", ({"plug": "1"},))
ORDER = Ref(G, 1, 90)


def fenced(*nodes: str, by: tuple[str, ...] = (L, G, C), **service: Any) -> Story:
    """All have started; those in `by` can be switched off."""
    plain: Policy = policy(*nodes, **service)
    known = {name: replace(node, fence=(LEVEL,) if name in by else ()) for name, node in plain.nodes.items()}
    story = Story(replace(plain, nodes=known))
    for node in nodes:
        story.starts(node)
    return story


def run_of(story: Story, node: str) -> bytes:
    return story.state.column(node).run


def test_a_dead_holder_that_can_be_switched_off_is_waited_for() -> None:
    story = fenced(L, G).holds(L, 1)
    decision = story.decides(G, lukretia=dead())
    assert (decision.act, decision.rule) == (Act.STAY, NOT_FENCED)
    assert decision.reason.startswith("lukretia held it and is dead (silent for ")
    assert decision.reason.endswith("): it waits until lukretia is switched off")
    assert story.state.column(L).service("web").claim in decision.causes


def test_one_without_levels_is_not() -> None:
    assert fenced(L, G, by=(G,)).holds(L, 1).decides(G, lukretia=dead()).rule == "take-over-dead"


def test_a_service_may_say_that_it_need_not_wait() -> None:
    assert fenced(L, G, fence=False).holds(L, 1).decides(G, lukretia=dead()).rule == "take-over-dead"


@pytest.mark.parametrize("peer", [alive(), indoubt()])
def test_no_node_that_may_be_heard_again_is_switched_off(peer: Any) -> None:
    case = fenced(L, G).holds(L, 1).case(G, lukretia=peer)
    assert case.unfenced == ()


def off(story: Story, node: str, by: FencedBy = FencedBy.CLAIM, run: bytes | None = None) -> Story:
    told = Off(run_of(story, node) if run is None else run, ORDER, by)
    story.state = replace(story.state, policies={story.policy.digest: story.policy})
    return story.orders(("off", node), ORDER, told)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (FencedBy.CLAIM, "lukretia was switched off by genesis"),
        (FencedBy.COMMAND, "lukretia was switched off by genesis"),
        (FencedBy.WORD, "an operator said that lukretia is off"),
    ],
)
def test_when_it_is_off_it_is_taken_over_and_the_result_is_the_cause(by: FencedBy, said: str) -> None:
    decision = off(fenced(L, G).holds(L, 1), L, by).decides(G, lukretia=dead())
    assert (decision.rule, decision.reason) == ("take-over-free", said)
    assert ORDER in decision.causes
    assert dict(decision.passed_over)[L].startswith("dead")


def test_an_earlier_run_that_was_switched_off_is_another_one() -> None:
    assert off(fenced(L, G).holds(L, 1), L, run=b"earlier!").decides(G, lukretia=dead()).rule == NOT_FENCED


def test_a_dead_candidate_that_does_not_hold_it_may_have_claimed_it() -> None:
    story = off(fenced(L, G, C).holds(L, 1), L)
    decision = story.decides(G, lukretia=dead(), carthage=dead())
    assert (decision.rule, decision.reason.split(" (")[0]) == (NOT_FENCED, "carthage may hold it and is dead")
    assert off(story, C).decides(G, lukretia=dead(), carthage=dead()).rule == "take-over-free"


def test_of_a_node_that_we_have_never_read_the_run_is_not_known() -> None:
    story = fenced(L, G)
    story.state = replace(story.state, columns={G: story.state.column(G)})
    assert story.decides(G, lukretia=dead()).rule == NOT_FENCED
    assert off(story, L).decides(G, lukretia=dead()).rule == "take-over-free"


def test_a_node_that_was_stopped_in_order_has_not_claimed() -> None:
    story = fenced(L, G).holds(L, 1).lets_go(L)
    story.write(L, Kind.NODE_STOPPED, {}, "")
    assert story.decides(G, lukretia=dead()).act is Act.CLAIM


def test_nor_has_one_that_let_go_and_is_dead_but_that_is_not_certain() -> None:
    assert fenced(L, G).holds(L, 1).lets_go(L).decides(G, lukretia=dead()).rule == NOT_FENCED


def test_one_that_an_operator_keeps_out_has_not_claimed() -> None:
    """The people who work on it do not want it switched off under their hands."""
    failed = fenced(L, G).holds(L, 1).lets_go(L, "FAIL", "operator")
    assert failed.decides(G, lukretia=dead()).act is Act.CLAIM
    standby = fenced(L, G).orders(("standby", L), ORDER, None)
    assert standby.decides(G, lukretia=dead()).act is Act.CLAIM


def test_what_its_guard_took_down_is_not_waited_for() -> None:
    story = fenced(L, G).holds(L, 1)
    story.heard(G, L, 1)
    assert story.decides(G, lukretia=dead()).rule == "take-over-free"


def test_a_stuck_node_is_switched_off_when_it_is_dead_and_not_while_it_lives() -> None:
    story = fenced(L, G).holds(L, 1).releases(L)
    story.write(L, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "unknown"})
    assert story.decides(G).rule == "held"
    assert story.decides(G, lukretia=dead()).rule == NOT_FENCED


def test_who_is_no_candidate_is_not_switched_off_for_it() -> None:
    story = fenced(L, G, C)
    service = replace(story.policy.services["web"], nodes=(L, G))
    story = Story(replace(story.policy, services={"web": service}))
    for node in (L, G, C):
        story.starts(node)
    assert story.case(G, lukretia=dead(), carthage=dead()).unfenced == (L,)


def test_the_better_candidate_waits_and_the_other_waits_for_it() -> None:
    story = fenced(L, G, C).holds(L, 1)
    assert story.decides(C, lukretia=dead()).rule == "better-will-claim"
    assert story.decides(C, timers=("passed:genesis",), lukretia=dead()).rule == NOT_FENCED


# --- what is lawful ------------------------------------------------------------------------------------------------


def requested(story: Story, node: str, given: Any) -> str | None:
    """What an auditor has against it."""
    body = FenceRequested(node=node, run=run_of(story, node), by=FencedBy.CLAIM, rule=NOT_FENCED, given=given)
    number = len([event for event in story.events if event.node == G]) + 1
    event = Event(CLUSTER, G, 1, number, NO_PREVIOUS, 0, 0, Kind.FENCE_REQUESTED, "web", body.to_body(), (), ())
    return check(story.state, event)


def told(story: Story) -> Story:
    """By the configuration of the story, and with the judgement in genesis's own feed."""
    digest = story.policy.digest
    story.state = replace(story.state, policies={digest: story.policy})
    column = story.state.column(G)
    story.state = story.state.with_column(replace(column, configs=(digest,), judgement={L: "dead"}))
    return story


def test_a_request_is_lawful_where_the_table_waits_for_it_and_nowhere_else() -> None:
    story = told(fenced(L, G).holds(L, 1))
    assert requested(story, L, story.case(G, lukretia=dead()).given) is None
    living = requested(story, L, story.case(G).given)
    assert living is not None
    assert living.startswith("fence-requested of lukretia for web, but the table says stay by rule held")
    assert "without what its author was given" in (requested(story, L, None) or "")
