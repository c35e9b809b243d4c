"""The leases on what is held: when each ends, whether `faild` still runs, and what is done where something is up too long.

    leases = Leases()
    why = leases.take(told)             # a `hold`; empty, or why it must not come up here
    leases.renew(["db", 7, ends_ms])    # by the core's own step, and by nothing else
    leases.look()                       # feeds the watchdog, or strikes; milliseconds until the next look
    leases.is_forsaken()                # a lease is over, and `faild` stands still

A service under a lease is down `down_ms` after its end, or the machine is reset. The watchdog is fed with each word of `faild`
and each look at the clock, until its timeout before that: a look that is followed by nothing for as long feeds late, and never
later. So it is the core that keeps the machine alive: no end moves but by its word.
"""

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from .complaints import complain
from .watchdog import Device, Sysrq, Unusable, armed

Told = dict[str, Any]

LOOK_MS = 100
"""How often, while something is armed: a fourth of what the shortest watchdog allows would do, and a death is seen by pidfd."""


def boottime_ms() -> int:
    """The decision clock: it runs on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass
class Lease:
    epoch: int
    down_ms: int
    """How long after its end it may be up."""
    patience_ms: int
    """`faild` stands still when it has said nothing for so long."""
    ends_ms: int | None = None
    """None until the core has said it: nothing is up before."""


class Leases:
    def __init__(self) -> None:
        self.held: dict[str, Lease] = {}
        self.reset: Device | Sysrq | None = None
        self.told_ms = boottime_ms()
        """When `faild` said something about leases."""
        self.struck = False

    def take(self, told: Told) -> str:
        """A `hold`: why it must not come up here, or empty. What it was before counts no more."""
        service, words = told["service"], told.get("lease")
        if words is None:
            self.release(service)
            return ""
        before = self.held.get(service)
        ends_ms = before.ends_ms if before is not None and before.epoch == told["epoch"] else None
        try:
            self._take(service, {**words, "epoch": told["epoch"], "ends_ms": ends_ms})
        except Unusable as why:
            return str(why)
        return ""

    def _take(self, service: str, lease: Told) -> None:
        """Raises Unusable where nothing would reset this machine; the lease is known all the same."""
        self.held[service] = Lease(lease["epoch"], lease["down_ms"], lease["patience_ms"], lease["ends_ms"])
        self.told_ms = boottime_ms()
        if self.reset is None and lease["watchdog"]:
            self.reset = armed(*lease["watchdog"])

    def inherit(self, leases: list[Told]) -> None:
        """What a guard before us knew, said before anything else: where `faild` stands still behind this word, what is up has
        its end, and goes down with what else was said, or with the machine."""
        for told in leases:
            with contextlib.suppress(Unusable):  # each `hold`, which follows, is refused for it
                self._take(told["service"], told)

    def renew(self, leases: list[list[Any]]) -> None:
        """Service, epoch and end of each that `faild` holds."""
        self.told_ms = boottime_ms()
        for service, epoch, ends_ms in leases:
            lease = self.held.get(service)
            if lease is not None and lease.epoch == epoch:
                lease.ends_ms = ends_ms
        self.look()

    def release(self, service: str) -> None:
        """It is down. With the last one nothing is left for which this machine must be reset."""
        self.held.pop(service, None)
        if not self.held and self.reset is not None:
            self.reset.disarm()
            self.reset, self.struck = None, False

    def stop(self, watchdog: list[Any]) -> None:
        """A guard before us has died and left it armed, and what was held is down by now."""
        if self.reset is None:
            try:
                armed(*watchdog).disarm()
            except Unusable as why:
                complain(f"what a dead guard has armed cannot be stopped: {why}")

    def look(self) -> int:
        """Milliseconds until the next look; -1 where there is nothing to look at."""
        if not self.held:
            return -1
        late = self.overdue(self.reset.timeout_ms if self.reset is not None else 0)
        if late:
            self.strike(f"{', '.join(late)}: up for too long after the end of its lease")
        elif self.reset is not None:
            self.struck = False
            self.reset.feed()
        return LOOK_MS

    def overdue(self, ahead_ms: int = 0) -> list[str]:
        """The services that must be down by now, or in so long."""
        then_ms = boottime_ms() + ahead_ms
        return [name for name, it in self.held.items() if it.ends_ms is not None and then_ms >= it.ends_ms + it.down_ms]

    def is_forsaken(self) -> bool:
        """A `faild` that runs says so with each heartbeat, also while it takes down what has lost its lease."""
        now_ms = boottime_ms()
        return any(
            it.ends_ms is not None and now_ms >= max(it.ends_ms, self.told_ms + it.patience_ms) for it in self.held.values()
        )

    def strike(self, why: str) -> None:
        """Once. A device takes its timeout for it, and is stopped where all is down by then. Where nothing resets this machine
        it is for the others to fence it, and they wait for that."""
        if self.struck:
            return
        self.struck = True
        follows = "this machine is reset unless that is down at once"
        complain(f"{why}: {follows if self.reset else 'nothing resets this machine, its peers must fence it'}")
        if self.reset is not None:
            self.reset.strike()
