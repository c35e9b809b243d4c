"""What may be added to a feed: exactly the next event, once, and never a second one at a number."""

from coordinator.core.feed_index import Admitted, FeedIndex, Forked, Missing, replaced
from coordinator.core.feed_writer import FeedWriter
from coordinator.core.inputs import Now
from protocol.event import Entry, Head
from protocol.messages import Batch, ShortHead
from tests.core.raw import Raw

CLUSTER = bytes(32)
NOW = Now(1_000, 1_000, 1_000)


def written(count: int, author: str = "genesis", text: str = "") -> list[Entry]:
    """A feed of so many events, as its author wrote it."""
    feeds = FeedIndex()
    writer = FeedWriter(CLUSTER, author, feeds)
    writer.open(7, {})
    return [writer.write("", Raw("pulse", {"text": f"{text}{number}"}), (), NOW).signed(b"s") for number in range(count)]


def known(*entries: Entry) -> FeedIndex:
    feeds = FeedIndex()
    feeds.load(entries)
    return feeds


def test_the_next_events_are_admitted_and_known_ones_left_out() -> None:
    feed = written(4)
    assert known(*feed[:2]).admit(Batch(tuple(feed[1:]))) == Admitted(tuple(feed[2:]))


def test_an_event_whose_predecessor_is_missing_is_asked_for_from_there() -> None:
    feed = written(4)
    assert known(*feed[:2]).admit(Batch(tuple(feed[3:]))) == Missing(3)


def test_a_feed_that_does_not_begin_is_asked_for_from_its_beginning() -> None:
    assert known().admit(Batch(tuple(written(3)[1:]))) == Missing(1)


def test_another_event_at_a_known_number_is_a_fork() -> None:
    ours, theirs = written(3), written(3, text="other ")
    assert known(*ours).admit(Batch(tuple(theirs))) == Forked((theirs[0],))


def test_an_event_that_follows_another_one_than_ours_asks_for_the_proof() -> None:
    ours, theirs = written(2), written(3, text="other ")
    assert known(*ours).admit(Batch(tuple(theirs[2:]))) == Missing(2)


def test_a_heartbeat_that_knows_more_says_where_we_are_behind() -> None:
    feed = written(4)
    feeds = known(*feed[:2])
    assert feeds.behind("genesis", ShortHead(7, 4, feed[3].id[:8])) == 3
    assert feeds.behind("genesis", ShortHead(7, 3, feed[2].id[:8])) == 3
    assert feeds.behind("genesis", ShortHead(7, 2, feed[1].id[:8])) is None
    assert feeds.behind("genesis", ShortHead(7, 1, feed[0].id[:8])) is None


def test_another_id_at_the_same_number_is_looked_into() -> None:
    assert known(*written(2)).behind("genesis", ShortHead(7, 2, bytes(8))) == 2


def test_a_newer_incarnation_is_asked_for_and_an_older_one_is_not() -> None:
    feeds = known(*written(2))
    assert feeds.behind("genesis", ShortHead(8, 5, bytes(8))) == 1
    assert feeds.behind("genesis", ShortHead(6, 5, bytes(8))) is None


def test_what_no_heartbeat_names_is_told_apart() -> None:
    heads = tuple(Head(node, incarnation, 9, bytes(32)) for node, incarnation in (("a", 3), ("a", 5), ("a", 4), ("b", 1)))
    assert [(head.node, head.incarnation) for head in replaced(heads)] == [("a", 3), ("a", 4)]
    assert replaced(()) == ()


def test_what_the_disk_refused_is_no_part_of_the_feed_and_its_number_is_used_again() -> None:
    feeds = FeedIndex()
    writer = FeedWriter(CLUSTER, "genesis", feeds)
    writer.open(7, {})
    first = writer.write("", Raw("claim", {"text": "kept"}), (), NOW)
    append = writer.flush(NOW.mono_ms)
    assert append is not None
    assert append.entries == (first,)
    assert writer.stored(append.ticket) == (first,)
    lost = writer.write("", Raw("claim", {"text": "lost"}), (), NOW)
    append = writer.flush(NOW.mono_ms)
    assert append is not None
    assert writer.refused(append.ticket, NOW.mono_ms) == (lost,)
    again = writer.write("", Raw("claim", {"text": "again"}), (), NOW)
    assert (again.event.number, again.event.previous) == (2, first.id)


def test_an_event_names_the_heads_of_others_that_are_news_since_the_last_one() -> None:
    feeds = known(*written(2, "lukretia"))
    writer = FeedWriter(CLUSTER, "genesis", feeds)
    writer.open(7, {})
    first = writer.write("", Raw("pulse", {}), (), NOW)
    assert [(head.node, head.number) for head in first.event.heads] == [("lukretia", 2)]
    assert writer.write("", Raw("pulse", {}), (), NOW).event.heads == ()
