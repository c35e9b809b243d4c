"""How the entries of a feed are cut into batches, and what a peer that asks for feeds gets next. Pure.

    for body in bodies(pairs): ...          # what is pushed
    asked = Asked(); asked.ask(want)        # what a peer wants
    feed, first = asked.next                # read from there; then
    asked.sent(feed, first, count)

Each batch ends in a signature: the peer could do nothing with what stands behind the last one.
"""

from collections.abc import Sequence

from protocol.bodies import BATCH_ENTRIES_MAX, Pair, Want, batch_body
from protocol.frames import BODY_BYTES_MAX, Kind
from protocol.invariant import must

READ_ENTRIES = 64
"""Entries read, sent and verified at a time: 6 ms of the receiver's loop when each is signed."""

READ_ENTRIES_MAX = BATCH_ENTRIES_MAX
"""Where no signature stands within that."""

BATCH_BYTES = 64 * 1024
"""Where a batch is cut, if a signature stands before it."""

ENTRY_OVERHEAD_BYTES = 80
"""The signature and the framing of one entry."""

FEEDS_ASKED_MAX = 256
"""A peer that asks for more feeds at once has to ask again: its heartbeats' heads will remind it."""


class Asked:
    """The feeds that one peer has asked for on one connection, and from which number on each goes next."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, int], int] = {}

    def __bool__(self) -> bool:
        return bool(self._feeds)

    def ask(self, want: Want) -> None:
        """What is on its way already is not begun again: a peer asks at every heartbeat until it has everything."""
        feed = (want.node, want.incarnation)
        if len(self._feeds) < FEEDS_ASKED_MAX or feed in self._feeds:
            self._feeds[feed] = max(want.first, self._feeds.get(feed, 0))

    @property
    def next(self) -> tuple[tuple[str, int], int]:
        """The feed that waited longest, and its next number."""
        must(self._feeds, "a peer that asks for nothing has no next feed")
        return next(iter(self._feeds.items()))

    def sent(self, feed: tuple[str, int], first: int, count: int) -> None:
        """So many of them are on their way from `first` on; with none there is nothing left, or no way."""
        must(feed in self._feeds and count >= 0, f"{count} events of {feed} are sent, which was not asked for")
        wanted = self._feeds.pop(feed)
        if count:
            self._feeds[feed] = max(wanted, first + count)

    def clear(self) -> None:
        self._feeds.clear()


def signed_length(pairs: Sequence[Pair]) -> int:
    """How many of these to send at once: up to the last signature within BATCH_BYTES, else up to the first behind it."""
    size, cut = 0, 0
    for number, (raw, signature) in enumerate(pairs, 1):
        size += len(raw) + ENTRY_OVERHEAD_BYTES
        if (cut and size > BATCH_BYTES) or size > BODY_BYTES_MAX[Kind.BATCH]:
            return cut
        if signature:
            cut = number
            if size > BATCH_BYTES:
                return cut
    return cut


def read_next(read: int, count: int, limit: int) -> int:
    """How many entries to read instead, where `count` of the `read` ones can be sent; 0 where reading more brings nothing."""
    must(0 <= count <= read <= limit, f"{count} of {read} entries can be sent, of at most {limit}")
    return 0 if count or read < limit or limit >= READ_ENTRIES_MAX else READ_ENTRIES_MAX


def bodies(pairs: Sequence[Pair]) -> list[bytes]:
    """As many batches as their limit asks for, each up to a signature; what has none behind it is left out."""
    found, at = [], 0
    while count := signed_length(pairs[at:]):
        found.append(ending_in_a_signature(pairs[at : at + count]))
        at += count
    return found


def ending_in_a_signature(pairs: Sequence[Pair]) -> bytes:
    """One batch: a peer drops what stands behind the last signature, and would ask for it for ever."""
    must(pairs and pairs[-1][1], f"a batch of {len(pairs)} entries ends in a signature")
    return batch_body(pairs)
