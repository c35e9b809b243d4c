"""What will happen, and when: the only clock of the simulated world.

    agenda = EventQueue()
    agenda.after(1_500, lambda: ...)        # microseconds of virtual time
    agenda.run_until(2_000_000)

Two things due at one instant happen in the order in which they were entered, so a run has one order only.
"""

import heapq
from collections.abc import Callable

Act = Callable[[], None]


class EventQueue:
    """Virtual time in microseconds since the world began."""

    def __init__(self) -> None:
        self.now_us = 0
        self.steps = 0
        self._due: list[tuple[int, int, Act]] = []
        self._entered = 0

    def at(self, at_us: int, act: Act) -> None:
        assert at_us >= self.now_us, "nothing can be entered for a time that is over"
        self._entered += 1
        heapq.heappush(self._due, (at_us, self._entered, act))

    def after(self, delay_us: int, act: Act) -> None:
        self.at(self.now_us + delay_us, act)

    def step(self, until_us: int) -> bool:
        """Let the next thing happen that is due by `until_us`; False where there is none, and then it is `until_us`."""
        if not self._due or self._due[0][0] > until_us:
            self.now_us = max(self.now_us, until_us)
            return False
        self.now_us, _, act = heapq.heappop(self._due)
        self.steps += 1
        act()
        return True
