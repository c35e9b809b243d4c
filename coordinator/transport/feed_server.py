"""A peer asks for a feed from a number on, and gets it, batch after batch, until nothing is left.

    serving = Serving(connection, source)
    serving.ask(Want("lukretia", 1, 17))

Each batch ends in a signature: the peer could do nothing with what stands behind the last one. Only when the peer has
read a batch the next is sent, so catching up never stands in front of a heartbeat for long.
"""

import asyncio
import logging
from typing import Protocol

from coordinator.shell.batches import READ_ENTRIES, Asked, ending_in_a_signature, read_next, signed_length
from coordinator.transport.connection import Connection
from protocol.bodies import Pair, Want
from protocol.event import Head
from protocol.frames import Kind, frame

log = logging.getLogger("failover.links")


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
        self._asked = Asked()
        self._task: asyncio.Task[None] | None = None

    def ask(self, want: Want) -> None:
        self._asked.ask(want)
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
        feed, first = self._asked.next
        pairs = await self._signed(feed, first)
        sent = bool(pairs) and await self._connection.deliver(frame(Kind.BATCH, ending_in_a_signature(pairs)))
        self._asked.sent(feed, first, len(pairs) if sent else 0)

    async def _signed(self, feed: tuple[str, int], first: int) -> list[Pair]:
        """Entries from `first` on that end in a signature; empty where there are none."""
        pairs: list[Pair] = []
        limit = READ_ENTRIES
        while limit:
            pairs = await self._source.read(*feed, first, limit)
            count = signed_length(pairs)
            pairs, limit = pairs[:count], read_next(len(pairs), count, limit)
        return pairs
