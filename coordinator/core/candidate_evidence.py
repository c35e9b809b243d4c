"""The numbers by which the candidates of a service are compared: `evidence` of a service, and `prefer = "evidence"`.

    numbers.look("db", job, asked)              # at each review: ask while the service is not here, collect while it is free
    numbers.given(EvidenceGiven(...))           # the input
    numbers.changed()                           # the services of which the table is to be asked again, in this moment
    numbers.known("db"), numbers.awaited("db")  # for the decide table: the numbers that count, and who has given none yet
    numbers.words()                             # for our next heartbeat

A service is free when no living node has it. From then on each candidate asks its script anew, and only what was asked since
then counts: what a standby had got a second before its primary died says nothing of what it got in that second. Who has given
no number within `evidence_window` counts by its last one, where that is not older than `max_age`, and else stands behind all
others.
"""

from itertools import islice

from coordinator.core.context import Context, News
from coordinator.core.effects import AskEvidence
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.inputs import EvidenceGiven
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import EVIDENCE, EvidencePolicy, ServicePolicy
from coordinator.state.model import Judgement, ServicePhase

Numbers = dict[str, int]

SHOWN_MAX = 32
"""Numbers of services that are not free, in each heartbeat: nothing is decided by them."""


class CandidateEvidence:
    def __init__(self, context: Context, liveness: FailureDetector, services: Services, startup: Startup) -> None:
        self.context, self.liveness, self.services, self.startup = context, liveness, services, startup
        self._asked: dict[str, EvidencePolicy] = {}
        self._mine: dict[str, tuple[int, int]] = {}
        """The newest number of our own, and when its script was asked."""
        self.troubles: dict[str, str] = {}
        """Why the newest run of a script gave none."""
        self._free_ms: dict[str, int] = {}
        """Since when a service is free whose candidates are compared."""
        self._told: dict[str, tuple[Numbers, tuple[str, ...]]] = {}
        """What the table was told last of those."""
        self.hurry = False
        """The other candidates wait for a number of ours."""

    def look(self, name: str, job: Job, asked: Snapshot) -> None:
        if job.phase is Phase.ARMED:
            return  # the table is asked once more before anything runs: by what the claim rests on
        idle = job.phase is Phase.IDLE and not self.startup.stopping
        evidence = job.policy.evidence if idle else None
        if self._asked.get(name) != evidence:
            self.close(name)
            if evidence is not None:
                self._asked[name] = evidence
                self.context.emit(AskEvidence(name, evidence))
        if not idle or job.policy.prefer != EVIDENCE or not _is_free(asked):
            self._free_ms.pop(name, None)
            self._told.pop(name, None)
        elif name not in self._free_ms:
            self._free_ms[name] = self.context.now_ms
            self.context.emit(AskEvidence(name, evidence))

    def close(self, name: str) -> None:
        """It is asked no longer."""
        for kept in (self._mine, self.troubles, self._free_ms, self._told):
            kept.pop(name, None)
        if self._asked.pop(name, None) is not None:
            self.context.emit(AskEvidence(name, None))

    def given(self, given: EvidenceGiven) -> News | None:
        name = given.service
        if self._asked.get(name) != given.asked:
            return None
        if given.number is None:
            self.troubles[name] = given.text
        else:
            self.troubles.pop(name, None)
            self._mine[name] = given.number, self.context.now_ms
            self.hurry = self.hurry or name in self._free_ms
        return News(frozenset({name})) if name in self._free_ms else None

    def words(self) -> dict[str, tuple[int, int]]:
        """Service to our number, and how many ms ago it was given: of all that are compared now, and of some others."""
        self.hurry = False
        others = (name for name in sorted(self._mine) if name not in self._free_ms)
        said = [*(name for name in self._mine if name in self._free_ms), *islice(others, SHOWN_MAX)]
        return {name: (number, self.context.now_ms - at_ms) for name in said for number, at_ms in [self._mine[name]]}

    def known(self, service: str) -> Numbers:
        """Candidate to the number that counts now."""
        policy, free_ms = self._compared(service), self._free_ms.get(service)
        if policy is None or policy.evidence is None or free_ms is None:
            return {}
        since_ms = free_ms - self.context.policy.timing.heartbeat_ms  # others see it as early as that
        if self._is_over(policy):
            since_ms = min(since_ms, self.context.now_ms - policy.evidence.max_age_ms)
        latest = {node: found for node in policy.nodes if (found := self._newest(service, node)) is not None}
        return {node: number for node, (number, at_ms) in latest.items() if at_ms >= since_ms}

    def awaited(self, service: str) -> tuple[str, ...]:
        """The living candidates whose number does not count yet, and is waited for; all, until it is seen to be free."""
        policy = self._compared(service)
        if policy is None or self._is_over(policy):
            return ()
        known = self.known(service)
        return tuple(node for node in policy.nodes if node not in known and self._lives(node))

    def changed(self) -> frozenset[str]:
        """The services of which the numbers that count, or those that are waited for, are others than they were."""
        told = {name: (self.known(name), self.awaited(name)) for name in self._free_ms}
        changed = frozenset(name for name, now in told.items() if self._told.get(name) != now)
        self._told = told
        return changed

    def number(self, service: str, node: str) -> tuple[int, int] | None:
        """The newest that is known of this candidate, and its age in ms: for people."""
        found = self._newest(service, node)
        return None if found is None else (found[0], max(0, self.context.now_ms - found[1]))

    def wakes_ms(self) -> list[int]:
        services = self.context.policy.services
        return [free_ms + services[name].evidence_window_ms for name, free_ms in self._free_ms.items() if name in services]

    def _compared(self, service: str) -> ServicePolicy | None:
        """By the file that runs here. By a newer one of others the numbers may count and be unknown here."""
        policy = self.context.policy.services.get(service)
        return policy if policy is not None and policy.prefer == EVIDENCE else None

    def _is_over(self, policy: ServicePolicy) -> bool:
        free_ms = self._free_ms.get(policy.name)
        return free_ms is not None and self.context.now_ms >= free_ms + policy.evidence_window_ms

    def _newest(self, service: str, node: str) -> tuple[int, int] | None:
        """A number and when it was asked for, by our own clock; what was asked on a peer is a way older."""
        if node == self.context.me:
            return self._mine.get(service)
        heard = self.liveness.peers[node].newest if node in self.liveness.peers else None
        said = heard.message.evidence.get(service) if heard is not None else None
        if said is None:
            return None
        number, age_ms = said
        return number, self.context.now_ms - self.liveness.silent_ms(node, self.context.now_ms) - age_ms

    def _lives(self, node: str) -> bool:
        me = node == self.context.me
        return me or (node in self.liveness.peers and self.liveness.judgement(node, self.context.now_ms) is Judgement.ALIVE)


def _is_free(asked: Snapshot) -> bool:
    """No node has it that lives: one in doubt gives no number, and what the others have does not come from it any more."""
    living = (node for node in asked.given.peers if asked.holds(node) and asked.judged(node) is Judgement.ALIVE)
    return asked.mine.state is ServicePhase.RECOVER and not any(living)
