"""The kernel's lease on what is up here: lengthened with each heartbeat, and given anew only after a look round.

    gates.refresh()                 # in the step that sends a heartbeat
    gates.lapsed(GateLapsed("web"))
    gates.look()                    # opens what may be opened again

Where a lease ran out, another node may have taken over: we did not run for so long that it was in the right. So nothing is
opened before each candidate that may live has answered a heartbeat that was sent since, and its newest events are here, and it
does not hold the service. Where one does, the decide table says who goes on. Under `majority` and `arbiter` the lease itself
is the proof.
"""

from typing import NamedTuple

from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Open, Refresh
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.inputs import GateGone, GateLapsed
from coordinator.core.kernel_leases import KernelLeases
from coordinator.core.rounds import Round, Rounds
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.decision.snapshot import Snapshot
from coordinator.state.model import Judgement

UP_HERE = frozenset({Phase.RAISING, Phase.UP})
"""Where a gate may be opened again. In RECALLED a rival has to let go first, and the orders of RECLAIMING open it."""


class Shut(NamedTuple):
    ended_ms: int
    noticed_ms: int


class Gates:
    def __init__(
        self, context: Context, liveness: FailureDetector, services: Services, rounds: Rounds, leases: KernelLeases
    ) -> None:
        self.context, self.liveness, self.services = context, liveness, services
        self.rounds, self.leases = rounds, leases
        self.shut: dict[str, Shut] = {}
        """Services whose lease in the kernel ran out."""

    def refresh(self) -> None:
        """What is up here, or about to be: one order for all of it."""
        self.leases.told()
        jobs = self.services.jobs
        ends = ((name, self.leases.ends_ms(jobs[name].policy)) for name in sorted(self.services.raised))
        if due := tuple((name, ends_ms) for name, ends_ms in ends if ends_ms and name not in self.shut):
            self.context.emit(Refresh(due))

    def lapsed(self, given: GateLapsed) -> News:
        self._shut(given.service, given.ended_ms)
        return NOTHING_ELSE

    def gone(self, given: GateGone) -> News:
        job = self.services.jobs.get(given.service)
        if job is not None and job.phase in UP_HERE and self.context.now_ms < given.ends_ms:
            self._open(job)
        else:
            self._shut(given.service, given.ends_ms)
        return NOTHING_ELSE

    def look(self) -> None:
        """After the decide table was asked: what it releases or reclaims is not in these phases any more."""
        seen: Round | None = None
        for name in list(self.shut):
            job = self.services.jobs.get(name)
            if job is None or job.phase in (Phase.IDLE, Phase.RECLAIMING):
                del self.shut[name]
            elif job.phase in UP_HERE:
                seen = seen or self.rounds.look_round()
                if self._is_ours(name, job, seen):
                    self._open(job)

    def _shut(self, service: str, ended_ms: int) -> None:
        if service in self.services.raised:
            self.shut.setdefault(service, Shut(ended_ms, self.context.now_ms))

    def _open(self, job: Job) -> None:
        self.shut.pop(job.policy.name, None)
        self.context.emit(Open(job.policy.name, self.leases.ends_ms(job.policy)))

    def _is_ours(self, name: str, job: Job, seen: Round) -> bool:
        """No candidate that may live can have it. Where it is owned under a lease, that says so, and nothing else does."""
        if job.policy.leased:
            return self.leases.is_proof(job.policy)
        asked = self.rounds.case(name, seen)
        return all(self._has_not(asked, node) for node in asked.others)

    def _has_not(self, asked: Snapshot, node: str) -> bool:
        """What a peer says counts where it was said since: a socket is full of what was said while we did not run. After `dead`
        nothing of that is left, and one that lives has been heard."""
        judged, shut = asked.judged(node), self.shut[asked.name]
        waited = self.context.now_ms - shut.noticed_ms >= self.context.policy.timing.dead_ms
        if judged is not Judgement.ALIVE:
            return judged is Judgement.DEAD and waited
        said_since = waited or self.liveness.answered_since(node, shut.ended_ms)
        return said_since and asked.given.peers[node].current and not asked.holds(node)
