"""The pen: writes our own events, hands them to the disk in one transaction at a time, and takes them back where it refuses.

Numbers, chain and heads are decided here, in the step in which the event comes to be; the signature is added by the
writer of the store. While one `Append` is in flight, what is written meanwhile waits for the next: group commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.core.effects import Append
from coordinator.core.feeds import Feed, Feeds
from coordinator.core.inputs import Now
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref

RETRY_MS = 1000
"""How long after a refusal the disk is asked again: a full disk is mended by people, a busy loop would not help them."""


@dataclass(slots=True)
class Pen:
    cluster: bytes
    me: str
    feeds: Feeds
    incarnation: int = 0
    """0 until the own feed is known: nothing may be written before."""
    durable: Head | None = None
    """Our own head on the disk: what heartbeats tell."""
    told: dict[Feed, Head] = field(default_factory=dict)
    """The heads of others that our last event rested on."""
    told_durably: dict[Feed, Head] = field(default_factory=dict)
    waiting: list[Entry] = field(default_factory=list)
    flying: tuple[Entry, ...] = ()
    flying_since_ms: int = 0
    ticket: int = 0
    refused_ms: int | None = None
    """When the disk last refused; None while it takes what it gets."""

    def open(self, incarnation: int, told: Mapping[Feed, Head]) -> None:
        """Start or continue a feed: from now on events may be written."""
        self.incarnation = incarnation
        self.durable = self.feeds.heads.get((self.me, incarnation))
        self.told = dict(told)
        self.told_durably = dict(told)

    def write(self, kind: str, service: str, body: Mapping[str, Any], causes: Sequence[Ref], now: Now) -> Entry:
        """The next event of our feed. It is in our state from now on; on the disk when `Durable` says so."""
        assert self.incarnation, f"{kind} before our own feed is known"
        last = self.feeds.heads.get((self.me, self.incarnation))
        event = Event(
            cluster=self.cluster,
            node=self.me,
            incarnation=self.incarnation,
            number=last.number + 1 if last else 1,
            previous=last.id if last else NO_PREVIOUS,
            wall_ms=now.wall_ms,
            boot_ms=now.boot_ms,
            kind=str(kind),
            service=service,
            body=body,
            causes=tuple(dict.fromkeys(causes)),
            heads=self._news(),
        )
        entry = Entry.of(event)
        self.feeds.add(entry)
        self.waiting.append(entry)
        return entry

    def _news(self) -> tuple[Head, ...]:
        news = tuple(
            head for feed, head in sorted(self.feeds.heads.items()) if feed[0] != self.me and self.told.get(feed) != head
        )
        self.told.update((head.feed, head) for head in news)
        return news

    def keep(self, entries: Sequence[Entry]) -> None:
        """Entries of peers, to be stored before whatever we write next."""
        self.waiting.extend(entries)

    def flush(self, now_ms: int) -> Append | None:
        """The next transaction, where nothing is in flight and the disk may be asked."""
        if self.flying or not self.waiting:
            return None
        if self.refused_ms is not None and now_ms < self.refused_ms + RETRY_MS:
            return None
        self.ticket += 1
        self.flying, self.waiting = tuple(self.waiting), []
        self.flying_since_ms = now_ms
        return Append(self.ticket, self.flying)

    def stored(self, ticket: int) -> tuple[Entry, ...]:
        """The disk has it: our own entries among it, in order."""
        assert ticket == self.ticket, "one transaction at a time"
        own = tuple(entry for entry in self.flying if entry.event.node == self.me)
        self.flying = ()
        self.refused_ms = None
        if own:
            self.durable = own[-1].head
            for entry in own:
                self.told_durably.update((head.feed, head) for head in entry.event.heads)
        return own

    def refused(self, ticket: int, now_ms: int) -> tuple[Entry, ...]:
        """The disk took nothing: the feed ends again where the disk ends. Returns our own entries that are lost."""
        assert ticket == self.ticket, "one transaction at a time"
        lost = [*self.flying, *self.waiting]
        self.flying, self.refused_ms = (), now_ms
        self.waiting = [entry for entry in lost if entry.event.node != self.me]
        self.feeds.cut(self.durable, (self.me, self.incarnation))
        self.told = dict(self.told_durably)
        return tuple(entry for entry in lost if entry.event.node == self.me)

    def retry_at_ms(self) -> int | None:
        return None if self.refused_ms is None or self.flying else self.refused_ms + RETRY_MS

    def hangs_ms(self, now_ms: int) -> int:
        """How long the transaction in flight has been on its way."""
        return now_ms - self.flying_since_ms if self.flying else 0
