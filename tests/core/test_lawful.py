"""A claim, a reclaim and a return from FAIL are decided again: the rule, the number, and the judgements in the feed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coordinator.decision.lawfulness import check
from coordinator.decision.observations import Observations
from coordinator.state.model import Judgement
from protocol.event import Head, Ref
from protocol.kinds import Kind
from tests.core.story import Story, alive, dead

L, G = "lukretia", "genesis"
Build = Callable[[Story], object]


def story(build: Build = lambda story: None) -> Story:
    made = Story.of(L, G)
    for node in (L, G):
        body = {"number": 1, "digest": made.policy.digest, "text": ""}
        made.write(node, Kind.CONFIG_APPLIED, body, "")
    build(made)
    return made


def judged(made: Story, node: str, peer: str, judgement: Judgement) -> None:
    body = {"peer": peer, "judgement": str(judgement), "was": "alive", "silent_ms": 600, "links": {}}
    made.write(node, Kind.JUDGED, body, "")


def given(**peers: Any) -> dict[str, Any]:
    return Observations(peers, True).to_body()


def wrong(made: Story, node: str, kind: Kind, body: dict[str, Any], **more: Any) -> str | None:
    before = made.state
    made.write(node, kind, body, **more)
    return check(before, made.events[-1])


def claim(epoch: int = 1, rule: str = "take-over-free", **peers: Any) -> dict[str, Any]:
    return {"epoch": epoch, "rule": rule, "reason": "", "given": given(**peers)}


ALIVE = {"genesis": alive()}


def lukretia_hears(made: Story) -> Story:
    judged(made, L, G, Judgement.ALIVE)
    return made


def test_what_the_table_says_with_the_next_number_is_lawful() -> None:
    assert wrong(lukretia_hears(story()), L, Kind.CLAIM, claim(**ALIVE)) is None


@pytest.mark.parametrize(
    ("build", "body", "sentence"),
    [
        (lukretia_hears, claim(rule="take-over-dead", **ALIVE),
         "claim web by rule take-over-dead, but the table says claim by rule take-over-free: "),
        (lambda s: lukretia_hears(s.holds(G, 1)), claim(2, **ALIVE),
         "claim web by rule take-over-free, but the table says stay by rule held: "),
        (lukretia_hears, claim(2, **ALIVE), "claim web with epoch 2 where 0 was known"),
        (lambda s: lukretia_hears(s.holds(G, 1).lets_go(G)), claim(1, **ALIVE), "claim web with epoch 1 where 1 was known"),
        (lukretia_hears, claim(), "claim web judges [], the peers are ['genesis']"),
        (lambda s: s, claim(**ALIVE), "claim web calls genesis alive, its feed says indoubt"),
        (lambda s: judged(s.holds(G, 1), L, G, Judgement.DEAD),
         claim(2, "take-over-dead", genesis=replace(dead(), silent_ms=499)),
         "claim web calls genesis dead after 499 ms of silence"),
    ],
)  # fmt: skip
def test_a_claim_that_the_table_does_not_say_is_named(build: Build, body: dict[str, Any], sentence: str) -> None:
    said = wrong(story(build), L, Kind.CLAIM, body)
    assert said is not None
    assert said.startswith(sentence)


def test_a_take_over_from_the_dead_is_lawful_when_the_silence_was_as_long_as_it_must_be() -> None:
    made = story(lambda s: judged(s.holds(G, 1), L, G, Judgement.DEAD))
    body = claim(2, "take-over-dead", genesis=replace(dead(), silent_ms=500))
    assert wrong(made, L, Kind.CLAIM, body) is None


def test_a_node_without_a_configuration_may_decide_nothing() -> None:
    made = Story.of(L, G)
    made.state = replace(made.state, policies={})
    assert wrong(made, L, Kind.CLAIM, claim(**ALIVE)) == "claim web before any configuration was applied"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.RELEASE, {"to": "FAIL", "cause": "check", "reason": "for no reason at all", "rule": "no-such-rule"}),
        (Kind.CHECK_FAILED, {"check": 0, "text": "", "good": True}),
        (Kind.CARRIER_LOST, {"interface": "eth0"}),
    ],
)
def test_to_give_up_is_never_unlawful_nor_is_what_was_seen(kind: Kind, body: dict[str, Any]) -> None:
    made = story(lambda s: s.holds(L, 1))
    assert wrong(made, L, kind, body) is None


@pytest.mark.parametrize(
    ("build", "kind", "body", "sentence"),
    [
        (lambda s: s.holds(L, 1), Kind.CLAIM, claim(2, **ALIVE), "claim web in state UP"),
        (lambda s: None, Kind.UP, {"epoch": 1, "reason": ""}, "up web in state RECOVER"),
        (lambda s: s.holds(L, 1), Kind.DOWN, {"epoch": 1, "to": "FAIL", "cause": "check"}, "down web in state UP"),
        (lambda s: None, Kind.RECLAIM, {"epoch": 1, "reason": ""}, "reclaim web in state RECOVER"),
    ],
)
def test_what_may_not_follow_the_state_of_its_own_service_is_named(build, kind, body, sentence) -> None:
    assert wrong(story(build), L, kind, body) == sentence


def test_a_return_from_fail_is_decided_again_and_has_no_number() -> None:
    made = lukretia_hears(story(lambda s: s.holds(L, 1).lets_go(L, to="FAIL", cause="operator")))
    body = {"rule": "retry", "given": Observations(ALIVE, True, timers=frozenset({"retry"})).to_body(), "reason": ""}
    said = wrong(made, L, Kind.RECOVER, body)
    assert said is not None
    assert said.startswith("recover web by rule retry, but the table says stay by rule failed")
    made = lukretia_hears(story(lambda s: s.holds(L, 1).lets_go(L, to="FAIL", cause="action")))
    assert wrong(made, L, Kind.RECOVER, body) is None


# --- causes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (Ref(L, 1, 1), None),
        (Ref(G, 1, 2), None),
        (Ref(L, 1, 9), "pulse names lukretia/1/9 as its cause, which comes later"),
        (Ref(G, 1, 9), "pulse names genesis/1/9 as its cause, which it did not know"),
        (Ref(G, 2, 1), "pulse names genesis/2/1 as its cause, which it did not know"),
        (Ref("rome", 1, 1), "pulse names rome/1/1 as its cause, which it did not know"),
    ],
)
def test_a_cause_is_something_that_its_author_knew(cause: Ref, sentence: str | None) -> None:
    made = story()
    assert wrong(made, L, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, service="", causes=(cause,)) == sentence


def test_what_an_event_names_in_its_own_heads_it_knew() -> None:
    made = story()
    before = made.state
    made.write(L, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "", causes=(Ref(G, 1, 5),))
    event = replace(made.events[-1], heads=(Head(G, 1, 5, bytes(32)),))
    assert check(before, event) is None


def test_what_does_not_parse_is_a_finding_of_its_own() -> None:
    assert wrong(story(), L, Kind.CLAIM, {"epoch": "x"}) is None
