"""A node that is dialled and hears no peer asks why: where its peers do not know it any more, it waits for their call in vain.

    asker = Asker(link, attempt)        # attempt: makes one connection, on which we say nothing
    asker.start()
    await asker.close()

Of two nodes the one with the smaller name dials. The other asks after a while without a connection: a peer that knows it hangs
up, and dials; one from whose file it was removed says so (`coordinator.transport.farewell`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from coordinator.transport.connection import Connection
from coordinator.transport.link import Link

FIRST_S = 0.4
"""A peer dials within a heartbeat of our start. Before a node may take anything it waits for `dead` and a second: it must
have heard by then that it was removed."""

AGAIN_S = 2.0


class Asker:
    def __init__(self, link: Link, attempt: Callable[[Link], Awaitable[Connection | None]]) -> None:
        self._link = link
        self._attempt = attempt
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"ask {self._link.peer} {self._link.name}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            if self._link.connection is None:
                await self._attempt(self._link)
            await asyncio.sleep(AGAIN_S * random.uniform(0.5, 1.0))
