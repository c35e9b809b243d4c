"""The event stream: durable events of every feed as they come, resumable from any of them.

    GET /events                     what comes from now on
    GET /events?last=20             the newest 20 first
    GET /events?after=CURSOR        everything behind a cursor: "lukretia:1732:22,genesis:1733:7"
    GET /events?after=22            events of the asked node's own newest incarnation behind number 22

Every event brings the cursor that stands behind it, as the `id` of a server-sent event and as `cursor` in its JSON, so an
`EventSource` that reconnects (`Last-Event-ID`) misses nothing and sees nothing twice. A cursor names the last event seen of
each feed; a feed that it does not name is sent from its beginning.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from coordinator.control.view import NodeView
from coordinator.sentences import sentence
from protocol.event import Entry
from protocol.moment import rfc3339

BATCH = 200
"""Events read from the log at once: a reader far behind never makes the node hold more than this in memory."""

DIGITS_MAX = 18

Feed = tuple[str, int]


class BadCursor(ValueError):
    """`after` is no cursor: NODE:INCARNATION:NUMBER,... or a number."""


@dataclass(slots=True)
class Cursor:
    """How far a reader has come in every feed; feeds that are not named are unread."""

    seen: dict[Feed, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, view: NodeView) -> "Cursor":
        """Raises BadCursor."""
        if text.isascii() and text.isdecimal():
            return cls._own(_whole(text), view)
        seen: dict[Feed, int] = {}
        for part in filter(None, text.split(",")):
            node, _, rest = part.partition(":")
            incarnation, _, number = rest.partition(":")
            if not (node and incarnation.isdecimal() and number.isdecimal()):
                raise BadCursor(f'"{part[:60]}" is not NODE:INCARNATION:NUMBER')
            seen[node, _whole(incarnation)] = _whole(number)
        return cls(seen)

    @classmethod
    def _own(cls, number: int, view: NodeView) -> "Cursor":
        cursor = cls.at_end(view)
        own = [feed for feed in cursor.seen if feed[0] == view.me]
        if own:
            cursor.seen[max(own)] = number
        return cursor

    @classmethod
    def at_end(cls, view: NodeView) -> "Cursor":
        return cls({head.feed: head.number for head in view.heads()})

    def __str__(self) -> str:
        return ",".join(f"{node}:{incarnation}:{number}" for (node, incarnation), number in sorted(self.seen.items()))


def _whole(text: str) -> int:
    """Decimal digits only. No feed is longer than a number of DIGITS_MAX, and Python refuses to read one of thousands."""
    if len(text) > DIGITS_MAX:
        raise BadCursor(f'"{text[:60]}" is larger than any number of an event')
    return int(text)


async def unread(view: NodeView, cursor: Cursor) -> list[Entry]:
    """The next events behind the cursor, at most BATCH of each feed, in the order of their wall clocks."""
    entries: list[Entry] = []
    for head in view.heads():
        seen = cursor.seen.get(head.feed, 0)
        if seen < head.number:
            pairs = await view.read(head.node, head.incarnation, seen + 1, BATCH)
            entries += [Entry.read(raw, signature) for raw, signature in pairs]
    return in_order(entries)


def in_order(entries: list[Entry]) -> list[Entry]:
    """By wall clock for people, and inside a feed by number, whatever its clock did."""
    feeds: dict[Feed, list[Entry]] = {}
    for entry in entries:
        feeds.setdefault((entry.event.node, entry.event.incarnation), []).append(entry)
    keyed = []
    for feed, own in feeds.items():
        latest_ms = 0
        for entry in own:
            latest_ms = max(latest_ms, entry.event.wall_ms)
            keyed.append((latest_ms, feed, entry.event.number, entry))
    return [entry for *_, entry in sorted(keyed, key=lambda item: item[:3])]


async def follow(view: NodeView, cursor: Cursor, patience_s: float) -> AsyncIterator[dict[str, Any] | None]:
    """Events for ever, each as JSON; None whenever nothing came for `patience_s`, so that the reader can be tested."""
    while True:
        rung = view.bell.count
        entries = await unread(view, cursor)
        for entry in entries:
            cursor.seen[entry.event.node, entry.event.incarnation] = entry.event.number
            yield as_json(entry, str(cursor))
        if not entries and not await view.bell.heard(rung, patience_s):
            yield None


async def before(view: NodeView, count: int) -> Cursor:
    """The cursor behind which the newest `count` events of all feeds together stand."""
    cursor = Cursor.at_end(view)
    entries: list[Entry] = []
    for (node, incarnation), last in cursor.seen.items():
        first = max(1, last - count + 1)
        entries += [Entry.read(*pair) for pair in await view.read(node, incarnation, first, last - first + 1)]
    for entry in reversed(in_order(entries)[-count:] if count else []):
        cursor.seen[entry.event.node, entry.event.incarnation] = entry.event.number - 1
    return cursor


def as_json(entry: Entry, cursor: str) -> dict[str, Any]:
    event = entry.event
    return {
        "node": event.node,
        "incarnation": event.incarnation,
        "number": event.number,
        "kind": event.kind,
        "service": event.service or None,
        "at": rfc3339(event.wall_ms),
        "at_ms": event.wall_ms,
        "boot_ms": event.boot_ms,
        "text": sentence(event),
        "body": plain(event.body),
        "causes": [list(ref) for ref in event.causes],
        "id": entry.id.hex(),
        "cursor": cursor,
    }


def plain(value: Any) -> Any:
    """A body as JSON can hold it: bytes become hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    return value
