"""The kernel's lease of one machine: what answers only until the end of the lease that its faild knew last.

    gates.open("db", epoch, ends_ms, now_ms)        # by the core's word; False where the lease is over
    gates.refresh("db", ends_ms, now_ms)            # what lives lives longer; where it ran out, when it did
    gates.is_open("db", now_us)                     # by the world: also where every process of the machine stands still

It counts by the machine's own clock, and only the power ends it early (docs/leases.md, "The kernel's lease"). What ran out
is not revived: `open` alone makes it anew. What no lease ends (a service without addresses) is open for ever.
"""

from tools.simulator.clocks import Clocks


class Gates:
    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._ends_ms: dict[str, int] = {}
        self._until_us: dict[str, int] = {}
        self._epochs: dict[str, int] = {}
        self._lapsed: set[str] = set()

    def open(self, service: str, epoch: int, ends_ms: int, now_ms: int) -> bool:
        """Until this time of the machine's monotonic clock; 0: no lease ends it."""
        self._epochs[service] = epoch
        self._lapsed.discard(service)
        if ends_ms:
            self._until(service, ends_ms)
            return ends_ms > now_ms
        self._until_us.pop(service, None)
        return True

    def refresh(self, service: str, ends_ms: int, now_ms: int) -> int:
        """0 where it lives, or where it was told before that it does not; else when it ended."""
        ended_ms = self._ends_ms.get(service, 0)
        if not ended_ms or service in self._lapsed:
            return 0
        if now_ms >= ended_ms:
            self._lapsed.add(service)
            return ended_ms
        if ends_ms > now_ms:
            self._until(service, ends_ms)
        return 0

    def _until(self, service: str, ends_ms: int) -> None:
        self._ends_ms[service], self._until_us[service] = ends_ms, self._clocks.world_us(ends_ms)

    def is_open(self, service: str, now_us: int) -> bool:
        until_us = self._until_us.get(service)
        return until_us is None or now_us < until_us

    def ends_ms(self, service: str) -> int:
        """By the machine's own clock; 0 where no lease was ever told."""
        return self._ends_ms.get(service, 0)

    def epoch(self, service: str) -> int:
        """Under which it was opened last; 0 where it never was."""
        return self._epochs.get(service, 0)

    def power_off(self) -> None:
        self._ends_ms.clear()
        self._until_us.clear()
