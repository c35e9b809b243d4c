"""The pen: writes our own events, hands them to the disk in one transaction at a time, and takes them back where it refuses.

Numbers, chain and heads are decided here, in the step in which the event comes to be; the signature is added by the
writer of the store. While one `Append` is in flight, what is written meanwhile waits for the next: group commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.core.effects import Append
from coordinator.core.feed_index import Feed, FeedIndex
from coordinator.core.inputs import Now
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.events import Body
from protocol.invariant import must
from protocol.kinds import Kind

PATIENT = frozenset(
    {
        Kind.RELEASE, Kind.ACTION_STARTED, Kind.ACTION_FINISHED, Kind.JUDGED, Kind.LINK_UP, Kind.LINK_DOWN, Kind.PULSE,
        Kind.CARRIER_LOST, Kind.CARRIER_BACK, Kind.CHECK_FAILED, Kind.CHECK_PASSED, Kind.COMMAND,
        Kind.SPLIT_SEEN, Kind.SPLIT_RESOLVED, Kind.HOLD, Kind.UNHOLD, Kind.LAST_WORD, Kind.DOWN,
    }
)  # fmt: skip
"""Nothing waits for these on the disk (nor for a `down`: its last word is enough). They go with the next event that something
waits for: otherwise that one would find the disk busy, and a move would pay for two commits on each side instead of one."""

OLDER_HEADS_MAX = 64
"""Heads of replaced incarnations in one event, 6 KiB of them; the rest goes with later ones. A node that crashes again and
again while a peer is away begins a thousand incarnations, and an event that named them all would be too large to be written."""

PATIENCE_MS = 20
"""How long such events wait at most."""

RETRY_MS = 1000
"""How long after a refusal the disk is asked again: people mend a full disk, and a busy loop would not help them."""


def _newest_first(head: Head) -> tuple[int, str]:
    return (-head.incarnation, head.node)


@dataclass(slots=True)
class FeedWriter:
    cluster: bytes
    me: str
    feeds: FeedIndex
    incarnation: int = 0
    """0 until the own feed is known: nothing may be written before."""
    durable: Head | None = None
    """Our own head on the disk: what heartbeats tell."""
    opened: Head | None = None
    """Our feed as we found it: up to here its entries were on the disk or came from peers, and are not ours to take back."""
    told: dict[Feed, Head] = field(default_factory=dict)
    """The heads of others that our last event rested on."""
    told_durably: dict[Feed, Head] = field(default_factory=dict)
    waiting: list[Entry] = field(default_factory=list)
    waiting_since_ms: int = 0
    hurry: bool = False
    """An event that others wait for is not on its way yet."""
    in_flight: tuple[Entry, ...] = ()
    in_flight_since_ms: int = 0
    ticket: int = 0
    superseded: bool = False
    """A peer has a newer incarnation of our own feed: our disk and the time were lost, and no peer was there to say so."""
    refused_ms: int | None = None
    """When the disk last refused; None while it takes what it gets."""

    def open(self, incarnation: int, told: Mapping[Feed, Head]) -> None:
        """Start or continue a feed: from now on events may be written."""
        must(not self.incarnation, f"feed {self.incarnation} is closed before {incarnation} is opened")
        must(incarnation > 0, f"{incarnation} is no incarnation")
        self.incarnation = incarnation
        self.opened = self.feeds.heads.get((self.me, incarnation))
        if self.durable and self.durable.incarnation != incarnation:
            self.durable = None
        self.told = dict(told)
        self.told_durably = dict(told)

    def close(self) -> bool:
        """End this incarnation where all of it is on the disk; else hurry it there."""
        if self.in_flight or any(self._written(entry) for entry in self.waiting):
            self.hurry = True
            return False
        self.incarnation, self.durable, self.opened, self.superseded = 0, None, None, False
        return True

    def outdo(self) -> bool:
        """A newer incarnation is proved: what is written here counts with no peer. True where that was not known."""
        known, self.superseded = self.superseded, True
        return not known

    def write(self, service: str, body: Body, causes: Sequence[Ref], now: Now) -> Entry:
        """The next event of our feed. It is in our state from now on; on the disk when `Durable` says so."""
        must(self.incarnation, f"{body.KIND} before our own feed is known")
        last = self.feeds.heads.get((self.me, self.incarnation))
        event = Event(
            cluster=self.cluster,
            node=self.me,
            incarnation=self.incarnation,
            number=last.number + 1 if last else 1,
            previous=last.id if last else NO_PREVIOUS,
            wall_ms=now.wall_ms,
            boot_ms=now.boot_ms,
            kind=str(body.KIND),
            service=service,
            body=body.to_body(),
            causes=tuple(dict.fromkeys(causes)),
            heads=self._news(),
        )
        entry = Entry.of(event)
        self.feeds.add(entry)
        self._wait([entry], now.mono_ms)
        self.hurry = self.hurry or body.KIND not in PATIENT
        return entry

    def _wait(self, entries: Sequence[Entry], now_ms: int) -> None:
        if not self.waiting:
            self.waiting_since_ms = now_ms
        self.waiting.extend(entries)

    def _news(self) -> tuple[Head, ...]:
        """What changed since our last event: of each node's newest incarnation at once, of older ones a few in each event.

        Our own older ones as well: what we know of them tells which epochs we know.
        """
        mine = (self.me, self.incarnation)
        fresh = [head for feed, head in self.feeds.heads.items() if feed != mine and self.told.get(feed) != head]
        older = sorted((head for head in fresh if self.feeds.is_replaced(head)), key=_newest_first)[:OLDER_HEADS_MAX]
        news = tuple(sorted([*(head for head in fresh if not self.feeds.is_replaced(head)), *older]))
        self.told.update((head.feed, head) for head in news)
        return news

    def keep(self, entries: Sequence[Entry], now_ms: int, *, hurry: bool = False) -> None:
        """Entries of peers, to be stored before whatever we write next. They are safe where they come from."""
        self._wait(entries, now_ms)
        self.hurry = self.hurry or hurry

    def unstored(self) -> tuple[str, ...]:
        """The peers of whose feed something waits for the disk, or is on its way there."""
        if not self.in_flight and not self.waiting:
            return ()
        return tuple(sorted({entry.event.node for entry in (*self.in_flight, *self.waiting)} - {self.me}))

    def flush(self, now_ms: int) -> Append | None:
        """The next transaction, where nothing is in flight and the disk may be asked."""
        if self.in_flight or not self.waiting:
            return None
        if self.refused_ms is not None and now_ms < self.refused_ms + RETRY_MS:
            return None
        if not self.hurry and now_ms < self.waiting_since_ms + PATIENCE_MS:
            return None
        self.hurry = False
        self.ticket += 1
        self.in_flight, self.waiting = tuple(self.waiting), []
        self.in_flight_since_ms = now_ms
        return Append(self.ticket, self.in_flight)

    def stored(self, ticket: int) -> tuple[Entry, ...]:
        """The disk has it: our own entries among it, in order."""
        must(ticket == self.ticket, "one transaction at a time")
        must(self.in_flight, f"transaction {ticket} is not over yet when it is stored")
        stored, self.in_flight = self.in_flight, ()
        self.refused_ms = None
        for entry in stored:
            if entry.event.node == self.me and entry.event.incarnation == (self.incarnation or entry.event.incarnation):
                before = self.durable.number if self.durable and self.durable.incarnation == entry.head.incarnation else 0
                must(entry.head.number > before, f"our event {entry.head.number} becomes durable after {before}")
                self.durable = entry.head
        own = tuple(entry for entry in stored if self._written(entry))
        for entry in own:
            self.told_durably.update((head.feed, head) for head in entry.event.heads)
        return own

    def _written(self, entry: Entry) -> bool:
        """Whether we wrote it in this run; it was not fetched from a peer to complete an older disk."""
        event = entry.event
        if event.node != self.me or event.incarnation != self.incarnation:
            return False
        return self.opened is None or event.number > self.opened.number

    def settled(self) -> bool:
        """Whether something that we wrote in this run is on the disk."""
        return self.durable is not None and (self.opened is None or self.durable.number > self.opened.number)

    def refused(self, ticket: int, now_ms: int) -> tuple[Entry, ...]:
        """The disk took nothing: the feed ends again where the disk ends. Returns our own entries that are lost."""
        must(ticket == self.ticket, "one transaction at a time")
        must(self.in_flight, f"transaction {ticket} is not over yet when it is refused")
        lost = [*self.in_flight, *self.waiting]
        self.in_flight, self.refused_ms, self.hurry = (), now_ms, True
        self.waiting = [entry for entry in lost if not self._written(entry)]
        if self.incarnation:
            self.feeds.cut(self.durable if self.settled() else self.opened, (self.me, self.incarnation))
        self.told = dict(self.told_durably)
        return tuple(entry for entry in lost if self._written(entry))

    def idle_though_refused(self, now_ms: int) -> bool:
        """The disk refused, it is time to ask again, and there is nothing to write: then something must be."""
        due = self.refused_ms is not None and now_ms >= self.refused_ms + RETRY_MS
        return due and not self.in_flight and not self.waiting

    def wake_at_ms(self) -> int | None:
        """When `flush` may have something to give that it does not give now."""
        if self.in_flight or not (self.waiting or self.refused_ms is not None):
            return None
        if self.refused_ms is not None:
            return self.refused_ms + RETRY_MS
        return self.waiting_since_ms + PATIENCE_MS

    def has_written(self, ref: Ref) -> bool:
        """Whether this event is on the disk, where it is one of this incarnation of ours; what came from elsewhere is."""
        ours = ref[:2] == (self.me, self.incarnation)
        return not ours or (self.durable is not None and self.durable.number >= ref.number)

    def hangs_ms(self, now_ms: int) -> int:
        """How long the transaction in flight has been on its way."""
        return now_ms - self.in_flight_since_ms if self.in_flight else 0
