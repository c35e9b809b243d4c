"""The core of one node: inputs in, effects out, and one time at which it wants to be woken.

    core = Core(me, policy, run, entries, now)
    effects = core.handle(Booted(clean=True), now)
    ...
    effects = core.handle(Woke(), now)              # at the latest when now.mono_ms reaches core.wake_at_ms

Life of an input: measure our own lateness, take it in, decide on every service, beat if it is time, hand the disk
what was written. Everything here is deterministic: the same inputs give the same effects.

Each concern is a part: a class in a file of its own, which owns its fields, sees what all share by a `Context`, and returns
what concerns others (`News`). Only this file knows all parts and their order. A new part is one file, one line in
`Core.__init__`, and one arm in `Core._take_in` for each input that is its own. `Majority` is one: it owns
ballots and leases (`coordinator/core/quorum/` has their arithmetic), and what it has counted decides as every fact does: as an
event, or as one more of the observations that `rounds` gives to the decide table. `Arbitrated` is the same for an arbiter.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never

from coordinator.core.admission import Admission
from coordinator.core.agenda import Outlook
from coordinator.core.arbitrated import Arbitrated
from coordinator.core.candidate_evidence import CandidateEvidence
from coordinator.core.carriers import Carriers
from coordinator.core.claims import Claims
from coordinator.core.commands import Commands
from coordinator.core.context import NOTHING_ELSE, Context, News, about
from coordinator.core.durability import Durability
from coordinator.core.effects import Effect
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fences import Fences
from coordinator.core.fitness import Fitness
from coordinator.core.forwarding import Passing
from coordinator.core.gate_scripts import GateScripts
from coordinator.core.gates import Gates
from coordinator.core.heartbeats import Heartbeats
from coordinator.core.inputs import (
    ArbiterSaid,
    BatchArrived,
    Booted,
    CarrierChanged,
    CheckFinished,
    CommandArrived,
    Durable,
    EvidenceGiven,
    FenceFinished,
    ForkShown,
    GateAnswered,
    GateGone,
    GateLapsed,
    GuardChanged,
    Guarded,
    HeadsArrived,
    HeartbeatHeard,
    Input,
    LastWordHeard,
    LinkChanged,
    NotDurable,
    Now,
    Reconfigured,
    RemovalShown,
    ReplyArrived,
    RoomChanged,
    StepFinished,
    StopAsked,
    Woke,
)
from coordinator.core.kernel_leases import KernelLeases
from coordinator.core.majority import Majority
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.quota import Quota
from coordinator.core.reconcile import Reconcile
from coordinator.core.reconfigure import Reconfigure
from coordinator.core.removal import Removal
from coordinator.core.replication import Replication
from coordinator.core.rounds import Rounds
from coordinator.core.service_checks import ServiceChecks
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.policy import Policy
from coordinator.state.folded import Folded
from coordinator.state.model import NodeState, State
from protocol.event import Entry
from protocol.events import NodePaused
from protocol.invariant import must
from protocol.messages import Keyring


class Core:
    def __init__(
        self,
        me: str,
        policy: Policy,
        run: bytes,
        entries: Iterable[Entry] | Folded,
        now: Now,
        keyring: Keyring | None = None,
        ran: Sequence[Policy] = (),
    ):
        """`entries`: every event on the disk, in order inside each feed, or what they were folded to already. `run`: 8 random
        bytes of this life of faild. `keyring` and `ran`: as in Folded, where the entries are folded here."""
        folded = entries if isinstance(entries, Folded) else Folded.begin(me, policy, keyring, ran).with_all(entries)
        context = self.context = Context(me, policy, run, folded, now)
        passing, quota = Passing(me, context.emit), Quota(policy, context.feeds.is_vouched)
        liveness = self.liveness = FailureDetector(me, run, policy, now.mono_ms)
        witnessing = self.witnessing = ObservationEvents(context, liveness)
        majority = self.majority = Majority(context, liveness)
        arbitrated = self.arbitrated = Arbitrated(context)
        removal = self.removal = Removal(context, liveness)
        leases = KernelLeases(context, liveness, majority.leases, arbitrated)
        services = self.services = Services(context, leases)
        fitness = Fitness(context, liveness, services)
        carriers = self.carriers = Carriers(context, services)
        startup = self.startup = Startup(context, liveness, witnessing, removal, services, carriers)
        checks = self.checks = ServiceChecks(context, services, startup)
        scripts, evidence = GateScripts(context, services, startup), CandidateEvidence(context, liveness, services, startup)
        beats = self.heartbeats = Heartbeats(
            context, liveness, services, fitness, startup, majority, arbitrated, scripts, evidence
        )
        rounds = Rounds(context, liveness, services, fitness, removal, majority, arbitrated, scripts, evidence)
        claims = Claims(context, services, rounds)
        fences = Fences(context, liveness, rounds, witnessing)
        self.gates = Gates(context, liveness, services, rounds, leases)
        self.reconcile = Reconcile(
            context, liveness, services, fitness, removal, rounds, claims, checks, witnessing, majority, arbitrated, fences,
            scripts, evidence,
        )  # fmt: skip
        self.admission = Admission(context, Commands(context, liveness, startup, fitness, rounds), passing, fences)
        self.durability = Durability(context, passing, services, claims, witnessing)
        self.replication = Replication(context, liveness, startup, beats, removal, quota, majority)
        self.reconfigure = Reconfigure(
            context, liveness, services, carriers, startup, checks, scripts, evidence, beats, rounds, passing, quota
        )
        self.wake_at_ms = now.mono_ms

    # --- the one method -------------------------------------------------------------------------------------------

    def handle(self, given: Input, now: Now) -> list[Effect]:
        """Take one input in; the effects are to be performed in order. `now` never runs backwards."""
        context, late_ms = self.context, now.mono_ms - self.wake_at_ms
        ordered = context.begin(now)
        self._lateness(late_ms)
        ended = self.majority.look() | self.arbitrated.look() | self.evidence.changed()
        if context.over and not isinstance(given, Durable | NotDurable | CommandArrived | Reconfigured):
            self.wake_at_ms = self._wake_at_ms()
            return ordered  # node-stopped is written: nothing may stand behind it
        news = about(self._take_in(given), ended)
        if news is None and now.mono_ms < self.wake_at_ms:
            return ordered
        self.startup.join()
        outlook = self.reconcile.outlook()
        if not context.over:
            self._review(news or NOTHING_ELSE, outlook)
        if self.startup.begin_anew():
            self.replication.ask_anew()
        if not context.over:
            self._beat_in_time(fit=not outlook.unfit_because)
        self.arbitrated.ask()
        self.durability.flush()
        self.wake_at_ms = self._wake_at_ms()
        must(self.wake_at_ms > now.mono_ms, f"woken at {self.wake_at_ms}, and it is {now.mono_ms}")
        return ordered

    def _take_in(self, given: Input) -> News | None:
        """None: it said nothing new, as three of four copies of a heartbeat do; nothing follows from it."""
        match given:
            case HeartbeatHeard():
                return self.replication.heartbeat_heard(given)
            case Woke():
                return NOTHING_ELSE
            case BatchArrived():
                return self.replication.batch_arrived(given)
            case HeadsArrived():
                return self.replication.heads_arrived(given)
            case LastWordHeard():
                return self.replication.last_word_heard(given)
            case LinkChanged():
                return self.replication.link_changed(given)
            case ForkShown():
                return self.replication.fork_shown(given)
            case RoomChanged():
                return self.replication.room_changed(given)
            case RemovalShown():
                return self.removal.shown(given)
            case Durable():
                return self.durability.durable(given)
            case NotDurable():
                return self.durability.not_durable(given)
            case Guarded():
                return self.reconcile.guarded(given)
            case GuardChanged():
                return self.services.guard_changed(given)
            case StepFinished():
                return self.services.step_finished(given)
            case CheckFinished():
                return self.checks.finished(given)
            case GateAnswered():
                return self.reconcile.gate_scripts.answered(given)
            case EvidenceGiven():
                return self.evidence.given(given)
            case CarrierChanged():
                return self.carriers.changed(given)
            case CommandArrived():
                return self.admission.arrived(given)
            case ReplyArrived():
                return self.admission.replied(given)
            case Reconfigured():
                return self.reconfigure.reconfigured(given)
            case Booted():
                return self.startup.booted(given)
            case GateLapsed():
                return self.gates.lapsed(given)
            case GateGone():
                return self.gates.gone(given)
            case FenceFinished():
                return self.reconcile.fences.finished(given)
            case ArbiterSaid():
                return self.arbitrated.answered(given)
            case StopAsked():
                return self.startup.stop_asked(given)
            case _:
                assert_never(given)

    def _review(self, news: News, outlook: Outlook) -> None:
        at_beat = self.heartbeats.due
        if self.context.joined and self.reconcile.is_due(news, outlook, at_beat):
            for service in self.reconfigure.follow():
                self.reconcile.forget(service)
            self.reconcile.review(news, outlook, at_beat)
        self.gates.look()
        self.reconcile.fences.look()
        self.startup.finish_stopping()

    def _beat_in_time(self, *, fit: bool) -> None:
        if self.heartbeats.due:
            self._tick()
        elif self.heartbeats.told_fit is not (fit and not self.startup.stopping):
            self.heartbeats.beat()  # others wait for us, or must not wait for us
        elif self.majority.hurry or self.evidence.hurry:
            self.heartbeats.beat()

    def _tick(self) -> None:
        self.heartbeats.turn()
        self.removal.tick()
        if self.context.joined:
            self.witnessing.links()
            self.witnessing.judgements(must=False)
            self.witnessing.pulse()
            self.durability.show_heads()
            self.carriers.tick()
            self.admission.look()
            self.replication.early_words.tick()
        self.heartbeats.beat()
        self.gates.refresh()
        self.majority.guarded.renew(self.services.raised)

    def _lateness(self, late_ms: int) -> None:
        """A node that did not run has no opinion: it extends its judgements, and looks before it claims."""
        timing = self.context.policy.timing
        self.witnessing.was_late(late_ms)
        if late_ms < timing.heartbeat_ms // 2:
            return
        self.liveness.forgive(late_ms)
        if late_ms >= timing.indoubt_ms:
            self.fitness.stalled()
            self.context.note(NodePaused(late_ms=late_ms))

    def _wake_at_ms(self) -> int:
        context = self.context
        if context.over:
            return context.now_ms + context.policy.timing.heartbeat_ms
        now_ms, wakes = context.now_ms, [self.heartbeats.due_ms]
        for name in self.liveness.peers:
            wakes += self.liveness.transition_times_ms(name)
        if self.startup.joining:
            wakes += self.startup.joining.wakes_ms()
        flush_ms = context.writer.wake_at_ms()
        wakes += [] if flush_ms is None else [flush_ms]
        if context.joined:
            wakes.append(self.reconcile.wake_at_ms)
        wakes += [*self.majority.wakes_ms(), *self.arbitrated.wakes_ms(), *self.evidence.wakes_ms()]
        wakes += self.reconcile.fences.wakes_ms()
        return min([ms for ms in wakes if ms > now_ms])

    # --- what shells read -----------------------------------------------------------------------------------------

    @property
    def me(self) -> str:
        return self.context.me

    @property
    def policy(self) -> Policy:
        return self.context.policy

    @property
    def state(self) -> State:
        return self.context.state

    @property
    def fitness(self) -> Fitness:
        return self.reconcile.fitness

    @property
    def gate_scripts(self) -> GateScripts:
        return self.reconcile.gate_scripts

    @property
    def evidence(self) -> CandidateEvidence:
        return self.reconcile.evidence

    @property
    def commands(self) -> Commands:
        """What an operator's command must name."""
        return self.admission.commands

    @property
    def column(self) -> NodeState:
        """What our own events say."""
        return self.context.column
