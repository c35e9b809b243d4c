"""What one event says about other feeds: who knew what of whom."""

from collections.abc import Iterable

from protocol.event import Entry, Ref
from protocol.kinds import Kind


def said_of_others(entry: Entry) -> Iterable[tuple[Ref, Entry, bytes]]:
    """The events of others that this one names; and of its own node's older incarnation the last that it knew."""
    event = entry.event
    for head in event.heads:
        if head.node != event.node:
            yield Ref(*head[:3]), entry, head.id
    for cause in event.causes:
        if cause.node != event.node:
            yield cause, entry, b""
    if event.kind == Kind.GAP_DECLARED:
        yield from _declared(entry)


def _declared(entry: Entry) -> Iterable[tuple[Ref, Entry, bytes]]:
    """The first event of an incarnation names the last one that its author knew of the incarnation before."""
    incarnation, number, name = (entry.event.body.get(key) for key in ("incarnation", "number", "id"))
    if isinstance(incarnation, int) and isinstance(number, int) and isinstance(name, bytes) and number > 0:
        yield Ref(entry.event.node, incarnation, number), entry, name
