"""The control socket from the first moment on: who connects waits until its HTTP library has been loaded.

    opening = Opening(view, Path("/var/lib/failover"))
    opening.listen()            # raises OSError where the socket cannot be made
    opening.serve()             # on a thread of its own the library is loaded, then what waits is answered
    await opening.close()

The library takes a third of a start, and a node is not fit one moment earlier by it. So it is loaded when the node has joined,
or LOAD_AFTER_S after it listens, since also a node that waits for its peers must answer. The thread
is as urgent as the loop's: both share one interpreter, and one that holds it must not be kept waiting by ordinary programs.
"""

import asyncio
import gc
import importlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.control.listener import SOCKET, listen
from coordinator.control.view import NodeView
from protocol.invariant import InvariantBroken

if TYPE_CHECKING:
    from coordinator.control.server import ControlServer
Broken = Callable[[BaseException], None]

LOAD_AFTER_S = 0.3
"""Peers that are there answer within a tenth of it."""


class Opening:
    def __init__(self, view: NodeView, folder: Path, hurry: Callable[[], object], broken: Broken) -> None:
        """`folder` is the state folder; `hurry` raises the thread that calls it; `broken` is told why nothing is served."""
        self._view = view
        self._path = folder / SOCKET
        self._hurry = hurry
        self._broken = broken
        self._socket: socket.socket | None = None
        self._server: ControlServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def listen(self) -> None:
        self._socket = listen(self._path)
        self._timer = asyncio.get_running_loop().call_later(LOAD_AFTER_S, self.serve)

    def serve(self, then: Callable[[], None] | None = None) -> None:
        """Now, if it is not done already. `then` is called when it is."""
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name="control socket")
            self._task.add_done_callback(self._served)
        if then is not None:
            self._task.add_done_callback(lambda task: then())

    async def close(self) -> None:
        """Ends all streams and removes the socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._server is not None:
            await self._server.close()
        elif self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self) -> None:
        if self._socket is None:
            raise InvariantBroken("it listens before it is served")
        thread = ThreadPoolExecutor(1, "control")
        try:
            await asyncio.get_running_loop().run_in_executor(thread, self._load)
        finally:
            thread.shutdown(wait=False)  # a node that is stopped meanwhile does not wait for it
        from coordinator.control.server import ControlServer

        self._server = ControlServer(self._view, self._path.parent)
        await self._server.start(self._socket)
        gc.freeze()  # what was loaded stays: the collector need not walk it in the middle of a failover

    def _load(self) -> None:
        self._hurry()
        importlib.import_module("coordinator.control.server")

    def _served(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken(error)
