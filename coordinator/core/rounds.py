"""One look round: what the table is told besides the feeds, and the question about one service.

seen = rounds.look_round()                  # taken once for many services
asked = rounds.case("web", seen)            # a Snapshot, with the timers of this service
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core.arbitrated import Arbitrated
from coordinator.core.candidate_evidence import CandidateEvidence
from coordinator.core.context import Context
from coordinator.core.effects import Alarm, AlarmOver
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fitness import Fitness
from coordinator.core.gate_scripts import GateScripts
from coordinator.core.majority import Majority
from coordinator.core.removal import Removal
from coordinator.core.services import Services
from coordinator.decision.observations import Observations, PeerObservations
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import ARBITER, EVIDENCE
from coordinator.state import ownership
from coordinator.state.model import Judgement, ServicePhase

NONE: frozenset[str] = frozenset()


class Round(NamedTuple):
    """What one look at many services gives to all of them alike."""

    told: Observations
    behind: frozenset[str]
    """Timers of nodes of which others know more, and of those that do not deliver what they name."""
    alive: tuple[str, ...]
    late: bool
    """A living node names events of its own that are not here."""
    awaited: Mapping[str, frozenset[str]]
    """Service to the timers of living nodes that say that a claim of theirs is on its way to their disk."""
    busy: frozenset[str]
    """The timers of those that say so of any service."""


class Rounds:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        services: Services,
        fitness: Fitness,
        removal: Removal,
        majority: Majority,
        arbitrated: Arbitrated,
        gate_scripts: GateScripts,
        evidence: CandidateEvidence,
    ) -> None:
        self.context, self.liveness = context, liveness
        self.services, self.fitness, self.removal = services, fitness, removal
        self.majority, self.arbitrated, self.gate_scripts, self.evidence = majority, arbitrated, gate_scripts, evidence
        self._hearsay_ms: dict[str, int] = {}
        """A node that we do not hear, and since when others are known to have more of its feed than we."""
        self._late_ms: dict[str, int] = {}
        """A living node, and since when it names events of its own that are not here."""

    def given(self) -> Observations:
        """What the table is told besides the feeds, taken in one step."""
        context = self.context
        peers = {name: self._peer(name) for name in self.liveness.peers}
        # never by a heartbeat: one key would stop every service with a word
        refused = ownership.forked(context.state, context.me)
        because = self.fitness.unfit_because
        return Observations(peers, not because, because, refused or context.writer.superseded or self.removal.order is not None)

    def _peer(self, name: str) -> PeerObservations:
        context = self.context
        newest = self.liveness.peers[name].newest
        judgement = self.liveness.judgement(name, context.now_ms)
        silent_ms = self.liveness.silent_ms(name, context.now_ms)
        if newest is None:
            return PeerObservations(judgement, silent_ms, False, False, False)
        heartbeat = newest.message
        theirs = heartbeat.heads.get(name)
        known = context.feeds.newest.get(name)
        superseded = theirs is not None and known is not None and theirs.incarnation < known.incarnation
        current = theirs is None or (context.feeds.behind(name, theirs) is None and not superseded)
        agrees = heartbeat.config == context.policy.digest[:8]
        same_run = context.state.column(name).run == heartbeat.run
        return PeerObservations(judgement, silent_ms, heartbeat.fit, current, agrees, same_run)

    def look_round(self) -> Round:
        told = self.given()
        alive = tuple(name for name, peer in told.peers.items() if peer.judgement is Judgement.ALIVE)
        late = any(not told.peers[name].current for name in alive)
        awaited = self._claiming(alive)
        busy = {timer.replace("awaited:", "busy:") for timers in awaited.values() for timer in timers}
        return Round(told, self._hearsay(told), alive, late, awaited, frozenset(busy))

    def case(self, service: str, seen: Round) -> Snapshot:
        """The question about one service, with its timers."""
        context = self.context
        told, waits = self._told_of(service, seen.told), self.services.timers.get(service)
        bare = Snapshot(context.state, context.policy, context.me, service, told)
        awaited = seen.awaited.get(service, NONE)
        timers = seen.behind | seen.busy | awaited | self._coming(service, awaited) | self.majority.timers(service)
        if waits is not None:
            deaf = [name for name in seen.alive if bare.holds(name) and not self.liveness.is_heard_by(name)]
            timers |= waits.over(bare, context.now_ms)
            timers |= waits.deaf_for_long(deaf, context.now_ms, context.policy.timing.dead_ms)
        timers |= self.arbitrated.timers(service)
        if bare.by_evidence:
            timers |= {f"collecting:{node}" for node in self.evidence.awaited(service)}
        return bare.with_timers(timers) if timers else bare

    def _told_of(self, service: str, told: Observations) -> Observations:
        """Who does not see the arbiter is fit, and not for what that gives; nor for what its gate refuses. The others do not
        wait for it."""
        found = self.context.policy.services.get(service)
        if found is None:
            return told
        if found.prefer == EVIDENCE:
            told = replace(told, evidence=self.evidence.known(service))
        if found.gate is None and found.partition != ARBITER:
            return told
        because = told.unfit_because or self.arbitrated.unfit_because(service) or self.gate_scripts.unfit_because(service)
        unable = {name for name, peer in self.liveness.peers.items() if peer.newest and service in peer.newest.message.unable}
        peers = {name: replace(peer, fit=peer.fit and name not in unable) for name, peer in told.peers.items()}
        return replace(told, peers=peers, fit=not because, unfit_because=because)

    def now(self, service: str) -> Snapshot:
        """The question as it stands in this moment."""
        return self.case(service, self.look_round())

    def _hearsay(self, told: Observations) -> frozenset[str]:
        """Nodes that we do not hear, and of which a living one has events that we lack: these come in a moment, `dead` at most.
        And those that we hear, and that do not deliver what they name."""
        context = self.context
        found = set()
        for name, peer in told.peers.items():
            if peer.judgement is Judgement.ALIVE or not any(self._knows_more(told, other, name) for other in told.peers):
                self._hearsay_ms.pop(name, None)
            elif context.now_ms - self._hearsay_ms.setdefault(name, context.now_ms) < context.policy.timing.dead_ms:
                found.add(f"behind:{name}")
        return frozenset(found) | self._late(told)

    def _late(self, told: Observations) -> frozenset[str]:
        """Living nodes that have named events for `dead` which are not here: they do not deliver them, or no node has them."""
        context = self.context
        for name, peer in told.peers.items():
            if peer.judgement is not Judgement.ALIVE or peer.current:
                if self._late_ms.pop(name, context.now_ms) + context.policy.timing.dead_ms <= context.now_ms:
                    context.emit(AlarmOver(AlarmName.PEER_UNFIT, node=name))
            else:
                self._late_ms.setdefault(name, context.now_ms)
        late = [name for name, since_ms in self._late_ms.items() if context.now_ms - since_ms >= context.policy.timing.dead_ms]
        for name in late:
            why = f"{name} names events of its own that it does not deliver"
            text = f"{why}: it is waited for only where it may own the service"
            context.emit(Alarm(AlarmName.PEER_UNFIT, text, node=name))
        return frozenset(f"late:{name}" for name in late)

    def _claiming(self, alive: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
        newest = {name: heartbeat for name in alive if (heartbeat := self.liveness.peers[name].newest)}
        claiming = [(service, name) for name, heartbeat in newest.items() for service in heartbeat.message.claiming]
        awaited: dict[str, frozenset[str]] = {}
        for service, name in claiming:
            awaited[service] = awaited.get(service, NONE) | {f"awaited:{name}"}
        return awaited

    def _coming(self, service: str, awaited: frozenset[str]) -> frozenset[str]:
        """Of those, the nodes that are in FAIL by their events and out of it by their word: it is newer. Recovery and claim of
        one transaction come together, and a disk may take long for both."""
        return frozenset(f"coming:{node}" for timer in awaited if self._speaks_later(service, node := timer.partition(":")[2]))

    def _speaks_later(self, service: str, node: str) -> bool:
        theirs, newest = self.context.state.column(node).service(service), self.liveness.peers[node].newest
        head = newest.message.heads.get(node) if newest else None
        if theirs.state is not ServicePhase.FAIL or theirs.changed is None or head is None:
            return False
        return (head.incarnation, head.number) >= theirs.changed[1:]

    def _knows_more(self, told: Observations, other: str, name: str) -> bool:
        newest = self.liveness.peers[other].newest
        if newest is None or told.peers[other].judgement is not Judgement.ALIVE:
            return False
        head = newest.message.heads.get(name)
        return head is not None and self.context.feeds.behind(name, head) is not None

    def wakes_ms(self) -> list[int]:
        return [
            since_ms + self.context.policy.timing.dead_ms for since_ms in (*self._hearsay_ms.values(), *self._late_ms.values())
        ]
