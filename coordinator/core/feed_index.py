"""How far every feed is known, and what may be added: exactly the next event, once, and never a second one at a number.

feeds.admit(batch) -> Admitted(entries) | Missing(first) | Forked(entry)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.event import NO_PREVIOUS, Entry, Head
from protocol.forks import Branch, to_signature
from protocol.invariant import must
from protocol.messages import Batch, ShortHead

IDS_KEPT = 4096
"""Ids per feed that are kept to tell a repetition from a fork at once; an older fork is found by the auditor."""

Feed = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Admitted:
    entries: tuple[Entry, ...]
    """Those that are new, perhaps none."""


@dataclass(frozen=True, slots=True)
class Missing:
    first: int
    """The number from which the feed is to be asked for."""


@dataclass(frozen=True, slots=True)
class Forked:
    run: Branch
    """From an entry that differs from ours of the same name to the next that is signed itself."""


def replaced(heads: Iterable[Head]) -> tuple[Head, ...]:
    """Those of incarnations that a newer one of the same node has replaced."""
    heads = tuple(heads)
    newest: dict[str, int] = {}
    for head in heads:
        newest[head.node] = max(head.incarnation, newest.get(head.node, 0))
    return tuple(head for head in heads if head.incarnation < newest[head.node])


VOUCHED_MAX = 8192
"""Feeds of which we remember how far others have vouched for them; of a cluster of 16 nodes 512 incarnations each."""


@dataclass(slots=True)
class FeedIndex:
    heads: dict[Feed, Head] = field(default_factory=dict)
    ids: dict[Feed, dict[int, bytes]] = field(default_factory=dict)
    newest: dict[str, Head] = field(default_factory=dict)
    """Each node to the head of its newest incarnation."""

    vouched: dict[Feed, int] = field(default_factory=dict)
    """How far the author of another feed has named this one in an event of its own."""

    def load(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Count an entry that was admitted, or that we wrote."""
        head = entry.head
        known = self.ids.setdefault(head.feed, {})
        known[head.number] = head.id
        known.pop(head.number - IDS_KEPT, None)
        self.heads[head.feed] = head
        newest = self.newest.get(head.node)
        if newest is None or head.incarnation >= newest.incarnation:
            self.newest[head.node] = head
        for other in entry.event.heads:
            self._vouch(head.node, other)

    def _vouch(self, by: str, head: Head) -> None:
        if head.node == by or head.number <= self.vouched.get(head.feed, 0):
            return
        self.vouched[head.feed] = head.number
        if len(self.vouched) > VOUCHED_MAX:
            del self.vouched[next(iter(self.vouched))]

    def is_vouched(self, entry: Entry) -> bool:
        """Whether a node that is not its author has named this event, or a later one of its feed."""
        return entry.event.number <= self.vouched.get(entry.head.feed, 0)

    def cut(self, head: Head | None, feed: Feed) -> None:
        """Forget what stands behind `head` in one feed: the disk refused it (our own feed only)."""
        must(head is None or (head.feed == feed and head.number <= self.number(feed)), f"{feed} is cut at {head}, which it has")
        for number in [number for number in self.ids.get(feed, {}) if head is None or number > head.number]:
            del self.ids[feed][number]
        if head is None:
            self.heads.pop(feed, None)
        else:
            self.heads[feed] = head
        ours = [known for known in self.heads.values() if known.node == feed[0]]
        if ours:
            self.newest[feed[0]] = max(ours, key=lambda known: known.incarnation)
        else:
            self.newest.pop(feed[0], None)

    def number(self, feed: Feed) -> int:
        head = self.heads.get(feed)
        return head.number if head else 0

    def admit(self, batch: Batch) -> Admitted | Missing | Forked:
        """Judges, and changes nothing: call `add` for each admitted entry."""
        feed = batch.head.feed
        known, last = self.ids.get(feed, {}), self.number(feed)
        fresh: list[Entry] = []
        for at, entry in enumerate(batch.entries):
            number = entry.event.number
            if number <= last:
                if number in known and known[number] != entry.id:
                    return Forked(to_signature(batch.entries[at:]))
            elif number > last + 1 + len(fresh):
                return Missing(last + 1)
            elif not fresh and entry.event.previous != known.get(last, NO_PREVIOUS):
                return Missing(max(1, last))  # theirs differs further down: ask for the entry at our head, which is the proof
            else:
                fresh.append(entry)
        return Admitted(tuple(fresh))

    def behind(self, node: str, theirs: ShortHead) -> int | None:
        """The first number to ask for where a heartbeat's head is ahead of ours, or differs at the same number."""
        ours = self.newest.get(node)
        if ours is None or theirs.incarnation > ours.incarnation:
            return self.number((node, theirs.incarnation)) + 1
        if theirs.incarnation < ours.incarnation:
            return None
        if theirs.number > ours.number:
            return ours.number + 1
        differs = theirs.number == ours.number and theirs.id8 != ours.id[:8]
        return ours.number if differs else None

    def is_replaced(self, head: Head) -> bool:
        """Whether a newer incarnation of the same node is known: no heartbeat tells of this one any more."""
        newest = self.newest.get(head.node)
        return newest is not None and head.incarnation < newest.incarnation

    def short(self) -> dict[str, ShortHead]:
        return {node: ShortHead(head.incarnation, head.number, head.id[:8]) for node, head in self.newest.items()}
