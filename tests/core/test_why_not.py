"""Why a node that has the service by its feed does not take it: it holds it, is taking it down, or the news of its end came
by another way."""

from collections.abc import Callable

import pytest

from coordinator.state.model import ServicePhase, Word
from coordinator.state.standing import Off
from protocol.event import Ref
from protocol.events.fences import FencedBy
from protocol.kinds import Kind
from tests.core.story import Story

L, G = "lukretia", "genesis"
ORDER = Ref(G, 1, 50)


def holding() -> Story:
    return Story.of(L, G).holds(L, 1)


def stuck() -> Story:
    story = holding().releases(L)
    story.write(L, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "unknown"})
    return story


def heard() -> Story:
    story = holding()
    story.heard(G, L, 1)
    return story


def said_to_be_down() -> Story:
    story = holding()
    return story.orders(("fenced", "web", L), ORDER, Word(1, ORDER, story.state.column(L).run))


def switched_off() -> Story:
    story = holding()
    return story.orders(("off", L), ORDER, Off(story.state.column(L).run, ORDER, FencedBy.COMMAND))


WHY: list[tuple[Callable[[], Story], str]] = [
    (holding, "it holds it"),
    (lambda: holding().releases(L), "it is taking it down"),
    (stuck, "stuck in STOPPING: a down action failed"),
    (heard, "its last word says that it is down there"),
    (said_to_be_down, "an operator said that it is down there"),
    (switched_off, "it was switched off"),
    (lambda: holding().lets_go(L), ""),
]


@pytest.mark.parametrize(("build", "why"), WHY)
def test_what_its_holding_means_for_the_next_claim(build: Callable[[], Story], why: str) -> None:
    """Of the other node it says nothing."""
    story = build()
    assert story.case(G).why_out(L) == why
    assert story.case(G).why_not(L) == why
    assert story.case(L).why_out(G) == ""


def test_a_word_about_another_service_or_another_node_is_none_about_this_one() -> None:
    story = heard()
    run = story.state.column(L).run
    for subject in (("fenced", "mail", L), ("fenced", "web", G)):
        story.orders(subject, ORDER, Word(1, ORDER, run))
    assert story.case(G).why_out(L) == "its last word says that it is down there"
    assert story.state.column(L).service("web").state is ServicePhase.UP
