"""The devices that switch machines off, and what may be wrong with them.

    power = Power(hosts)
    power.trouble["genesis"] = "fails"          # or "hangs", "lies"; absent: they work
    power.switch_off(host, "genesis", tell)     # tell(ok, level, text)

A device works while the fencing machine lives: where that loses its power, or its `faild`, the agent ends with it.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from tools.simulator.machine import Machine

TOOK_US = 400_000
"""From the order until the device says that the power is off."""


class Switched(Protocol):
    def crash(self) -> None: ...

    def start(self) -> None: ...


Tell = Callable[[bool, int, str], None]


class Power:
    def __init__(self, hosts: Mapping[str, Switched]) -> None:
        self._hosts = hosts
        self.trouble: dict[str, str] = {}
        """Node to what is wrong with the devices that switch it off."""
        self.back_ms_max = 0
        """Within so long people switch a machine on again that was switched off; 0: they do not."""
        self.fenced: list[tuple[int, str, str, bool]] = []
        """When a fencing was over by its device, of which node, by which, and whether the power was off then."""

    def switch_off(self, by: Machine, node: str, tell: Tell) -> None:
        levels = by.file.nodes[node].fence if node in by.file.nodes else ()
        if not levels:
            return tell(False, 0, "the configuration here has no way to")
        by.later(levels[0].delay_ms * 1000, lambda: self._try(by, node, levels[0].timeout_ms, tell))

    def _try(self, by: Machine, node: str, timeout_ms: int, tell: Tell) -> None:
        wrong = self.trouble.get(node)
        if wrong == "hangs":
            return by.later(2 * timeout_ms * 1000, lambda: tell(False, 0, "level 1: no end, and it was killed"))
        by.later(TOOK_US, lambda: self._off(by, node, wrong, tell))

    def _off(self, by: Machine, node: str, wrong: str | None, tell: Tell) -> None:
        if wrong == "fails":
            return tell(False, 0, "level 1: exit 4, the connection was lost")
        if wrong != "lies":
            self._hosts[node].crash()
            if self.back_ms_max:
                around = by.surroundings
                around.agenda.after(around.rng.randint(100, self.back_ms_max) * 1000, self._hosts[node].start)
        self.fenced.append((by.surroundings.agenda.now_us, node, by.name, wrong != "lies"))
        tell(True, 1, f"{node} is off: level 1 (simulated)")
