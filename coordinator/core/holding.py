"""The claim or reclaim under which a service is up here, and what that still waits for.

    holding.arm(epoch, now_ms)              # written: it waits for the disk and the guard
    holding.comes("durable")                # True where it has all that it needs
    holding.durable_epoch                   # the newest epoch of it that is on the disk
"""

from dataclasses import dataclass, field

from coordinator.decision.decide import Decision
from coordinator.state.model import ServiceState
from protocol.event import Ref
from protocol.invariant import must


@dataclass(slots=True)
class Holding:
    service: str
    epoch: int = 0
    durable_epoch: int = 0
    """The newest epoch of this holding that is on the disk. Only that is ever said to be over: a claim that the disk
    refuses never was, and the next one has its number."""
    before: ServiceState = field(default_factory=ServiceState)
    """Our column before the claim in ARMED: the table is asked again on it."""
    decision: Decision | None = None
    armed_by: Ref | None = None
    waits: set[str] = field(default_factory=set)
    """"durable", "guard": what a claim or reclaim still needs; "address": another service here has one of the new addresses."""
    armed_ms: int = 0
    """When it was written that we claim."""
    stands_ms: int = 0
    """When the newest came of what the claim needs."""

    def begin(self, decision: Decision, before: ServiceState) -> None:
        """Another claim: nothing of it is on the disk yet."""
        self.before, self.decision, self.durable_epoch = before, decision, 0

    def arm(self, epoch: int, now_ms: int) -> None:
        must(epoch > self.durable_epoch, f"{self.service}: {epoch} comes after {self.durable_epoch}, which is on the disk")
        self.epoch, self.waits = epoch, {"durable", "guard"}
        self.armed_ms = now_ms

    def name(self, claim: Ref | None) -> None:
        """The event by which it was claimed or reclaimed; None where the disk refused that."""
        self.armed_by = claim

    @property
    def claim(self) -> tuple[Ref, ...]:
        """That event as a cause."""
        return (self.armed_by,) if self.armed_by else ()

    def let_go(self) -> None:
        """It comes down, and waits for nothing any more."""
        self.waits = set()

    def written(self) -> None:
        """It is on the disk."""
        must(self.epoch >= self.durable_epoch, f"{self.service}: epoch {self.epoch} is on the disk after {self.durable_epoch}")
        self.durable_epoch = self.epoch

    def comes(self, what: str) -> bool:
        """One of the things has come that it waits for. True where that was the last."""
        self.waits.discard(what)
        return not self.waits

    def stands(self, now_ms: int) -> None:
        self.stands_ms = now_ms

    def wait_anew(self, *what: str, now_ms: int) -> None:
        """It stands, and what comes up under it next has to wait for these."""
        self.waits, self.stands_ms = set(what), now_ms

    def fall_back(self, *, again: bool) -> None:
        """The disk refused the newest epoch: it is what the disk knows. `again`: that still waits for its rivals."""
        self.epoch, self.waits = self.durable_epoch, {"guard"} if again else set()

    def must_stand(self) -> None:
        must(not self.waits, f"{self.service}: nothing goes up that still waits for {self.waits}")
        must(self.durable_epoch == self.epoch, f"{self.service}: {self.epoch} is on the disk, which has {self.durable_epoch}")
