"""Who owns what, as far as the feeds can tell: questions that every tool asks of the state alone."""

from collections.abc import Callable

import pytest

from coordinator.state import ownership
from coordinator.state.model import Move
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story

L, G, C = "lukretia", "genesis", "carthage"
Build = Callable[[Story], object]


def story(build: Build = lambda story: None, **service: object) -> Story:
    made = Story.of(L, G, C, **service)
    build(made)
    return made


def fenced(made: Story, node: str, epoch: int, run: str = "") -> None:
    """An operator has said of this claim that it is down there."""
    ref = made.write(C, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "")
    word = ownership.Word(epoch, ref, (run or node).encode()[:8].ljust(8))
    made.orders(("fenced", "web", node), ref, word)


def move(made: Story, target: str, epoch: int) -> Ref:
    ref = made.write(C, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "")
    made.orders(("move", "web"), ref, Move("web", target, epoch, 0, ref))
    return ref


def began_again(made: Story, node: str) -> None:
    body = {"run": b"another ", "rules": 2, "config": b"", "clean": False, "after": [1, 1]}
    made.write(node, Kind.NODE_STARTED, body, "")


@pytest.mark.parametrize(
    ("build", "holders"),
    [
        (lambda s: None, ()),
        (lambda s: s.claims(L, 1), (L,)),
        (lambda s: s.holds(L, 1), (L,)),
        (lambda s: s.holds(L, 1).releases(L), (L,)),
        (lambda s: s.holds(L, 1).lets_go(L), ()),
        (lambda s: s.holds(L, 1).holds(G, 2), (G, L)),
        (lambda s: s.holds(L, 1).heard(G, L, 1), ()),
        (lambda s: s.holds(L, 2).heard(G, L, 1), (L,)),
        (lambda s: s.holds(L, 1).heard(G, L, 1, b"earlier "), (L,)),
        (lambda s: fenced(s.holds(L, 1), L, 1), ()),
        (lambda s: fenced(s.holds(L, 2), L, 1), (L,)),
        (lambda s: fenced(s.holds(L, 1), L, 1, "earlier"), (L,)),
        (lambda s: began_again(s.holds(L, 1), L), ()),
    ],
)
def test_a_node_holds_from_its_claim_until_its_end_is_told(build: Build, holders: tuple[str, ...]) -> None:
    """By its own down, by its last word, by an operator's word about that very claim, or by the start of its next run."""
    assert ownership.holders(story(build).state, "web") == holders


@pytest.mark.parametrize(
    ("winner", "build", "owner"),
    [
        ("preference", lambda s: None, None),
        ("preference", lambda s: s.holds(G, 1), G),
        ("preference", lambda s: s.holds(G, 1).holds(L, 2), L),
        ("preference", lambda s: s.holds(C, 1).holds(G, 2), G),
        ("incumbent", lambda s: s.holds(G, 1).holds(L, 2), G),
        ("incumbent", lambda s: s.holds(G, 1).holds(L, 1), L),
        ("preference", lambda s: move(s.holds(L, 1).holds(G, 3), G, 2), G),
        ("incumbent", lambda s: move(s.holds(L, 1).holds(G, 3), G, 2), L),
    ],
)
def test_of_two_holders_the_services_rule_names_the_owner(winner: str, build: Build, owner: str | None) -> None:
    """The target of a move is preferred; the older holding stays the older one."""
    made = story(build, split_winner=winner)
    assert ownership.owner(made.state, made.policy, "web") == owner


def test_a_reclaim_does_not_make_a_holding_younger() -> None:
    made = story(lambda s: s.holds(G, 1).holds(L, 2), split_winner="incumbent")
    made.write(G, Kind.RECLAIM, {"epoch": 3, "reason": ""})
    assert ownership.owner(made.state, made.policy, "web") == G
    assert ownership.epoch(made.state, "web") == 3


@pytest.mark.parametrize(
    ("build", "stands"),
    [
        (lambda s: move(s.holds(L, 1), G, 1), True),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L), True),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L).holds(G, 2), True),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L).holds(G, 2).lets_go(G), False),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L).holds(C, 2), False),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L).holds(G, 2).holds(C, 3), True),
        (lambda s: move(s.holds(L, 1), G, 1) and s.lets_go(L).holds(G, 2).lets_go(G).holds(G, 3), False),
    ],
)
def test_a_move_stands_until_its_target_gives_up_or_another_claims_first(build: Build, stands: bool) -> None:
    made = story(build)
    found = ownership.active_move(made.state, "web")
    assert (found is not None) is stands
    order = ownership.order(made.state, made.policy.services["web"])
    assert order == ((G, L, C) if stands else (L, G, C))


def test_a_move_ends_by_the_word_of_a_holder() -> None:
    made = story()
    ref = move(made.holds(L, 1), L, 0)
    made.write(L, Kind.MOVE_ENDED, {"move": list(ref), "why": "its time is over"})
    assert ownership.active_move(made.state, "web") is None


def test_of_two_moves_the_later_one_stands() -> None:
    made = story(lambda s: move(s.holds(L, 1), G, 1) and move(s, C, 1))
    found = ownership.active_move(made.state, "web")
    assert found is not None
    assert found.target == C


# --- what tells a holder that another held it too ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "told_by"),
    [
        (lambda s: s.holds(L, 1), ()),
        (lambda s: s.holds(L, 1).holds(G, 2, knows=False), (G, G)),
        (lambda s: s.holds(G, 1).lets_go(G).holds(L, 2), ()),
        (lambda s: s.holds(G, 1).heard(L, G, 1) and s.holds(L, 2), ()),
        (lambda s: s.holds(G, 1).holds(L, 2), ()),
        (lambda s: s.holds(G, 1).holds(L, 2).lets_go(G), (G,)),
    ],
)
def test_evidence_is_what_my_last_claim_did_not_know(build: Build, told_by: tuple[str, ...]) -> None:
    """A claim beside mine; or what a node wrote later in a holding that I took to be over. Not an end that I waited for."""
    found = ownership.split_evidence(story(build).state, L, "web")
    assert tuple(ref.node for ref in found) == told_by


def test_a_reclaim_that_knew_the_evidence_leaves_none() -> None:
    made = story(lambda s: s.holds(L, 1).holds(G, 2, knows=False))
    made.write(L, Kind.RECLAIM, {"epoch": 3, "reason": ""})
    assert ownership.split_evidence(made.state, L, "web") == ()
    made.lets_go(G)
    assert ownership.split_evidence(made.state, L, "web") == (), "the reclaim has waited for this end"


def test_who_holds_nothing_has_no_evidence() -> None:
    assert ownership.split_evidence(story(lambda s: s.holds(G, 2)).state, L, "web") == ()


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda s: s.holds(L, 1), False),
        (lambda s: s.holds(L, 1).holds(G, 2, knows=False), True),
        (lambda s: s.holds(G, 1).heard(L, G, 1) and s.holds(L, 2), False),
        (lambda s: s.holds(G, 2), False),
    ],
)
def test_whatever_a_second_holder_writes_may_be_news(build: Build, expected: bool) -> None:
    assert ownership.is_news_for(story(build).state, L, "web") is expected
