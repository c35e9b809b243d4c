"""What resets one machine: a watchdog that its guard feeds, the guard's own hand (`sysrq`), or nothing.

    watchdog.arm(device, timeout_ms)    # False where the device is missing
    watchdog.feed(); watchdog.strike(); watchdog.disarm()

A device counts on whatever becomes of the processes of its machine, by the machine's clock. Only the power ends it.
"""

from collections.abc import Callable

from tools.simulator.clocks import Clocks
from tools.simulator.event_queue import EventQueue


class Watchdog:
    def __init__(self, agenda: EventQueue, clocks: Clocks, reset: Callable[[], None]) -> None:
        self.missing = False
        self.device = ""
        """What is armed; empty: nothing."""
        self.timeout_ms = 0
        self.resets = 0
        """How often it has reset its machine."""
        self._agenda, self._clocks, self._reset = agenda, clocks, reset
        self._due_us: int | None = None

    def arm(self, device: str, timeout_ms: int) -> bool:
        if self.missing:
            return False
        self.device, self.timeout_ms = device, timeout_ms
        self.feed()
        return True

    def feed(self) -> None:
        if not self.device.startswith("/"):
            return
        now_ms = self._clocks.now(self._agenda.now_us).mono_ms
        self._due_us = due_us = max(self._clocks.world_us(now_ms + self.timeout_ms), self._agenda.now_us)
        self._agenda.at(due_us, lambda: self._fire() if self._due_us == due_us else None)

    def strike(self) -> None:
        """A device is fed no more, which is enough."""
        if self.device == "sysrq":
            self._fire()

    def disarm(self) -> None:
        self.device, self._due_us = "", None

    def _fire(self) -> None:
        self.disarm()
        self.resets += 1
        self._reset()
