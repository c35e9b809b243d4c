"""Go on with the own feed, or open a new incarnation: a number must never be used twice."""

from coordinator.core.feed_index import FeedIndex
from coordinator.core.feed_recovery import FeedRecovery
from protocol.event import NUMBER_MAX, Entry
from protocol.messages import ShortHead
from tests.core.test_feeds import known, written

BEGAN_MS, DEADLINE_MS = 1_000, 2_500


def joining(feeds: FeedIndex, clean: bool = False) -> FeedRecovery:
    others = frozenset({"lukretia", "carthage"})
    return FeedRecovery("genesis", feeds, BEGAN_MS, DEADLINE_MS - BEGAN_MS, others, clean, glance_ms=200)


def head(entry: Entry) -> ShortHead:
    return ShortHead(entry.event.incarnation, entry.event.number, entry.id[:8])


def test_an_unclean_end_waits_for_every_other_node() -> None:
    feed = written(3)
    asked = joining(known(*feed))
    asked.answered("lukretia", head(feed[2]))
    assert asked.verdict(BEGAN_MS + 300) == "wait"
    asked.answered("carthage", head(feed[1]))
    assert asked.verdict(BEGAN_MS + 300) == "continue"


def test_without_all_answers_it_is_a_new_incarnation_in_the_end() -> None:
    asked = joining(known(*written(3)))
    asked.answered("lukretia", None)
    assert asked.verdict(DEADLINE_MS - 1) == "wait"
    assert asked.verdict(DEADLINE_MS) == "new"


def test_a_clean_end_goes_on_when_nobody_has_objected_for_a_moment() -> None:
    asked = joining(known(*written(3)), clean=True)
    assert asked.verdict(BEGAN_MS + 199) == "wait"
    assert asked.verdict(BEGAN_MS + 200) == "continue"


def test_a_peer_that_has_more_is_asked_for_it_and_never_continued_over() -> None:
    feed = written(5)
    asked = joining(known(*feed[:3]), clean=True)
    assert asked.answered("lukretia", head(feed[4])) == 4
    assert asked.verdict(BEGAN_MS + 300) == "wait"


def test_a_peer_that_has_another_event_at_our_last_number_means_a_new_incarnation() -> None:
    asked = joining(known(*written(3)), clean=True)
    asked.answered("lukretia", head(written(3, text="other ")[2]))
    assert asked.verdict(BEGAN_MS) == "new"


def test_a_new_incarnation_is_larger_than_every_known_one_whatever_the_clock_says() -> None:
    asked = joining(known(*written(3)))
    assert asked.next_incarnation(wall_ms=5) == 8
    assert asked.next_incarnation(wall_ms=1_000) == 1_000


def test_what_a_peer_only_names_forbids_to_continue_and_sets_no_number() -> None:
    """A head without a signature: above 2^62 there would be no room, and no peer would take our heartbeats any more."""
    asked = joining(known(*written(3)))
    for incarnation in (90, NUMBER_MAX, 2**62):
        assert asked.answered("lukretia", ShortHead(incarnation, 2, bytes(8))) == 1
    asked.answered("carthage", None)
    assert asked.verdict(BEGAN_MS + 300) == "wait"
    assert asked.verdict(DEADLINE_MS) == "new"
    assert asked.next_incarnation(wall_ms=5) == 8


def test_a_clock_at_its_end_leaves_room_for_the_next_incarnation() -> None:
    assert joining(known()).next_incarnation(wall_ms=2**63 - 1) < NUMBER_MAX
