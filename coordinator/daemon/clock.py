"""The clocks of this machine and the event loop's one timer, as the shell needs them (`coordinator.shell.ports.Clock`)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from coordinator.core.inputs import Now


def boot_ms_now() -> int:
    """The decision clock, in ms: CLOCK_BOOTTIME, which runs on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def read_clocks() -> Now:
    """All three clocks at one instant, in ms."""
    boot_ms = boot_ms_now()
    return Now(boot_ms, time.time_ns() // 1_000_000, boot_ms)


class LoopClock:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    now = staticmethod(read_clocks)

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        self._loop.call_soon(act, *given)

    def wake_at(self, at_ms: int, act: Callable[[], None]) -> None:
        self.close()
        late_ns = at_ms * 1_000_000 - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._timer = self._loop.call_later(max(0, late_ns) / 1e9, act)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
