"""Our own newest durable entries, signed: what is pushed is taken from here, and not from the disk.

told = own.add(stored)                  # the events of ours among these
own.between(1, 17, 19)                  # 17, 18 and 19 of our first incarnation, or nothing
"""

from collections.abc import Sequence

from protocol.event import Entry, Event
from protocol.invariant import must

PUSHABLE_MAX = 4096
"""A peer that is further behind asks, and is served from the disk."""


class OwnEntries:
    def __init__(self, me: str) -> None:
        self._me = me
        self._kept: dict[tuple[int, int], Entry] = {}

    def add(self, stored: Sequence[Entry]) -> list[Event]:
        own = [entry for entry in stored if entry.event.node == self._me]
        for entry in own:
            self._kept[(entry.event.incarnation, entry.event.number)] = entry
        while len(self._kept) > PUSHABLE_MAX:
            del self._kept[next(iter(self._kept))]
        return [entry.event for entry in own]

    def between(self, incarnation: int, first: int, last: int) -> list[Entry]:
        """All of them; none where one is not here any more: a batch with a hole is of no use."""
        must(0 < first <= last, f"events {first} to {last} are no part of a feed")
        found = [self._kept.get((incarnation, number)) for number in range(first, last + 1)]
        return [] if None in found else [entry for entry in found if entry is not None]
