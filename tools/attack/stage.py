"""One thief and two honest nodes, from their first start to their end; and the thief's loop, in a thread of its own."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.attack.attacks import Attack
from tools.attack.thief import Thief
from tools.attack.victims import HONEST, THIEF, Victims

CALM_S = 20.0
MET_S = 30.0
GONE_S = 10.0
ORDERS = (
    ("hold", "web", "--reason", "maintenance"),
    ("unhold", "web", "--reason", "maintenance"),
    ("move", "web", "genesis", "--reason", "maintenance"),
    ("move", "web", "lukretia", "--reason", "maintenance"),
    ("fail", "web", "genesis", "--reason", "maintenance"),
    ("recover", "web", "genesis", "--reason", "maintenance"),
)
"""An operator's day: what may be copied afterwards."""


class NotCalm(Exception):
    """The honest nodes do not come to rest: without an attack, this is a fault of the machine or of ours."""


class Stage:
    def __init__(self, candidate: bool):
        self.candidate = candidate
        self._folder = tempfile.TemporaryDirectory(prefix="failover-attack-")
        self.victims = Victims(Path(self._folder.name), candidate=candidate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="thief")
        addresses = {name: (self.victims.addresses[name], self.victims.port) for name in HONEST}
        self.thief = Thief(self.victims.config, THIEF, addresses)
        self._tasks: list[Any] = []

    def __enter__(self) -> "Stage":
        self._thread.start()
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        self.victims.start()
        self._spawn(self.thief.live())
        self._call(self.thief.met())
        self._call(self.thief.open())
        self.calm()
        for words in ORDERS:
            self.victims.failc(*words, at="lukretia")
        self.calm()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            self._call(asyncio.sleep(0.05))  # what was cancelled closes its sockets
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.victims.__exit__()
        self.victims.until(self._removed, GONE_S)

    def _removed(self) -> bool:
        """A script of a victim that was killed may still be writing down that it began."""
        with contextlib.suppress(OSError):
            self._folder.cleanup()
        return not Path(self._folder.name).exists()

    def calm(self) -> None:
        """Until lukretia alone serves, both honest nodes say so, and both are fit. Raises NotCalm."""

        def quiet() -> bool:
            said = (node.status() for node in self.victims.nodes.values())
            return self.victims.serving("web") == ("lukretia",) and all(
                status.get("fit") and status["services"]["web"]["owners"] == ["lukretia"] for status in said
            )

        if not self.victims.until(quiet, CALM_S):
            raise NotCalm(f"lukretia does not serve alone within {CALM_S:.0f} s: {self.victims.serving('web')}")

    def anew(self) -> None:
        """The thief starts again, in the feed that it has: new incarnations are counted."""
        self._call(self.thief.start_again())

    def play(self, attack: Attack) -> Any:
        """Begin it; `cancel` ends what goes on."""
        return self._spawn(attack.play(self.thief))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> Any:
        task = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._tasks.append(task)
        return task

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        waits = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            waits.result(MET_S)
        except TimeoutError:
            waits.cancel()
            raise NotCalm(f"the thief has not met both honest nodes within {MET_S:.0f} s") from None
