"""What needs another service beside it goes before that does, and is looked at when that changes (decision 0085).

    dependants.go_first("storage", decision, given)     # True while some service that needs it here is not down yet
    dependants.goes(policy)                             # why a service is not taken now: what it needs is about to go
    dependants.relatives({"storage"})                   # the services about which to ask as well
"""

from collections.abc import Iterable

from coordinator.core.context import Context
from coordinator.core.services import Services
from coordinator.decision.decide import Act, Decision
from coordinator.decision.observations import Observations
from coordinator.policy import Policy, ServicePolicy
from coordinator.state.model import UPISH, ServicePhase

IN_ORDER = frozenset(
    {"operator-fail", "fail-everywhere", "stopping", "standby", "withdrawn", "check-failed", "carrier-lost", "move", "failback"}
) | {"follows", "apart"}
"""Rules by which a service is given up in good order. All others end it at once: another node may own it."""


class Dependants:
    def __init__(self, context: Context, services: Services) -> None:
        self.context, self.services = context, services
        self.going: set[str] = set()
        """Services that are about to go, and wait for those that need them here."""
        self._policy: Policy | None = None
        self._relatives: dict[str, set[str]] = {}

    def go_first(self, name: str, decision: Decision, given: Observations) -> bool:
        """Release what needs this service here; True until all of that is down. One that is stuck is not waited for."""
        waits = False
        for job in [job for job in self.services.jobs.values() if name in job.policy.needs_here]:
            mine = self.context.column.service(job.policy.name)
            if mine.state in UPISH and not self.go_first(job.policy.name, decision, given):
                reason = f"{name}, which it needs here, is about to go: {decision.reason}"
                job.release(Decision("follows", Act.RELEASE, reason, decision.causes, cause="follows"), given)
            mine = self.context.column.service(job.policy.name)
            waits |= mine.holds and not (mine.state is ServicePhase.STOPPING and mine.stuck)
        (self.going.add if waits else self.going.discard)(name)
        return waits

    def stays(self, name: str) -> None:
        self.going.discard(name)

    def goes(self, policy: ServicePolicy) -> str:
        """Why this service is not to be taken now; empty where what it needs stays."""
        needs = [other for other in policy.needs_here if other in self.going]
        return f"{needs[0]}, which it needs here, is about to go" if needs else ""

    def relatives(self, names: Iterable[str]) -> set[str]:
        """The services that name one of these, or that one of these names."""
        if self.context.policy is not self._policy:
            self._policy = self.context.policy
            self._relatives = _relatives(self.context.policy)
        return {other for name in names for other in self._relatives.get(name, ())} if self._relatives else set()


def _relatives(policy: Policy) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, service in policy.services.items():
        for other in service.related:
            found.setdefault(name, set()).add(other)
            found.setdefault(other, set()).add(name)
    return found
