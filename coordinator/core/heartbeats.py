"""Our heartbeats: when the next one is due, and what it says.

if heartbeats.due: heartbeats.turn()        # the time of the next one
heartbeats.beat()                           # now, on every link
heartbeats.pace()                           # while the nodes run different timings
"""

from coordinator.core.arbitrated import Arbitrated
from coordinator.core.candidate_evidence import CandidateEvidence
from coordinator.core.context import Context
from coordinator.core.effects import Beat
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fitness import Fitness
from coordinator.core.gate_scripts import GateScripts
from coordinator.core.majority import Majority
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.state import ownership
from protocol.messages import Heartbeat, ShortHead


class Heartbeats:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        services: Services,
        fitness: Fitness,
        startup: Startup,
        majority: Majority,
        arbitrated: Arbitrated,
        gate_scripts: GateScripts,
        evidence: CandidateEvidence,
    ) -> None:
        self.context, self.liveness = context, liveness
        self.services, self.fitness, self.startup = services, fitness, startup
        self.majority, self.arbitrated, self.gate_scripts, self.evidence = majority, arbitrated, gate_scripts, evidence
        self._counter = 0
        self.told_fit = False
        self.due_ms = context.now_ms
        self.every_ms = context.policy.timing.heartbeat_ms
        """Our interval: until all run the same timing, as often as the fastest peer expects it."""
        self.pace()

    @property
    def due(self) -> bool:
        return self.context.now_ms >= self.due_ms

    def turn(self) -> None:
        """The one that is due is sent in this step; the next comes an interval later."""
        self.due_ms += self.every_ms
        if self.due_ms <= self.context.now_ms:
            self.due_ms = self.context.now_ms + self.every_ms

    def at_once(self) -> None:
        """The next one is due, and those behind it come by the timing that counts now."""
        self.due_ms = self.context.now_ms

    def beat(self) -> None:
        """Send one heartbeat now, on every link."""
        context = self.context
        self._counter += 1
        self.told_fit = self.tells_fit()
        self.liveness.sent(self._counter, context.now_ms)
        leases = self.majority.words(self._counter)
        context.emit(
            Beat(
                Heartbeat(
                    cluster=context.policy.cluster_id,
                    node=context.me,
                    run=context.run,
                    counter=self._counter,
                    fit=self.told_fit,
                    config=context.policy.digest[:8],
                    vote=context.column.vote,
                    heads=self._heads(),
                    heard=self.liveness.echoes(context.now_ms),
                    refused=tuple(sorted(ownership.refused_by(context.state, context.me))),
                    claiming=tuple(sorted(self.services.armed())),
                    leases=leases,
                    unstored=context.writer.unstored(),
                    unable=tuple(sorted({*self.arbitrated.unable(), *self.gate_scripts.unable()})),
                    evidence=self.evidence.words(),
                )
            )
        )

    def tells_fit(self) -> bool:
        return self.fitness.fit and not self.startup.stopping

    def _heads(self) -> dict[str, ShortHead]:
        """What we know of every feed; of our own only what is durable."""
        context = self.context
        heads = context.feeds.short()
        heads.pop(context.me, None)
        durable = context.writer.durable or (None if context.joined else context.feeds.newest.get(context.me))
        if durable:
            heads[context.me] = ShortHead(durable.incarnation, durable.number, durable.id[:8])
        return heads

    def pace(self) -> None:
        """Until all run the same timing no node is judged faster than it beats, and we beat as often as the fastest peer
        expects."""
        context = self.context
        policies = context.state.policies
        theirs = {
            name: policies[config].timing
            for name in context.policy.others(context.me)
            if (config := context.state.column(name).config) in policies
        }
        self.liveness.set_timings(theirs)
        self.every_ms = min(timing.heartbeat_ms for timing in (context.policy.timing, *theirs.values()))
