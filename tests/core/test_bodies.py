"""Event bodies of every kind: what we write is read back, and nothing that a thief signs ends the fold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.state.model import Flaw, State
from coordinator.state.reducer import reduce
from protocol.canonical import LENGTH_MAX
from protocol.event import NO_PREVIOUS, Event
from protocol.events import BODIES, Malformed, body_of, read_body
from protocol.events.shapes import NUMBER_MAX
from protocol.kinds import Kind
from tests.core.bodies import body_for, wrong_for
from tests.core.story import CLUSTER, Story


@pytest.mark.parametrize("kind", sorted(BODIES))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_body_is_read_back_as_it_was_written(kind: str, data: st.DataObject) -> None:
    cls = BODIES[kind]
    body = cls.from_body(data.draw(body_for(cls)))
    assert cls.from_body(body.to_body()) == body


def event(kind: str, body: Mapping[str, Any], number: int, service: str | None = None) -> Event:
    about = service if service is not None else ("web" if BODIES[kind].SERVICE else "")
    return Event(CLUSTER, "lukretia", 1, number, NO_PREVIOUS, 0, 0, kind, about, body, (), ())


def before(kind: str) -> Story:
    """lukretia holds the service; for the first event of a feed nothing is there yet."""
    return Story.of("genesis") if kind == Kind.GAP_DECLARED else Story.of("lukretia", "genesis").holds("lukretia", 1)


@pytest.mark.parametrize("kind", sorted(BODIES))
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_body_ends_the_fold(kind: str, data: st.DataObject) -> None:
    """trials 45: `claim web {"epoch": "x"}`, signed, ended every node for good."""
    story = before(kind)
    number = len([known for known in story.events if known.node == "lukretia"]) + 1
    state = reduce(story.state, event(kind, data.draw(wrong_for(BODIES[kind])), number))
    assert state.column("lukretia").head is not None
    assert state.column("lukretia").head[2] == number  # type: ignore[index]


CHANGED_BY_EVERY_EVENT = {"head", "seen", "skipped", "skips", "refused"}


@pytest.mark.parametrize("kind", sorted(BODIES))
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_body_that_does_not_parse_changes_nothing_but_the_head(kind: str, data: st.DataObject) -> None:
    story = before(kind)
    number = len([known for known in story.events if known.node == "lukretia"]) + 1
    wrong = event(kind, data.draw(wrong_for(BODIES[kind])), number)
    if not isinstance(body_of(wrong), Malformed):
        return
    state = reduce(story.state, wrong)
    old, new = story.state.column("lukretia"), state.column("lukretia")
    assert replace(new, **{name: getattr(old, name) for name in CHANGED_BY_EVERY_EVENT}) == old
    assert (new.skips, new.skipped[-1].ref, new.skipped[-1].flaw) == (old.skips + 1, wrong.ref, Flaw.ENCODING)


@pytest.mark.parametrize("number", [0, NUMBER_MAX + 1, 2**63 - 1, "x", None, True])
def test_the_epoch_of_a_claim_is_bounded(number: Any) -> None:
    assert isinstance(
        read_body(Kind.CLAIM, "web", {"epoch": number, "rule": "", "given": {"peers": {}, "fit": True}}), Malformed
    )


def test_every_kind_has_a_body() -> None:
    assert set(BODIES) == set(Kind)


def test_a_kind_that_nobody_knows_changes_nothing_but_the_head() -> None:
    unknown = Event(CLUSTER, "lukretia", 1, 1, NO_PREVIOUS, 0, 0, "later", "", {"x": 1}, (), ())
    assert reduce(State(), unknown).column("lukretia").head is not None


def test_an_event_about_a_service_names_one_and_another_event_names_none() -> None:
    assert isinstance(read_body(Kind.HOLD, "", {}), Malformed)
    assert isinstance(read_body(Kind.NODE_STOPPING, "web", {}), Malformed)


def test_the_events_without_effect_are_kept_in_bounds() -> None:
    """A thief may sign as many as it likes."""
    state = State()
    for number in range(1, 100):
        state = reduce(state, event(Kind.CLAIM, {"epoch": "x"}, number))
    assert state.column("lukretia").skips == 99
    assert len(state.column("lukretia").skipped) < 50 < LENGTH_MAX
