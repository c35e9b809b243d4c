"""The leases that the guard of one machine knows: as actions/guard/leases.py, in virtual time.

    leases.take(service, policy, epoch)         # False where the watchdog is missing
    leases.renew((("db", 7, ends_ms),))         # by the core's own step
    leases.release("db"); leases.gave_up("db")  # it is down; it is not, and nothing is left to try

It looks as long as the guard runs, and not while that stands still.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coordinator.policy import Policy, ServicePolicy
from tools.simulator.watchdog import Watchdog

LOOK_MS = 250
"""Often enough for the shortest watchdog; the ends are looked at when they come."""


@dataclass
class Lease:
    epoch: int
    down_ms: int
    patience_ms: int
    ends_ms: int | None = None


class GuardLeases:
    def __init__(
        self,
        watchdog: Watchdog,
        now_ms: Callable[[], int],
        later: Callable[[int, Callable[[], None]], None],
        forsaken: Callable[[], None],
    ) -> None:
        """`later`: after so many microseconds, as a process beside faild has them. `forsaken`: a lease is over, and faild
        stands still."""
        self.watchdog = watchdog
        self._now_ms, self._later, self._forsaken = now_ms, later, forsaken
        self._held: dict[str, Lease] = {}
        self._told_ms = 0
        self._struck = False
        self._life = 0

    def begin(self) -> None:
        """Another guard: it knows nothing, and the watchdog goes on."""
        self.end()
        self._held.clear()
        self._struck = False

    def end(self) -> None:
        """The guard is gone: it looks no more."""
        self._life += 1

    def take(self, service: ServicePolicy, policy: Policy, epoch: int) -> bool:
        if not service.ended_by_guard:
            self.release(service.name)
            return True
        before = self._held.get(service.name)
        ends_ms = before.ends_ms if before is not None and before.epoch == epoch else None
        first = not self._held
        self._held[service.name] = Lease(epoch, policy.lowering_ms(service), policy.timing.indoubt_ms, ends_ms)
        self._told_ms = self._now_ms()
        if first:
            self._look_again(self._life)
        own = policy.watchdog
        return self.watchdog.arm(own.device, own.timeout_ms) if own is not None and policy.reset_ms else True

    def renew(self, leases: Iterable[tuple[str, int, int]]) -> None:
        self._told_ms = self._now_ms()
        for service, epoch, ends_ms in leases:
            lease = self._held.get(service)
            if lease is not None and lease.epoch == epoch:
                lease.ends_ms = ends_ms
        self._feed()

    def release(self, service: str) -> None:
        if self._held.pop(service, None) is not None and not self._held:
            self._life += 1
            if not self._struck:
                self.watchdog.disarm()

    def stop(self) -> None:
        """A guard before this one has left the watchdog armed: where nothing is held by now, it is stopped."""
        if not self._held:
            self.watchdog.disarm()

    def gave_up(self, service: str) -> None:
        """Its down has failed, and faild is gone."""
        if service in self._held:
            self._strike()

    def _feed(self) -> None:
        if not self._struck and not self._overdue(self.watchdog.timeout_ms):
            self.watchdog.feed()

    def _strike(self) -> None:
        if not self._struck:
            self._struck = True
            self.watchdog.strike()

    def _overdue(self, ahead_ms: int = 0) -> bool:
        then_ms = self._now_ms() + ahead_ms
        return any(it.ends_ms is not None and then_ms >= it.ends_ms + it.down_ms for it in self._held.values())

    def _look_again(self, life: int) -> None:
        now_ms = self._now_ms()
        instants = [now_ms + LOOK_MS]
        for it in self._held.values():
            if it.ends_ms is not None:
                instants += [it.ends_ms, it.ends_ms + it.down_ms, max(it.ends_ms, self._told_ms + it.patience_ms)]
        due_ms = min(ms for ms in instants if ms > now_ms)
        self._later((due_ms - now_ms) * 1000, lambda: self._look() if life == self._life else None)

    def _look(self) -> None:
        now_ms, life = self._now_ms(), self._life
        if self._overdue():
            self._strike()
        else:
            self._feed()
        waited = (max(it.ends_ms, self._told_ms + it.patience_ms) for it in self._held.values() if it.ends_ms is not None)
        if life == self._life and any(now_ms >= ms for ms in waited):
            self._forsaken()
        if life == self._life and self._held:
            self._look_again(life)
