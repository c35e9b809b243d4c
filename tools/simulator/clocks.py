"""The clocks of one machine: none agrees with another machine's, and the wall clock may jump.

Monotonic and boot clock count from the machine's start at their own pace (`drift_ppm`); the wall clock is a label
that people set. World time never reaches a core except through here.
"""

from coordinator.core.inputs import Now

EPOCH_WALL_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: what the wall clocks show when the world begins."""

BOOT_MS = 10_000
"""How long a machine has been up when its faild is first started."""


class Clocks:
    def __init__(self, drift_ppm: int = 0, wall_offset_ms: int = 0) -> None:
        self.drift_ppm = drift_ppm
        self.wall_offset_ms = wall_offset_ms
        self._booted_us = 0

    def boot(self, now_us: int) -> None:
        """The machine starts: its monotonic clock begins anew."""
        self._booted_us = now_us

    def jump(self, by_ms: int) -> None:
        """The wall clock is set."""
        self.wall_offset_ms += by_ms

    def now(self, now_us: int) -> Now:
        mono_ms = self._mono_us(now_us) // 1000
        return Now(mono_ms, max(0, EPOCH_WALL_MS + now_us // 1000 + self.wall_offset_ms), mono_ms)

    def world_us(self, mono_ms: int) -> int:
        """The first microsecond of world time at which the monotonic clock shows `mono_ms`."""
        ran_us = (mono_ms - BOOT_MS) * 1000
        estimate = self._booted_us + ran_us * 1_000_000 // (1_000_000 + self.drift_ppm)
        while self._mono_us(estimate) < mono_ms * 1000:
            estimate += 1
        return estimate

    def _mono_us(self, now_us: int) -> int:
        ran_us = now_us - self._booted_us
        return BOOT_MS * 1000 + ran_us + ran_us * self.drift_ppm // 1_000_000
