"""The inbox: everything that happens to the node, taken in one at a time, in the order in which it happened.

    inbox = Inbox(clock)
    inbox.begin(take, Booted(clean=True))   # what was posted before waits until now
    inbox.post(StopAsked())                 # from any callback of the event loop; never from another thread
    inbox.wake_at(core.wake_at_ms)          # one timer for the whole core

A limit with a rule: when it is full, heartbeats are dropped (the next one says the same); nothing else is.
"""

from collections import deque
from collections.abc import Callable

from coordinator.core.inputs import HeartbeatHeard, Input, Now, Woke
from coordinator.shell.ports import Clock
from protocol.invariant import must

INPUTS_MAX = 10_000
"""At 0.1 ms each that is a second of work: a node that is so far behind has no use for old heartbeats."""

Take = Callable[[Input, Now], None]
"""Gets each input with the time at which it is taken in."""


class Inbox:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._now = clock.now
        self._take: Take = _closed
        self._waiting: deque[Input] = deque()
        self._draining = True  # closed until `begin`
        self._wake_ms = -1
        self.dropped = 0

    def begin(self, take: Take, first: Input) -> None:
        """Open the inbox in the next turn: `first` is taken in before whatever was posted meanwhile."""
        must(self._take is _closed, "the inbox is opened once: its inputs have one reader")
        self._take = take
        self._waiting.appendleft(first)
        self.clock.soon(self._drain)

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
                self._take(given, self._now())
            while self._waiting:
                self._take(self._waiting.popleft(), self._now())
        finally:
            self._draining = self._take is _closed  # an input may have closed it

    def wake_at(self, at_ms: int) -> None:
        """Post `Woke` when the decision clock reads `at_ms`; an earlier order is replaced."""
        if at_ms != self._wake_ms:
            self._wake_ms = at_ms
            self.clock.wake_at(at_ms, self._wake)

    def _wake(self) -> None:
        self._wake_ms = -1
        self.post(Woke())

    def close(self) -> None:
        self.clock.close()
        self._take = _closed
        self._draining = True  # whatever comes now is too late
        self._waiting.clear()


def _closed(given: Input, now: Now) -> None:
    """Before the core is there, and after the end."""
