"""What the fold says of events without effect, word for word; which last words it keeps; one history for several readers."""

from typing import Any

import pytest

from coordinator.state.model import Flaw, Skipped, State, Word
from coordinator.state.reducer import WORDS_KEPT, Told, fold
from protocol.event import Event, Ref
from protocol.kinds import Kind
from protocol.messages import LastWord
from tests.core.story import CLUSTER, Believing, Story, fork_of
from tests.core.test_proof import THIEF, G, L, anew, applied, begun, ends_the_move, said


def named(story: Story, node: str) -> tuple[Flaw, str]:
    """What its last event without effect is called."""
    skipped = story.state.column(node).skipped[-1]
    return skipped.flaw, skipped.text


def test_a_move_that_no_candidate_may_end() -> None:
    story = begun()
    applied(story, THIEF, 1, story.policy.digest)
    story.holds(THIEF, 2)
    ends_the_move(story, THIEF)
    assert named(story, THIEF) == (Flaw.AUTHORITY, f"{THIEF} may not own web")
    assert story.state.column(THIEF).moves_ended == {("web", Ref(L, 1, 2))}, "of whom it counts, the reader asks"


def test_a_node_whose_file_counts_nowhere_is_not_called_a_stranger_for_it() -> None:
    story = begun()
    story.holds(THIEF, 2)
    ends_the_move(story, THIEF)
    assert story.state.column(THIEF).skips == 0


def test_a_last_word_about_another_service_ends_nothing() -> None:
    story = begun()
    raw = LastWord(CLUSTER, L, story.state.column(L).run, "mail", 1).encode()
    story.state = State.begin(story.policy, keyring=Believing())
    for node in (L, G):
        story.starts(node)
    story.write(G, Kind.LAST_WORD, {"word": raw, "signature": b"", "node": L, "epoch": 1})
    assert named(story, G) == (Flaw.AUTHORITY, "the word is about mail, not about web")
    assert story.state.words == {}


def test_a_last_word_that_was_not_said_is_named_with_its_speaker() -> None:
    story = begun()
    said(story, THIEF, THIEF)
    flaw, text = named(story, THIEF)
    assert flaw is Flaw.AUTHORITY
    assert text.startswith(f"a last word that {L} did not say: ")


@pytest.mark.parametrize(
    ("pieces", "why"),
    [({}, "no two branches of one feed that dispute an event"), ({"digest": b"d" * 32}, "no pieces before it prove it")],
)
def test_a_fork_that_is_not_proved_is_named(pieces: dict[str, Any], why: str) -> None:
    story = begun()
    same = fork_of(L)["ours"]
    story.write(THIEF, Kind.FORK_SEEN, {"node": L, **fork_of(L), "theirs": same, **pieces}, "")
    assert named(story, THIEF) == (Flaw.AUTHORITY, f"{L} is said to have forked: {why}")
    assert not story.state.forks


def test_a_gap_with_orders_is_named_at_the_first_start_and_forgotten() -> None:
    story = begun()
    gap = anew(story, 2, unheld=[[THIEF, 1, 2]])
    text = "it carries orders or words of others, which no gap carries since rules 2"
    assert story.state.column(THIEF).skipped == (Skipped(gap.ref, Flaw.AUTHORITY, text),)
    assert story.state.column(THIEF).orders_in_gap is None


def test_of_last_words_the_latest_are_kept_in_their_order() -> None:
    story = Story.of(L, G)
    refs = [story.heard(G, L, epoch) for epoch in [*range(3, WORDS_KEPT + 2), 1, 2, 99]]
    kept = story.state.words[("web", L)]
    assert [word.epoch for word in kept] == [*range(3, WORDS_KEPT + 2), 99]
    assert kept[-1] == Word(99, refs[-1], story.state.column(L).run)
    again = story.heard(G, L, 3)
    assert story.state.words[("web", L)][0] == Word(3, again, story.state.column(L).run), "of one epoch the later one"


# --- one history, several readers ------------------------------------------------------------------------------------


def event(number: int, kind: Kind, body: dict[str, Any], service: str = "web") -> Event:
    return Event(CLUSTER, L, 1, number, bytes(32), 0, 0, kind, service, body, (), ())


def test_a_reader_who_comes_with_the_same_column_goes_on_with_the_same_object() -> None:
    state = begun().state
    told = Told.of(event(4, Kind.RELEASE, {"to": "RECOVER", "cause": "rival", "reason": ""}))
    first, second = fold(state, told), fold(state, told)
    assert first.column(L) is second.column(L) is told.after
    assert told.before is state.column(L)
    assert first == second


def test_a_reader_who_comes_with_another_column_makes_its_own() -> None:
    mine, other = begun(), begun()
    other.changes(L, failures=7)
    told = Told.of(event(4, Kind.RELEASE, {"to": "RECOVER", "cause": "rival", "reason": ""}))
    fold(mine.state, told)
    assert fold(other.state, told).column(L).service("web").failures == 7
    assert told.before is other.state.column(L), "who comes next most often comes with this one"


def test_what_depends_on_more_than_the_column_is_asked_of_each_reader() -> None:
    """To one the node is a candidate, to the other it is none: the same column, and another sentence."""
    story = begun()
    applied(story, THIEF, 1, story.policy.digest)
    story.holds(THIEF, 2)
    knowing = story.state
    stranger = State.begin().with_column(knowing.column(THIEF))
    number = (knowing.column(THIEF).head or pytest.fail("it has written")).number + 1
    told = Told.of(
        Event(CLUSTER, THIEF, 1, number, bytes(32), 0, 0, Kind.MOVE_ENDED, "web", {"move": [L, 1, 2], "why": ""}, (), ())
    )
    skips = [fold(state, told).column(THIEF).skips for state in (knowing, stranger, knowing)]
    assert skips == [1, 0, 1]
    known = told.after
    assert fold(knowing, told).column(THIEF) is known, "the same outcome is the same object"
