"""How long the kernel may let the addresses of a service answer, whatever becomes of our processes.

    leases = KernelLeases(context, liveness, majority.leases, arbitrated)
    leases.told()                   # in the step that sends a heartbeat
    leases.ends_ms(policy)          # of this service, by the decision clock; 0: it has no address that the kernel could hold
    leases.is_proof("db")           # its lease alone says that no other node owns it

Under `serve` it is our own reckoning of when a rival could act (`serve_leases`); under `majority` it is what the voters have
promised (`leases`), under `arbiter` what that keeps for us (`arbitrated`), and not a millisecond longer.
"""

from coordinator.core.arbitrated import Arbitrated
from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.leases import Leases
from coordinator.core.serve_leases import ServeLeases
from coordinator.core.sharing import addresses
from coordinator.policy import ARBITER, ServicePolicy

OVER_MS = 1
"""The end of a lease that does not live: long ago by any decision clock. 0 would be none, and nothing would end it."""


class KernelLeases:
    def __init__(self, context: Context, liveness: FailureDetector, promised: Leases, arbitrated: Arbitrated) -> None:
        self.serve, self.promised, self.arbitrated = ServeLeases(context, liveness), promised, arbitrated
        self._addressed: dict[str, tuple[ServicePolicy, bool]] = {}
        """Whether a service has addresses, as it is configured."""

    def told(self) -> None:
        self.serve.told()

    def ends_ms(self, policy: ServicePolicy) -> int:
        if not self.has_addresses(policy):
            return 0
        return (self._until_ms(policy) or OVER_MS) if policy.leased else self.serve.ends_ms(policy)

    def is_proof(self, policy: ServicePolicy) -> bool:
        """While it is ours under a lease, nobody else can have it: there is nothing to look for."""
        return policy.leased and bool(self._until_ms(policy))

    def _until_ms(self, policy: ServicePolicy) -> int:
        return self.arbitrated.until_ms(policy.name) if policy.partition == ARBITER else self.promised.until_ms(policy.name)

    def has_addresses(self, policy: ServicePolicy) -> bool:
        known = self._addressed.get(policy.name)
        if known is None or known[0] is not policy:
            known = self._addressed[policy.name] = policy, bool(addresses(policy))
        return known[1]
