"""How long the turns of the event loop take, always: while one runs, no heartbeat leaves and none is heard.

    asyncio.Runner(loop_factory=Turns.loop)
    turns = Turns.here()
    turns.begin(lambda: 100, late)      # from now on they count; `late(text)` after each that took longer than 100 ms
    turns.longest_ms, turns.long, turns.longest_text

A turn is what the loop does between two looks at its descriptors. It is measured by two readings of a clock. What ran in a
long one is seen by a timer that the kernel keeps: it is armed at the beginning of each turn, and goes off only in one that is
long already. Both together cost two microseconds a turn.
"""

import asyncio
import selectors
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from protocol.moment import lasting

LONG_MS = 20
"""A turn that takes longer is counted, and what ran in it is remembered."""

HOUSE = str(Path(__file__).parents[2])
NAMED_MAX = 3
"""Functions that are named, the innermost last."""


class Turns:
    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.longest_text = ""
        """What ran in it."""
        self.longest_at_ms = 0
        """When it ended, by the wall clock; 0 before the first."""
        self.long = 0
        """How many took longer than LONG_MS."""
        self._began_ns = 0
        self._longest_ns = 0
        self._seen = ""
        self._late_ms: Callable[[], int] = lambda: 0
        self._late: Callable[[str], None] = lambda text: None
        self._begun = False

    @staticmethod
    def loop() -> asyncio.AbstractEventLoop:
        """An event loop whose turns are measured."""
        return _Loop(Turns())

    @staticmethod
    def here() -> "Turns":
        """Those of the running loop; of one that does not measure them nothing is ever known."""
        loop = asyncio.get_running_loop()
        return loop.turns if isinstance(loop, _Loop) else Turns()

    def begin(self, late_ms: Callable[[], int], late: Callable[[str], None]) -> None:
        """Count from now on: what the start takes keeps no peer waiting. In the main thread, where the loop runs."""
        if self is not Turns.here():
            return
        self._late_ms, self._late = late_ms, late
        signal.signal(signal.SIGALRM, self._long_already)
        self._began_ns = time.monotonic_ns()
        self._begun = True

    def turn_begins(self) -> None:
        if self._begun:
            signal.setitimer(signal.ITIMER_REAL, LONG_MS / 1000)
            self._began_ns = time.monotonic_ns()

    def turn_ends(self) -> bool:
        """Whether something was ordered for the next turn."""
        if not self._begun:
            return False
        took_ns = time.monotonic_ns() - self._began_ns
        signal.setitimer(signal.ITIMER_REAL, 0)
        if took_ns <= self._longest_ns and took_ns < LONG_MS * 1_000_000:
            return False
        return self._keep(took_ns)

    def _keep(self, took_ns: int) -> bool:
        seen, self._seen = self._seen, ""
        if took_ns > self._longest_ns:
            self._longest_ns, self.longest_ms, self.longest_text = took_ns, took_ns / 1e6, seen
            self.longest_at_ms = time.time_ns() // 1_000_000
        self.long += took_ns >= LONG_MS * 1_000_000
        if took_ns < self._late_ms() * 1_000_000:
            return False
        text = f"the loop of faild stood still for {lasting(took_ns // 1_000_000)}: {seen or 'nobody saw what ran'}"
        asyncio.get_running_loop().call_soon(self._late, text)
        return True

    def _long_already(self, number: int, frame: FrameType | None) -> None:
        self._seen = _named(frame)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, turns: Turns) -> None:
        super().__init__(_Selector(turns))
        self.turns = turns

    def close(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().close()


class _Selector(selectors.EpollSelector):
    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        ready = super().select(0 if self._turns.turn_ends() else timeout)
        self._turns.turn_begins()
        return ready


def _named(frame: FrameType | None) -> str:
    """The innermost functions of ours that ran, and where the innermost one of all stood."""
    names, where = list[str](), ""
    while frame is not None and len(names) < NAMED_MAX:
        code = frame.f_code
        if code.co_filename.startswith(HOUSE) and ".venv" not in code.co_filename:
            names.append(code.co_qualname)
            where = where or f" ({code.co_filename.removeprefix(HOUSE + '/')}:{frame.f_lineno})"
        frame = frame.f_back
    return " > ".join(reversed(names)) + where
