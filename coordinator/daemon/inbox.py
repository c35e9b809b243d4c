"""The inbox: everything that happens to the node, taken in one at a time, in the order in which it happened.

    inbox = Inbox(take, loop)
    inbox.begin(Booted(clean=True))     # what was posted before waits until now
    inbox.post(Woke())                  # from any callback of the event loop; never from another thread
    inbox.wake_at(core.wake_at_ms)      # one timer for the whole core

A limit with a rule: when it is full, heartbeats are dropped (the next one says the same); nothing else is.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from coordinator.core.inputs import HeartbeatHeard, Input, Now, Woke

INPUTS_MAX = 10_000
"""At 0.1 ms each that is a second of work: a node that is so far behind has no use for old heartbeats."""


def boot_ms_now() -> int:
    """The decision clock, in ms: CLOCK_BOOTTIME, which runs on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def read_clocks() -> Now:
    """All three clocks at one instant, in ms."""
    boot_ms = boot_ms_now()
    return Now(boot_ms, time.time_ns() // 1_000_000, boot_ms)


class Inbox:
    def __init__(self, take: Callable[[Input, Now], None]) -> None:
        """`take` gets each input with the time at which it is taken in."""
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Input] = deque()
        self._draining = True  # closed until `begin`
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = -1
        self.dropped = 0

    def begin(self, first: Input) -> None:
        """Open the inbox: `first` is taken in before whatever was posted meanwhile."""
        self._waiting.appendleft(first)
        self._loop.call_soon(self._drain)

    def post(self, given: Input) -> None:
        """Taken in before this returns; or, from inside an input, as soon as that one is done."""
        if len(self._waiting) >= INPUTS_MAX and isinstance(given, HeartbeatHeard):
            self.dropped += 1
            return
        if self._draining:
            self._waiting.append(given)
            return
        self._draining = True
        self._drain(given)

    def _drain(self, given: Input | None = None) -> None:
        """`given` first, and then what comes in meanwhile."""
        try:
            if given is not None:
                self._take(given, read_clocks())
            while self._waiting:
                self._take(self._waiting.popleft(), read_clocks())
        finally:
            self._draining = False

    def wake_at(self, at_ms: int) -> None:
        """Post `Woke` when the decision clock reads `at_ms`; an earlier order is replaced."""
        if at_ms == self._timer_ms:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = at_ms
        late_ns = at_ms * 1_000_000 - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._timer = self._loop.call_later(max(0, late_ns) / 1e9, self._wake)

    def _wake(self) -> None:
        self._timer, self._timer_ms = None, -1
        self.post(Woke())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._draining = True  # whatever comes now is too late
        self._waiting.clear()
