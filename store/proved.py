"""Logs in which nothing is wrong: each event is proved once, and read again from its file wherever it is needed.

    feeds = Proved(logs)                                # such as `store.reading.stored`, which stay open meanwhile
    for entry in feeds.entries(names, keyring, cluster): ...        # raises Odd at the first thing that is, or may be, wrong
    feeds.check()                                       # what one feed says of another
    feeds.events(feed, first, last)                     # now as often as wanted
    feeds.attests(event)                                # raises Odd where it says otherwise than what is held

A sound history is the rule, and a long one does not fit into memory as objects. So nothing is kept of an event but its id.
Several logs must each hold the same rows, or a beginning of them. Where anything is odd, `store.merge` reads all of it as a
whole and finds out what is wrong, where, and on which side; this module only says that there is something.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Protocol

from protocol.event import Entry, Event, Ref, known
from protocol.kinds import Kind
from protocol.messages import Keyring
from store.merge import FeedSummary, RefusalCounts
from store.references import said_of_others
from store.survey import Survey
from store.verify_log import Row
from store.walk import Feed, Odd, sound, surveyed

DOUBTED = frozenset({Kind.FORK_SEEN, Kind.TAIL_CUT})
"""Kinds whose sound events can tell of something that is wrong elsewhere."""

ID_BYTES = 32


class Log(Protocol):
    """The rows of one log, as often as they are asked for."""

    @property
    def feeds(self) -> Mapping[Feed, int]:
        """Each feed to its last number; it begins with 1 and has no hole."""

    def rows(self, feed: Feed, first: int = 1, last: int | None = None) -> Iterator[Row]: ...


class Proved:
    """See the module."""

    def __init__(self, logs: Sequence[Log]):
        self._logs = logs
        self._longest: dict[Feed, Log] = {}
        for log in logs:
            for feed, last in log.feeds.items():
                if feed not in self._longest or last > self._longest[feed].feeds[feed]:
                    self._longest[feed] = log
        self.feeds: Mapping[Feed, int] = {feed: self._longest[feed].feeds[feed] for feed in sorted(self._longest)}
        """Each feed to its last number, in order."""
        self._ids: dict[Feed, bytearray] = defaultdict(bytearray)
        self._survey = Survey()
        self._tally = RefusalCounts()

    def entries(self, names: Sequence[str], keyring: Keyring, cluster: bytes) -> Iterator[Entry]:
        """The feeds of these nodes, entry by entry as they are proved."""
        rows = (row for feed in self.feeds if feed[0] in names for row in self._rows(feed))
        for entry in surveyed(sound(rows, keyring, cluster), self._survey):
            if entry.event.kind in DOUBTED:
                raise Odd
            self._ids[entry.event.node, entry.event.incarnation] += entry.id
            self._tally.add(entry)
            yield entry

    def _rows(self, feed: Feed) -> Iterator[Row]:
        logs = [log for log in self._logs if feed in log.feeds]
        return logs[0].rows(feed) if len(logs) == 1 else _the_same(feed, logs)

    def check(self) -> None:
        """After every entry: all rows were read, and no feed is shorter than an event here knew it."""
        read = {feed: len(ids) // ID_BYTES for feed, ids in self._ids.items()}
        if read != self.feeds or self._survey.shorter():
            raise Odd

    @property
    def summaries(self) -> dict[str, FeedSummary]:
        return self._tally.summaries()

    def attests(self, event: Event) -> None:
        """What it calls the events of others they are called here."""
        for ref, name in said_of_others(event):
            if name and self._id(ref) != name:
                raise Odd

    def _id(self, ref: Ref) -> bytes:
        return bytes(self._ids.get(ref[:2], b"")[(ref.number - 1) * ID_BYTES : ref.number * ID_BYTES])

    def events(self, feed: Feed, first: int = 1, last: int | None = None) -> Iterator[Event]:
        """In their order, as far as they are here."""
        log = self._longest.get(feed)
        return (known(row.raw) for row in log.rows(feed, first, last)) if log else iter(())


def _the_same(feed: Feed, logs: Sequence[Log]) -> Iterator[Row]:
    """The rows of one feed in all these logs: the same as far as they go, and each log's end has a signature."""
    before: Row | None = None
    for number, rows in enumerate(zip_longest(*(log.rows(feed) for log in logs)), 1):
        row = next(row for row in rows if row is not None)
        if any(other is not None and other != row for other in rows):
            raise Odd
        if before is not None and before.signature is None and any(log.feeds[feed] == number - 1 for log in logs):
            raise Odd
        before = row
        yield row
