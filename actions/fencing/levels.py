"""The levels of one node's fencing, in order: the first one whose devices all say that its power is off ends it.

    fenced = await Fencing("genesis", levels, programs).run()

Two power supplies are one level with two devices: with one of them on, the node runs. A device is believed by its `status`
alone. An `off` that ended well and left the power on is no success; one that failed, or was killed when its time was over, may
have worked all the same, so its device is asked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from actions.fencing.agent import Device, ask
from actions.fencing.answer import Answer, Power
from actions.process import Programs
from protocol.invariant import must
from protocol.moment import lasting


@dataclass(frozen=True, slots=True)
class Level:
    devices: tuple[Device, ...]
    """All of them must be off for the node to be off."""
    delay_ms: int = 0
    """Waited before this level is tried."""


@dataclass(frozen=True, slots=True)
class Fenced:
    ok: bool
    """Every device of one level says that the power is off."""
    text: str
    """What happened, level by level, in a sentence without a secret."""
    level: int | None = None
    """Which level did it, from 1."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one device says when nothing is to be switched. `status` is None where `monitor` failed: it was not asked then."""

    device: Device
    monitor: Answer
    status: Answer | None

    @property
    def ok(self) -> bool:
        return self.monitor.ok and self.status is not None and self.status.ok

    @property
    def text(self) -> str:
        if self.status is None:
            return f"monitor: {self.monitor.text}"
        return self.status.text if self.status.ok else f"status: {self.status.text}"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    levels: tuple[tuple[Asked, ...], ...]

    @property
    def ok(self) -> bool:
        """Each device of each level would do: a second level that is broken is found when the first one fails."""
        return all(asked.ok for level in self.levels for asked in level)


class Fencing:
    def __init__(self, node: str, levels: Sequence[Level], programs: Programs) -> None:
        must(bool(levels) and all(level.devices for level in levels), "a level without a device would be off at once")
        self._node, self._levels, self._programs = node, tuple(levels), programs

    async def run(self) -> Fenced:
        """Raises nothing but cancellation, which kills the agent that runs; then nothing is known of the node."""
        failed: list[str] = []
        for number, level in enumerate(self._levels, 1):
            await asyncio.sleep(level.delay_ms / 1000)
            wrong = await self._switch_off(level)
            if not wrong:
                return Fenced(True, self._succeeded(number, failed), number)
            failed.append(f"level {number}: {wrong}")
        return Fenced(False, f"{self._node} could not be fenced: {'; '.join(failed)}")

    async def rehearse(self) -> Rehearsed:
        """Every device is asked with `monitor` and `status`, without a delay; none is switched."""
        return Rehearsed(tuple([tuple([await self._ask(device) for device in level.devices]) for level in self._levels]))

    async def _ask(self, device: Device) -> Asked:
        monitor = await ask(device, "monitor", self._programs)
        return Asked(device, monitor, await ask(device, "status", self._programs) if monitor.ok else None)

    async def _switch_off(self, level: Level) -> str:
        """Why the level has failed; empty where all its devices are off. They are asked when all have been told: the node is
        off only where they are off together."""
        for device in level.devices:
            told = await ask(device, "off", self._programs)
            if not told.ok and (wrong := await self._not_off(device, f"off: {told.text}; ")):
                return wrong
        for device in level.devices:
            if wrong := await self._not_off(device):
                return wrong
        return ""

    async def _not_off(self, device: Device, before: str = "") -> str:
        status = await ask(device, "status", self._programs)
        if status.power is Power.OFF:
            return ""
        return f"{device.name}: {before}status: {status.text}"

    def _succeeded(self, number: int, failed: Sequence[str]) -> str:
        level = self._levels[number - 1]
        names = " and ".join(device.name for device in level.devices)
        waited = f" after {lasting(level.delay_ms)}" if level.delay_ms else ""
        done = f"{self._node} is off: level {number} ({names}){waited}"
        return f"{done}, when others had failed: {'; '.join(failed)}" if failed else done
