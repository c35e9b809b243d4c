"""What an event leaves in its author's column: what it did to another node's power, and which of its events changed nothing."""

import pytest

from coordinator.state import ownership, reducer
from coordinator.state.model import Fence, Flaw
from protocol.event import Event, Head, Ref
from protocol.events.fences import FencedBy
from protocol.events.shapes import NODES_MAX
from protocol.kinds import Kind
from protocol.messages import LastWord
from tests.core.story import CLUSTER, Story, fork_of
from tests.core.test_fence_orders import feeds, obey, request, result
from tests.core.test_orders import OTHER, OWNER, RUN, THIEF, FeedIndex

__all__ = ["feeds"]

L, G, C = "lukretia", "genesis", "carthage"
NEXT_RUN = b"next run"


def test_a_request_stands_there_until_its_result_and_then_both_do(feeds: FeedIndex) -> None:
    asked = request(feeds, OTHER)
    assert feeds.state().column(OTHER).fences == {OWNER: Fence(asked, RUN, FencedBy.CLAIM)}
    off = result(feeds, OTHER)
    done = Fence(asked, RUN, FencedBy.CLAIM, off, True, "off")
    assert {column.fences[OWNER] for column in (state.column(OTHER) for state in feeds.states())} == {done}


def test_an_operators_word_is_its_own_request_whatever_was_under_way(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    obey(feeds, OTHER, "is-off")
    said = result(feeds, OTHER, "word")
    assert feeds.state().column(OTHER).fences == {OWNER: Fence(said, RUN, FencedBy.WORD, said, True, "off")}


def test_what_has_no_authority_leaves_nothing_but_its_refusal(feeds: FeedIndex) -> None:
    asked = request(feeds, THIEF, "command", "")
    said = result(feeds, THIEF)
    column = feeds.state().column(THIEF)
    assert column.fences == {}
    assert [(one.ref, one.flaw) for one in column.skipped] == [(asked, Flaw.AUTHORITY), (said, Flaw.AUTHORITY)]
    begun = request(feeds, THIEF)
    forged = result(feeds, THIEF, run=NEXT_RUN)
    column = feeds.state().column(THIEF)
    assert column.fences == {OWNER: Fence(begun, RUN, FencedBy.CLAIM)}
    assert column.skipped[-1].ref == forged


def test_a_new_run_has_no_fencing_under_way(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    result(feeds, OTHER)
    feeds.write(OTHER, Kind.NODE_STARTED, {"run": NEXT_RUN, "rules": 2, "config": b"", "clean": False}, "")
    assert feeds.state().column(OTHER).fences == {}


def test_of_so_many_nodes_the_fencing_that_was_begun_first_is_forgotten(feeds: FeedIndex) -> None:
    nodes = [f"n{NODES_MAX - number:02d}" for number in range(NODES_MAX + 1)]
    for node in nodes[:-1]:
        request(feeds, OTHER, node=node)
    assert set(feeds.state().column(OTHER).fences) == set(nodes[:-1])
    request(feeds, OTHER, node=nodes[-1])
    assert set(feeds.state().column(OTHER).fences) == set(nodes[1:])


def test_a_last_word_leaves_a_mark_only_where_it_proves_nothing() -> None:
    story = Story.of(L, G).holds(L, 1)
    story.heard(G, L, 1)
    assert story.state.column(G).skipped == ()
    word = LastWord(CLUSTER, L, story.state.column(L).run, "mail", 1)
    ref = story.write(G, Kind.LAST_WORD, {"node": L, "epoch": 1, "word": word.encode(), "signature": b""})
    (skipped,) = story.state.column(G).skipped
    assert skipped == (ref, Flaw.AUTHORITY, "the word is about mail, not about web")


def test_a_fork_that_pieces_should_prove_and_do_not_is_named() -> None:
    """The first has its evidence in itself, and the story believes it; of the second only a digest is there."""
    story = Story.of(L, G)
    story.write(G, Kind.FORK_SEEN, {"node": L}, "")
    assert story.state.column(G).skipped == ()
    ref = story.write(G, Kind.FORK_SEEN, {"node": L, "ours": [], "theirs": [], "digest": bytes(32)}, "")
    (skipped,) = story.state.column(G).skipped
    assert (skipped.ref, skipped.flaw) == (ref, Flaw.AUTHORITY)
    assert skipped.text == "lukretia is said to have forked: no pieces before it prove it"


def test_a_second_vote_for_an_epoch_promises_nothing() -> None:
    story = Story.of(L, G)
    body = {"epoch": 4, "candidate": G, "voters": 1, "run": b"a run of", "counter": 1}
    story.write(L, Kind.VOTE, body)
    ref = story.write(L, Kind.VOTE, {**body, "candidate": L})
    column = story.state.column(L)
    assert [voted.candidate for voted in column.votes["web"]] == [G]
    assert [(one.ref, one.flaw) for one in column.skipped] == [(ref, Flaw.UNLAWFUL)]


@pytest.mark.parametrize("kept", [16])
def test_the_last_words_of_so_many_claims_are_kept_by_their_epochs(kept: int) -> None:
    """Those of the latest claims, whoever heard them first."""
    story = Story.of(L, G).holds(L, 1)
    refs = [story.heard(G, L, epoch, b"run %4d" % (99 - epoch)) for epoch in range(1, kept + 3)]
    words = story.state.words["web", L]
    assert [word.epoch for word in words] == list(range(3, kept + 3))
    assert {word.ref for word in words} == set(refs[2:])
    assert all(isinstance(word.ref, Ref) for word in words)


def test_an_operators_word_needs_no_request(feeds: FeedIndex) -> None:
    obey(feeds, OTHER, "is-off")
    said = result(feeds, OTHER, "word")
    assert feeds.state().column(OTHER).fences == {OWNER: Fence(said, RUN, FencedBy.WORD, said, True, "off")}


def test_a_fork_whose_evidence_is_none_is_told_with_the_reason() -> None:
    story = Story.of(L, G)
    ours = fork_of(L)["ours"]
    ref = story.write(G, Kind.FORK_SEEN, {"node": L, "ours": ours, "theirs": ours}, "")
    (skipped,) = story.state.column(G).skipped
    assert skipped.ref == ref
    assert skipped.text.startswith("lukretia is said to have forked: ")
    assert "no pieces" not in skipped.text
    assert ownership.forks(story.state, L) == frozenset()


def test_the_head_that_was_seen_first_stays_beside_another_of_its_number() -> None:
    """A fork: what its author rested on is what it has seen, and not what came later."""
    story = Story.of(L, G)
    state = story.state
    for number, head in ((2, Head(C, 1, 5, b"a")), (3, Head(C, 1, 5, b"b")), (4, Head(C, 1, 4, b"c"))):
        event = Event(CLUSTER, L, 1, number, bytes(32), 0, 0, Kind.PULSE, "", {}, (), (head,))
        state = reducer.reduce(state, event)
        assert state.column(L).seen[C] == Head(C, 1, 5, b"a")
    event = Event(CLUSTER, L, 1, 5, bytes(32), 0, 0, Kind.PULSE, "", {}, (), (Head(C, 2, 1, b"d"),))
    assert reducer.reduce(state, event).column(L).seen[C] == Head(C, 2, 1, b"d")


def test_a_claim_counts_for_its_own_feed() -> None:
    story = Story.of(L, G).claims(L, 4)
    assert story.state.epochs.counted["web"] == {(L, 1): 4}


def test_a_node_that_was_removed_keeps_what_it_was_shown() -> None:
    story = Story.of(L, G)
    body = {"number": 3, "digest": bytes(32), "by": G, "command": b"command", "signature": b"signature"}
    ref = story.write(L, Kind.REMOVED, body, "")
    removed = story.state.column(L).removed
    assert removed is not None
    assert (removed.number, removed.by, removed.ref) == (3, G, ref)
    assert removed.body.to_body() == body
