"""What one event says about other feeds: who knew what of whom."""

from collections.abc import Iterable

from protocol.event import Event, Ref
from protocol.events import Gap, body_of
from protocol.kinds import Kind


def said_of_others(event: Event) -> Iterable[tuple[Ref, bytes]]:
    """The events of others that this one names, each with its id or empty; and the last of its own incarnation before."""
    for head in event.heads:
        if head.node != event.node:
            yield Ref(*head[:3]), head.id
    for cause in event.causes:
        if cause.node != event.node:
            yield cause, b""
    if event.kind == Kind.GAP_DECLARED:
        yield from _declared(event)


def _declared(event: Event) -> Iterable[tuple[Ref, bytes]]:
    """The first event of an incarnation names the last one that its author knew of the incarnation before; one that is not of
    the format names none."""
    gap = body_of(event)
    if isinstance(gap, Gap):
        yield Ref(event.node, gap.incarnation, gap.number), gap.id
