"""The kernel's lease of one machine: what answers only until the end of the lease that its faild knew last.

    gates.opened("db", epoch, until_ms)            # by faild, whenever it has looked
    gates.is_open("db", now_us)             # by the world: also where every process of the machine stands still

It counts by the machine's own clock, and nothing but the power ends it early (docs/leases.md, "The kernel's lease").
"""

from tools.simulator.clocks import Clocks


class Gates:
    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._until_us: dict[str, int] = {}
        self._epochs: dict[str, int] = {}

    def opened(self, service: str, epoch: int, until_ms: int) -> None:
        """Until this time of the machine's monotonic clock. 0: as before, since an element is not taken away but runs out."""
        if until_ms:
            self._until_us[service], self._epochs[service] = self._clocks.world_us(until_ms), epoch

    def is_open(self, service: str, now_us: int) -> bool:
        return now_us < self._until_us.get(service, 0)

    def epoch(self, service: str) -> int:
        """Under which it was opened last; 0 where it never was."""
        return self._epochs.get(service, 0)

    def power_off(self) -> None:
        self._until_us.clear()
