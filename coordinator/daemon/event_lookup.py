"""Single events, by their names, for what people read: the state keeps that a node is in FAIL, the event since when and why.

    recall = Recall(journal.read)
    recall.event(ref)           # None, and noted, where it is not in memory
    await recall.fetch()        # reads what was noted; True where something was found

Bounded: a thousand events are what a screen can show.
"""

from collections.abc import Awaitable, Callable

from protocol.event import Entry, Event, Ref

KEPT_MAX = 4096
"""Four for each of a thousand services; the oldest goes."""

FETCHED_MAX = 512
"""So many at once: each costs a look into the log on its reading thread."""

Read = Callable[[str, int, int, int], Awaitable[list[tuple[bytes, bytes | None]]]]


class Recall:
    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[Ref, Event] = {}
        self._missed: dict[Ref, None] = {}

    def event(self, ref: Ref | None) -> Event | None:
        if ref is None:
            return None
        known = self._known.get(ref)
        if known is None:
            self._missed[ref] = None
        return known

    async def fetch(self) -> bool:
        """An event that is not durable here yet is not found, and asked for again."""
        missed, self._missed = list(self._missed)[:FETCHED_MAX], {}
        found = False
        for ref in missed:
            pairs = await self._read(ref.node, ref.incarnation, ref.number, 1)
            event = Entry.read(*pairs[0]).event if pairs else None
            if event is not None and event.ref == ref:
                self._known[ref], found = event, True
        while len(self._known) > KEPT_MAX:
            del self._known[next(iter(self._known))]
        return found
