"""How much of a history is kept in the state: each number that a reader may count on, and what gives way first."""

import pytest

from coordinator.state.model import State, newest_first
from coordinator.state.standing import Move, Orders
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story
from tests.core.test_orders import NEWER, OTHER, OWNER, THIEF, FeedIndex, applies, feeds, held, lives_by

__all__ = ["feeds"]

L, G = "lukretia", "genesis"


def test_sixteen_events_that_changed_nothing_are_named_and_all_are_counted() -> None:
    story = Story.of(L, G)
    refs = [story.write(L, Kind.CHECK_FAILED, {"check": "no number"}) for _ in range(18)]
    column = story.state.column(L)
    assert ([one.ref for one in column.skipped], column.skips) == (refs[2:], 18)


def test_eight_configurations_that_a_node_lived_by_are_known() -> None:
    lived: tuple[bytes, ...] = ()
    for number in range(10):
        lived = newest_first(lived, bytes([number]))
    assert lived == tuple(bytes([number]) for number in range(9, 1, -1))
    assert newest_first(lived, bytes([5]))[:3] == (bytes([5]), bytes([9]), bytes([8]))


def test_eight_moves_of_a_service_are_known_and_the_one_that_was_ordered_first_gives_way() -> None:
    orders = Orders()
    for epoch in (5, 3, 9, 1, 2, 7, 8, 6, 4, 10):
        ref = Ref(G, 1, 20 - epoch)
        orders = orders.with_effect(("move", "web"), ref, Move("web", L, epoch, 0, ref))
    assert sorted(move.epoch for move in orders.of("move", "web").values()) == [3, 4, 5, 6, 7, 8, 9, 10]


def later_of(state: State, node: str) -> tuple[int, bool]:
    later = state.orders.feed(node, 1).later
    assert later is not None
    return len(later.events), later.full


@pytest.mark.parametrize(("more", "kept"), [(127, (128, False)), (128, (0, True))])
def test_of_one_node_128_orders_wait_for_a_file_that_does_not_count_yet(
    feeds: FeedIndex, more: int, kept: tuple[int, bool]
) -> None:
    """One more, and nothing of it is judged again."""
    lives_by(feeds, OTHER, NEWER, 2)
    for _ in range(more):
        feeds.write(OTHER, Kind.HOLD, {})
    assert later_of(feeds.state(), OTHER) == kept


def test_a_file_that_waits_is_kept_without_its_text(feeds: FeedIndex) -> None:
    lives_by(feeds, OTHER, NEWER, 2)
    later = feeds.state().orders.feed(OTHER, 1).later
    assert later is not None
    (event,) = later.events
    assert "text" not in event.body
    assert event.body["digest"] == NEWER.digest


@pytest.mark.parametrize(("size", "kept"), [(4096, (2, False)), (4097, (0, True))])
def test_a_command_of_more_than_4096_bytes_waits_for_no_file(feeds: FeedIndex, size: int, kept: tuple[int, bool]) -> None:
    """With its signature; that it is none does not matter here."""
    lives_by(feeds, OTHER, NEWER, 2)
    feeds.write(OTHER, Kind.COMMAND, {"command": bytes(size - 64), "signature": bytes(64), "target": OTHER})
    assert later_of(feeds.state(), OTHER) == kept


def test_what_was_said_by_a_file_that_counts_does_not_wait(feeds: FeedIndex) -> None:
    applies(feeds, OWNER, NEWER, 2)
    feeds.obey(THIEF, feeds.sign("hold", THIEF))
    feeds.write(THIEF, Kind.HOLD, {})
    assert held(feeds) == {True}
    assert [feed.later for feed in feeds.state().orders.feeds.values()] == [None] * 3
