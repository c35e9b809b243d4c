"""A peer asks for a feed from a number on, and gets it, batch after batch, until nothing is left.

    serving = Serving(connection, source)
    serving.ask(Want("lukretia", 1, 17))

Each batch ends in a signature: the peer could do nothing with what stands behind the last one. Only when the peer has
read a batch the next is sent, so catching up never stands in front of a heartbeat for long.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from coordinator.transport.connection import Connection
from protocol.bodies import BATCH_ENTRIES_MAX, Pair, Want, batch_body
from protocol.event import Head
from protocol.frames import BODY_BYTES_MAX, Kind, frame

log = logging.getLogger("failover.links")

READ_ENTRIES = 64
"""Entries read, sent and verified at a time: 6 ms of the receiver's loop when each is signed."""

BATCH_BYTES = 64 * 1024
"""Where a batch is cut, if a signature stands before it."""

ENTRY_OVERHEAD_BYTES = 80
"""The signature and the framing of one entry."""

FEEDS_ASKED_MAX = 256
"""A peer that asks for more feeds at once has to ask again: its heartbeats' heads will remind it."""


class FeedSource(Protocol):
    """The log as the links need it; `store.journal.Journal`."""

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        """At most `limit` durable entries of one feed, from `first` on, with their signatures."""

    def heads(self) -> tuple[Head, ...]:
        """The last durable event of every feed."""


class Serving:
    """What one connection's peer has asked for."""

    def __init__(self, connection: Connection, source: FeedSource) -> None:
        self._connection = connection
        self._source = source
        self._asked: dict[tuple[str, int], int] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, want: Want) -> None:
        """What is on its way already is not begun again: a peer asks at every heartbeat until it has everything."""
        feed = (want.node, want.incarnation)
        if len(self._asked) < FEEDS_ASKED_MAX or feed in self._asked:
            self._asked[feed] = max(want.first, self._asked.get(feed, 0))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve(), name=f"serve {self._connection.peer} {self._connection.link}")

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _serve(self) -> None:
        try:
            while self._asked and self._connection.open:
                await self._next()
        except Exception:
            log.exception("cannot serve %s on link %s; it will ask again", self._connection.peer, self._connection.link)
            self._asked.clear()

    async def _next(self) -> None:
        """One batch of the feed that waited longest."""
        feed, first = next(iter(self._asked.items()))
        pairs = await self._signed(feed, first)
        sent = bool(pairs) and await self._connection.deliver(frame(Kind.BATCH, batch_body(pairs)))
        wanted = self._asked.pop(feed)
        if sent:
            self._asked[feed] = max(wanted, first + len(pairs))

    async def _signed(self, feed: tuple[str, int], first: int) -> list[Pair]:
        """Entries from `first` on that end in a signature; empty where there are none."""
        limit = READ_ENTRIES
        while True:
            pairs = await self._source.read(*feed, first, limit)
            count = signed_length(pairs)
            if count or len(pairs) < limit or limit >= BATCH_ENTRIES_MAX:
                return pairs[:count]
            limit = BATCH_ENTRIES_MAX


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
