"""Nodes that the configuration does not name any more and that connect: they are let in so far that they can learn it.

    farewell = Farewell(evidence, visited)
    farewell.remember({"carthage": key})        # those that earlier files named
    farewell.turn_away(connection)              # TLS has proved that it is one of them

A removed node boots with its old file and dials us as ever. TLS proves its key, as that of a peer; then it is told why it is
not let in (frame REMOVED), and the connection ends. Nothing that it says is read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from coordinator.transport.connection import Connection
from protocol.bodies import Removal
from protocol.frames import Kind

Evidence = Callable[[str], Awaitable[Removal]]
Visited = Callable[[str, str], None]


async def no_evidence(node: str) -> Removal:
    """Nothing but our own word."""
    return Removal(b"", b"", "")


class Farewell:
    def __init__(self, evidence: Evidence, visited: Visited) -> None:
        """`evidence` finds what a node is shown; `visited` hears of each that connects, and from where."""
        self.keys: Mapping[str, bytes] = {}
        self._evidence = evidence
        self._visited = visited
        self._tasks: set[asyncio.Task[None]] = set()

    def turn_away(self, connection: Connection) -> None:
        self._visited(connection.peer, connection.host)
        task = asyncio.get_running_loop().create_task(self._tell(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, connection: Connection) -> None:
        removal = await self._evidence(connection.peer)
        connection.send_frame(Kind.REMOVED, removal.encode())
        connection.close()
