"""Asking the decide table about every service, and doing what it says.

outlook = reconcile.outlook()                       # once in each input
if reconcile.is_due(news, outlook, at_beat):
    reconcile.review(news, outlook, at_beat)
"""

from dataclasses import replace

from coordinator.core.agenda import BEGUN_MAX, BEGUN_MS, Agenda, Outlook
from coordinator.core.arbitrated import Arbitrated
from coordinator.core.candidate_evidence import CandidateEvidence
from coordinator.core.claims import Claims, patience_ms
from coordinator.core.context import Context, News
from coordinator.core.dependants import IN_ORDER, Dependants
from coordinator.core.effects import Announce
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fences import Fences
from coordinator.core.fitness import Fitness
from coordinator.core.gate_scripts import GateScripts
from coordinator.core.inputs import Guarded
from coordinator.core.majority import Majority
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.removal import Removal
from coordinator.core.rounds import Round, Rounds
from coordinator.core.service_checks import ServiceChecks
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.core.sharing import taken_elsewhere
from coordinator.core.wakes import NEVER_MS
from coordinator.decision.decide import Act, Decision, decide
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import UPISH, Judgement, ServicePhase
from protocol.event import Ref
from protocol.events import Fail, MoveEnded, Recover, SplitResolved, SplitSeen
from protocol.invariant import InvariantBroken, must

ASKED_MAX = 64
"""Services that are asked about in one turn, some 10 ms; the others follow in the next."""

SETTLED = frozenset({ServicePhase.UP, ServicePhase.RECOVER, ServicePhase.FAIL})
"""In these phases a node has decided about its part in a split."""

ROUNDS_MAX = 8
"""FAIL -> RECOVER -> claim takes three; a table that never settles is a bug, and is found here."""


