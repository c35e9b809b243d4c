"""The side that dials keeps dialling: one task for each link on which our name is the smaller one.

    dialer = Dialer(link, attempt)      # attempt: makes one connection, up to the hello
    dialer.start(); dialer.hurry(); await dialer.close()

Between attempts it waits 50 ms, doubled up to 2 s, each time a random part of it, so that a cluster that lost its
switch does not dial in step. A datagram that gets through on a silent link ends the waiting at once.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from coordinator.transport import sockets
from coordinator.transport.connection import Connection
from coordinator.transport.link import Link

log = logging.getLogger("failover.links")

WAIT_S_MIN = 0.05
WAIT_S_MAX = 2.0

ATTEMPT_S_MAX = 1.5
"""The kernel repeats a lost SYN after 1 s: once is enough, then a new attempt is better than its next after 3 s."""


class Dialer:
    def __init__(self, link: Link, attempt: Callable[[Link], Awaitable[Connection | None]]) -> None:
        self._link = link
        self._attempt = attempt
        self._hurried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"dial {self._link.peer} {self._link.name}")

    def hurry(self) -> None:
        """Dial now: something got through."""
        self._hurried.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait_s = WAIT_S_MIN
        while True:
            self._hurried.clear()
            made = await self._one()
            wait_s = WAIT_S_MIN if made else min(wait_s * 2, WAIT_S_MAX)
            await self._while_served()
            if not self._hurried.is_set():
                await self._first_of(asyncio.sleep(wait_s * random.uniform(0.5, 1.0)))

    async def _one(self) -> bool:
        """One attempt; a hurry ends it, so that the next begins at once."""
        attempt = asyncio.ensure_future(self._attempt(self._link))
        await self._first_of(attempt)
        if attempt.cancelled():
            return False
        if error := attempt.exception():
            log.error("dialling %s on link %s", self._link.peer, self._link.name, exc_info=error)
            return False
        return attempt.result() is not None

    async def _while_served(self) -> None:
        """Until the link's connection is gone, or seems stuck."""
        connection = self._link.connection
        if connection is not None:
            await self._first_of(connection.closed.wait())

    async def _first_of(self, other: Awaitable[object]) -> None:
        """Wait for `other` or a hurry; whichever is later is cancelled."""
        waits = {asyncio.ensure_future(other), asyncio.ensure_future(self._hurried.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def dial(link: Link, connection: Connection) -> Connection | None:
    """Connect from the link's own address to the peer's, up to the hello; None where that failed."""
    loop = asyncio.get_running_loop()
    try:
        plain = sockets.dialling(link.local)
    except OSError:
        return None  # our address is not there (yet)
    try:
        async with asyncio.timeout(ATTEMPT_S_MAX):
            await loop.sock_connect(plain, sockets.sockaddr(link.remote))
        await loop.create_connection(lambda: connection, sock=plain)
    except OSError as error:
        plain.close()
        if isinstance(error, ConnectionRefusedError):
            link.gone()
        return None
    except asyncio.CancelledError:
        plain.close()
        raise
    return await connection.settled()
