"""How long the kernel may let an address answer under `serve`: no longer than the peers take to find that we are dead.

    leases = ServeLeases(context, liveness)
    leases.told()                   # in the step that sends a heartbeat
    leases.ends_ms(policy)          # of this service, by the decision clock

A rival judges us dead no earlier than `dead` after it heard us last, and it heard no heartbeat before we sent it. So the lease
is counted from the step that sends it, and is shorter than `dead` by what the clocks may differ and the kernel may be late.
"""

from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.policy import ServicePolicy
from coordinator.state.model import Judgement

MARGIN_MS = 30
"""The ticket, and the kernel's ticks: what a take-over under `serve` must not wait for (design.md, section 9)."""

ALONE_TIMES = 20
"""Times `dead`, while no candidate lives that could take over: a busy survivor must not fall silent for nothing."""


def serve_lease_ms(dead_ms: int, drift_ppm: int, rival_lives: bool) -> int:
    """The lease under `serve`, counted from the step that sends the heartbeat. Rounded down; 0 or less is none."""
    if not rival_lives:
        return ALONE_TIMES * dead_ms
    return dead_ms * (1_000_000 - drift_ppm) // 1_000_000 - MARGIN_MS


class ServeLeases:
    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context, self.liveness = context, liveness
        self.told_ms = context.now_ms
        """When a heartbeat was due last, and was sent."""

    def told(self) -> None:
        self.told_ms = self.context.now_ms

    def ends_ms(self, policy: ServicePolicy) -> int:
        timing = self.context.policy.timing
        return self.told_ms + serve_lease_ms(self._dead_ms(), timing.drift_ppm, self._rival_lives(policy))

    def _rival_lives(self, policy: ServicePolicy) -> bool:
        """One in doubt may come back; one that is not fit may become so."""
        liveness, now_ms = self.liveness, self.context.now_ms
        others = (node for node in policy.nodes if node in liveness.peers)
        return any(liveness.judgement(node, now_ms) is not Judgement.DEAD for node in others)

    def _dead_ms(self) -> int:
        """While the nodes run different timings: a peer that has not heard of ours judges by its own."""
        context = self.context
        theirs = (context.state.policies.get(context.state.column(name).config) for name in self.liveness.peers)
        return min((context.policy.timing.dead_ms, *(known.timing.dead_ms for known in theirs if known is not None)))