class Reconcile:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        services: Services,
        fitness: Fitness,
        removal: Removal,
        rounds: Rounds,
        claims: Claims,
        checks: ServiceChecks,
        witnessing: ObservationEvents,
        majority: Majority,
        arbitrated: Arbitrated,
        fences: Fences,
        gate_scripts: GateScripts,
        evidence: CandidateEvidence,
    ) -> None:
        self.context, self.liveness, self.services, self.fitness = context, liveness, services, fitness
        self.removal, self.rounds, self.claims = removal, rounds, claims
        self.checks, self.witnessing, self.fences = checks, witnessing, fences
        self.majority, self.arbitrated, self.gate_scripts, self.evidence = majority, arbitrated, gate_scripts, evidence
        self.dependants = Dependants(context, services)
        self.agenda = Agenda(context, liveness, services, fitness, self.dependants)
        self._seen: Round | None = None
        """What the look of this review gives to all services alike."""

    def outlook(self) -> Outlook:
        """What all services rest on besides the feeds, as it is now."""
        context, liveness = self.context, self.liveness
        judgements = tuple([liveness.judgement(name, context.now_ms) for name in liveness.peers])
        return Outlook(self.fitness.unfit_because, judgements, context.policy, tuple(self.removal.disowned_ms))

    @property
    def wake_at_ms(self) -> int:
        """When the first timer of a decision is over."""
        return self.agenda.review_ms

    def guarded(self, given: Guarded) -> News | None:
        return self.claims.guarded(given)

    def forget(self, name: str) -> None:
        """This service is no longer ours."""
        self.agenda.forget(name)
        self.fences.forget(name)
        self.dependants.stays(name)

    def is_due(self, news: News, outlook: Outlook, at_beat: bool) -> bool:
        """Whether the table may have something to say that it did not say when it was last asked."""
        return self.agenda.is_due(news, outlook, at_beat)

    def review(self, news: News, outlook: Outlook, at_beat: bool) -> None:
        """Every service about which the table may have something new to say, until it has nothing more to say.

        All of them are asked about where something has changed that all rest on; else those that an event was about, those
        whose timer is over, those that two nodes hold, and those that were decided without a peer's newest events, which are
        here now.
        What follows from what was begun is looked at when it has gone on: what waits for that shall not wait for what follows
        too.

        What the table is given besides the feeds is taken once: nothing that is written here changes it.
        """
        jobs, agenda = self.services.jobs, self.agenda
        seen = self._seen = self.rounds.look_round()
        asked = agenda.asked(news, outlook, at_beat, seen)
        if asked is None:
            agenda.postpone(jobs)
        fresh = sorted((asked or set()) & jobs.keys(), key=self.services.place.__getitem__)
        begun = len(self.services.armed()) if len(fresh) > BEGUN_MAX else 0
        turns = 0
        for name in fresh:
            if turns < ASKED_MAX and (begun < BEGUN_MAX or jobs[name].phase is Phase.ARMED):
                agenda.takes(name)
                begun += self._settle(name, jobs[name], seen)
                turns += 1
            else:
                agenda.postpone([name])
        self._follow(seen, ASKED_MAX - turns, begun)
        agenda.close(self.rounds.wakes_ms())
        self._seen = None

    def _follow(self, seen: Round, turns: int, begun: int) -> None:
        """Takes so many of those that had to wait: behind what has news of its own, so that one that moves does not wait for a
        thousand that come up."""
        jobs, agenda = self.services.jobs, self.agenda
        room = BEGUN_MAX - max(begun, len(self.services.armed()) if agenda.postponed else 0)
        while agenda.postponed and turns > 0 and room > 0:
            name = agenda.next_postponed()
            if name in jobs:
                room -= self._settle(name, jobs[name], seen)
                turns -= 1

    def _settle(self, name: str, job: Job, seen: Round) -> bool:
        """Ask and act until the table has nothing more to say; True where something was begun."""
        context = self.context
        before, asked = job.phase, None
        for _ in range(ROUNDS_MAX):
            asked = self._once(name, job, seen)
            if asked:
                break
        if asked is None:
            raise InvariantBroken(f"the decide table does not settle on {name}")
        if job.phase is before:
            self._afterwards(name, job, self._as_now(asked, seen))
        self.checks.look_on(name, job)
        self.gate_scripts.look(name, job)
        self.evidence.look(name, job, asked)
        begun = job.phase is not before
        soon = begun or asked.state is not context.state  # what followed from time may be something to decide on
        wake_ms = context.now_ms + BEGUN_MS if soon else self._wake_ms(asked, job)
        self.agenda.settled(name, wake_ms, shared=self._is_shared(name), undecided=seen.late)
        return begun

    def _is_shared(self, name: str) -> bool:
        """Two nodes hold it, as far as we know: which of them gives way depends on who hears whom, and that is in no event."""
        context = self.context
        if not context.column.service(name).holds:
            return False
        theirs = any(context.state.column(node).service(name).holds for node in self.liveness.peers)
        return theirs or ownership.is_news_for(context.state, context.me, name)

    def _as_now(self, asked: Snapshot, seen: Round) -> Snapshot:
        """The same question where nothing was written since, else a new one."""
        return asked if asked.state is self.context.state else self.rounds.case(asked.name, seen)

    def _wake_ms(self, bare: Snapshot, job: Job) -> int:
        """When the first timer of this service is over."""
        context = self.context
        dead_ms = context.policy.timing.dead_ms
        wakes = self.services.timers[bare.name].wakes_ms(bare, context.now_ms, dead_ms)
        wakes += [job.holding.stands_ms + dead_ms] if job.unguarded else []
        wakes += [job.holding.armed_ms + patience_ms(context.policy.timing)] if job.phase is Phase.ARMED else []
        wakes += [job.wake_at_ms] if job.wake_at_ms is not None else []
        return min((ms for ms in wakes if ms > context.now_ms), default=NEVER_MS)

    def _once(self, name: str, job: Job, seen: Round) -> Snapshot | None:
        """One question and its consequence; None where the table must be asked again."""
        context = self.context
        asked = self.rounds.case(name, seen)
        if self._split(asked):
            asked = self.rounds.case(name, seen)
        decision = decide(asked)
        self.services.decided(name, self._waits(name, asked, decision) or decision.reason)
        self.fences.decided(name, decision, asked)
        if decision.act is not Act.RELEASE:
            self.dependants.stays(name)
        if decision.act is Act.STAY:
            timers, dead_ms = self.services.timers[name], context.policy.timing.dead_ms
            return None if timers.decided(asked, decision, context.now_ms, dead_ms) else asked
        if self.witnessing.judgements(must=True):
            return None  # now the judgements stand in the log, and the decision can name them as its causes
        return None if self._perform(name, job, asked, decision) else asked

    def _waits(self, name: str, asked: Snapshot, decision: Decision) -> str:
        """Votes or the arbiter are asked where the table waits for them alone. In words, where there is more to say of it."""
        if self.arbitrated.rules(name):
            return self.arbitrated.decided(name, decision)
        me = self.context.me
        self.majority.decided(name, decision, asked.order[: asked.order.index(me)] if me in asked.order else ())
        return ""

    def _perform(self, name: str, job: Job, asked: Snapshot, decision: Decision) -> bool:
        context = self.context
        epoch = ownership.epoch(context.state, name) + 1
        if decision.act is Act.CLAIM:
            if job.phase is not Phase.IDLE:
                return False
            why = self.removal.disowned(name) or self._taken(name, job.policy) or self.dependants.goes(job.policy)
            why = why or self.arbitrated.lacks(name)
            if why:
                self.services.bar(name, why)
                self.services.decided(name, why)
                return False
            self.services.unbar(name)
            must(asked.given.fit and context.joined, f"{name} is claimed by a node that is fit")
            must(context.me in asked.order, f"{name} is claimed by a candidate")
            living = [node for node in asked.given.peers if asked.holds(node) and asked.judged(node) is Judgement.ALIVE]
            must(not living, f"{name} is claimed while {living} hold it and live")
            self._claim(name, job, asked, decision)
            return False
        if decision.act is Act.RECLAIM:
            if job.phase not in (Phase.UP, Phase.RECALLED) or context.disk_refuses:
                return False
            if self.services.timers[name].speaks_soon(asked, decision, context.now_ms, context.policy.timing.dead_ms):
                return False
            job.reclaim(decision, asked.given, epoch, asked.rivals)
            return False
        if decision.rule == "move" and not self._target_knows(name, decision.causes[0]):
            return False
        if decision.act is Act.RELEASE:
            if decision.rule not in IN_ORDER or not self.dependants.go_first(name, decision, asked.given):
                self.dependants.stays(name)
                job.release(decision, asked.given)
            return False
        return self._out(name, asked, decision)

    def _claim(self, name: str, job: Job, asked: Snapshot, decision: Decision) -> None:
        if self.arbitrated.rules(name):
            epoch, leave = self.arbitrated.claims(name)
            job.claim(decision, asked.given, epoch, asked.mine, leave)
            return self.arbitrated.claimed(name)
        voted = self.majority.claims(name)
        if voted is None:
            job.claim(decision, asked.given, ownership.epoch(self.context.state, name) + 1, asked.mine)
            return
        epoch, votes = voted
        job.claim(replace(decision, causes=(*decision.causes, *votes)), asked.given, epoch, asked.mine)
        if job.holding.armed_by is None:
            raise InvariantBroken(f"the claim of {name} is written")
        self.majority.claimed(name, epoch, job.holding.armed_by)

    def _taken(self, name: str, policy: ServicePolicy) -> str:
        """Why one of its addresses must not come up yet; empty where nothing speaks against it."""
        return self.services.taken_here(name, policy) or taken_elsewhere(self.context, self.liveness, name, policy)

    def _target_knows(self, name: str, move: Ref) -> bool:
        """The move is on our disk, and its target has had a moment to take it in: the client waits for neither."""
        return self.context.writer.has_written(move) and self.services.timers[name].has_led(move, self.context.now_ms)

    def _out(self, name: str, asked: Snapshot, decision: Decision) -> bool:
        context = self.context
        if context.disk_refuses:
            return False  # not a release: it can wait for the disk
        rule, given, reason = decision.rule, asked.given, decision.reason
        if decision.act is not Act.RECOVER:
            context.write(name, Fail(rule=rule, cause=decision.cause, given=given, reason=reason), decision.causes)
            return True
        place = asked.order.index(context.me) if context.me in asked.order else 0
        self.services.timers[name].settle(context.now_ms + place * context.policy.timing.heartbeat_ms)
        context.write(name, Recover(rule=rule, given=given, reason=reason), decision.causes)
        return True

    def _split(self, asked: Snapshot) -> bool:
        """Write that we see a split, or that it is over."""
        context = self.context
        seen = context.column.splits.get(asked.name)
        if context.disk_refuses:
            return False
        if seen is None and asked.mine.state in UPISH and asked.rivals:
            nodes = tuple(sorted((*asked.rivals, context.me)))
            epochs = {node: context.state.column(node).service(asked.name).epoch for node in nodes}
            causes = tuple(ref for node in nodes if (ref := context.state.column(node).service(asked.name).claim))
            context.write(asked.name, SplitSeen(nodes=nodes, epochs=epochs), causes)
            return True
        return False

    def _afterwards(self, name: str, job: Job, asked: Snapshot) -> None:
        """What follows from time or from others: announce when no rival is left, try a stuck service again, end a move."""
        context = self.context
        if job.phase is Phase.RECALLED and not job.holding.waits and not _blocking(asked):
            job.announce()
        if job.phase is Phase.ARMED and not job.holding.waits:
            self.claims.launch(job, self._seen or self.rounds.look_round())
        self._lose_patience(job)
        if job.phase is Phase.STUCK and job.wake_at_ms is not None and context.now_ms >= job.wake_at_ms:
            job.try_again()
        if self.services.timers[name].announces(asked, context.now_ms):
            context.emit(Announce(name))
        over = self.services.timers[name].move_over(asked, context.now_ms) and context.column.service(name).state in UPISH
        if over and not context.disk_refuses:
            move = ownership.active_move(context.state, name)
            if move is None:
                raise InvariantBroken("a move that is over was active")
            context.write(name, MoveEnded(move=move.ref, why="its time is over"), (move.ref,))
        self._split_over(name, asked)

    def _lose_patience(self, job: Job) -> None:
        """A claim for which disk or guard takes too long is given up."""
        timing, now_ms = self.context.policy.timing, self.context.now_ms
        if job.phase is Phase.ARMED and "durable" in job.holding.waits and now_ms >= job.holding.armed_ms + patience_ms(timing):
            self.claims.withdraw(job)
        if job.unguarded and now_ms >= max(job.holding.stands_ms + timing.dead_ms, self.fitness.stalled_until_ms):
            self.claims.give_up(job)
            self._seen = None  # what is launched from here on sees a guard that is mute

    def _split_over(self, name: str, asked: Snapshot) -> None:
        context = self.context
        seen = context.column.splits.get(name)
        if seen is None or context.disk_refuses or asked.mine.state not in SETTLED:
            return
        if sum(asked.holds(node) for node in asked.given.peers) + (asked.mine.state is ServicePhase.UP) > 1:
            return
        winner = ownership.owner(context.state, context.policy, name)
        context.write(name, SplitResolved(winner=winner or ""), (seen,))


def _blocking(asked: Snapshot) -> list[str]:
    """The nodes that may still answer for the service: holders that are not dead."""
    return [node for node in asked.given.peers if asked.holds(node) and asked.judged(node) is not Judgement.DEAD]
