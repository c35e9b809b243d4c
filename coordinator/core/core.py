"""The core of one node: inputs in, effects out, and one time at which it wants to be woken.

    core = Core(me, policy, run, entries, now)
    effects = core.handle(Booted(clean=True), now)
    ...
    effects = core.handle(Woke(), now)              # at the latest when now.mono_ms reaches core.wake_at_ms

Life of an input: measure our own lateness, take it in, decide on every service, beat if it is time, hand the disk
what was written. Everything here is deterministic: the same inputs give the same effects.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from coordinator.core import commands, durability, local_health, reconcile, reconfigure, removal, replication, sharing, startup
from coordinator.core.check_counts import Counts
from coordinator.core.effects import (
    Beat,
    Effect,
    Guard,
    ShowHeads,
)
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.feed_recovery import FeedRecovery
from coordinator.core.feed_writer import FeedWriter
from coordinator.core.forwarding import Asker, Passing
from coordinator.core.inputs import (
    BatchArrived,
    Booted,
    CarrierChanged,
    CheckFinished,
    CommandArrived,
    Durable,
    ForkShown,
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
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.quota import Quota
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import AT_REST, Phase
from coordinator.core.service_timers import ServiceTimers
from coordinator.core.wakes import NEVER_MS, Wakes
from coordinator.decision.observations import Observations
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import Policy, ServicePolicy
from coordinator.state import ownership
from coordinator.state.folded import Folded
from coordinator.state.model import Judgement, NodeState, ServiceState
from coordinator.state.reducer import reduce
from protocol.event import Entry, Event, Ref
from protocol.events import Malformed, read_body
from protocol.invariant import InvariantBroken, must
from protocol.kinds import Kind
from protocol.messages import Heartbeat, Keyring, LastWord, ShortHead

SHOW_HEADS_MS = 60_000
"""How often every head is told to every peer, whatever was lost on the way before."""

Outlook = tuple[str, tuple[Judgement, ...]]
"""Why this node is unfit, and how it judges each peer."""

DISK_REFUSES = "its disk refuses to write"
DISK_HANGS = "its disk hangs"
GUARD_GONE = "it has no living guard"
GUARD_MUTE = "its guard confirms nothing"
REMOVED = "it was removed from the configuration"
OUTDONE = "others know a newer incarnation of its feed, and it begins one above that"

UNDECIDING = frozenset(
    {Kind.ACTION_STARTED, Kind.LINK_UP, Kind.LINK_DOWN, Kind.PULSE, Kind.JUDGED, Kind.CONFIG_PART}
)  # fmt: skip
"""No row of the decide table can say anything else because of these."""

FIRST = frozenset({Kind.GAP_DECLARED, Kind.NODE_STARTED})
"""With these a run begins: the feed that it continues may end in the last event of another."""


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
        must(len(run) == 8, "a run has 8 bytes")
        self.me, self.policy, self.run, self.now = me, policy, run, now
        folded = entries if isinstance(entries, Folded) else Folded.begin(me, policy, keyring, ran).with_all(entries)
        self.state, self.feeds = folded.state, folded.feeds
        self.writer = FeedWriter(policy.cluster_id, me, self.feeds)
        self.liveness = FailureDetector(me, run, policy, now.mono_ms)
        self.witnessing = ObservationEvents(self, self.liveness)
        self.joining: FeedRecovery | None = None
        self.joined = False
        self.outdone = False
        """A peer has a newer incarnation of our own feed: our disk and the time were lost, and no peer was there to say so."""
        self.aside: NodeState | None = None
        """Our column of the incarnation that was outdone, while its successor is being prepared."""
        self.ready = False
        self.clean = False
        self.cuts: tuple[tuple[str, int, int, int], ...] = ()
        self.stopping = False
        self.guard_alive = False
        self.guard_mute = False
        """A claim was given up since the guard did not confirm it; until it confirms something, or another takes its place."""
        self.stalled_until_ms = 0
        self.jobs: dict[str, Job] = {}
        self.place: dict[str, int] = {}
        """The place of each job: in this order they are looked at."""
        self._places = itertools.count()
        self.busy: set[str] = set()
        """Services whose job is not at rest."""
        self.raised: set[str] = set()
        """Services of which something is up here or about to be."""
        self.former: Policy | None = None
        """The configuration before the present one, in this run."""
        self.barred: dict[str, str] = {}
        """Services that wait since one of their addresses is up for another, and why."""
        self.removal: RemovalShown | None = None
        """The order by which this node was removed: shown to it, and not written yet."""
        self.disowned_ms: dict[str, int] = {}
        """Peers that have said that they do not know this node, and when."""
        self._departed: Mapping[str, bytes] = {}
        self._departed_by: tuple[object, object] = (None, None)
        self.looking: dict[str, int] = {}
        """Services whose checks run although they are out here, and since when."""
        self.waits: dict[str, ServiceTimers] = {}
        self.counts: dict[str, Counts] = {}
        self.beside = policy.beside(me)
        for service in policy.owned_by(me):
            self.open_job(service)
        self.unsettled: set[str] = set()
        """Services that a new configuration has changed, and whose jobs have not followed it to the end."""
        self.heartbeat_ms = policy.timing.heartbeat_ms
        """Our interval: until all run the same timing, as often as the fastest peer expects it (`reconfigure.pace`)."""
        self.answers: dict[Ref, Asker] = {}
        self.passing = Passing(me, self.emit)
        self.sentences: dict[str, str] = {}
        """Service to the sentence of its last decision."""
        self.wanted_ms: dict[tuple[str, int], int] = {}
        self.behind: dict[str, int] = {}
        """A node to the incarnation of which a heartbeat named more than is here: its push is likely on the way."""
        self.quota = Quota(policy, self.feeds.is_vouched)
        self.early_words: dict[tuple[str, str], LastWordHeard] = {}
        """Node and service to a last word whose claim is not here yet."""
        self.older_grown = False
        """Something of a replaced incarnation has come onto our disk, and the peers have not been told."""
        self.shown_ms = now.mono_ms
        """When all heads were told last."""
        self.hearsay_ms: dict[str, int] = {}
        """A node that we do not hear, and since when others are known to have more of its feed than we."""
        self.late_ms: dict[str, int] = {}
        """A living node, and since when it names events of its own that are not here."""
        self.ahead_ms: dict[str, int] = {}
        """A node, and since when it names events of ours that we have not written."""
        self.carrier: dict[str, bool] = {}
        self.carrier_up_ms: dict[str, int] = {}
        self.without_carrier: list[str] = []
        """Services that lost a carrier here, as our own events tell, and the services of our column that say so."""
        self.carriers_of: Mapping[str, ServiceState] | None = None
        self.writer.durable = self.feeds.newest.get(me)
        self.durable_state = self.flying_state = self.state
        """The fold of what is on the disk, and of that with what is on its way there."""
        self.counter = 0
        self.told_fit = False
        self.beat_ms = now.mono_ms
        self.wake_at_ms = now.mono_ms
        self.review_ms = NEVER_MS
        """When the first timer of a decision is over, as the last review saw it: most heartbeats change nothing about it."""
        self.wakes = Wakes()
        """The first timer of each service, as it was when the table was last asked about it."""
        self.hearsay_wake_ms = NEVER_MS
        self.outlook: Outlook = ("", ())
        """What the last review saw besides the feeds."""
        self.outside: reconcile.Outside = ()
        """What the table was given for all services alike when it was last asked."""
        self.dirty = False
        """Something has changed on which every service rests."""
        self.changed: set[str] = set()
        """Services about which something has changed."""
        self.postponed: dict[str, None] = {}
        """Services whose turn did not come, since many wanted one: in this order they follow."""
        self.news = False
        """Events have come: a peer may be current by them."""
        self.current: frozenset[str] = frozenset()
        """The peers whose newest events were here when the table was last asked."""
        self.undecided: set[str] = set()
        """Services about which the table was asked while the newest events of a living peer were not here."""
        self.seen: reconcile.Round | None = None
        """What the last look in this input gave to all services alike."""
        self.hears_us: frozenset[str] = frozenset()
        """The living peers that have heard us within `dead`, by their own word, as the table was last asked."""
        self.shared: set[str] = set()
        """Services that another node holds beside us, by its feed."""
        self.tickets = 0
        self.ordered: dict[int, str] = {}
        """The service of each step in flight, by its ticket."""
        self.out: list[Effect] = []
        reconfigure.pace(self)

    def open_job(self, service: ServicePolicy) -> None:
        """This node may own the service from now on."""
        self.jobs[service.name] = Job(self, service)
        self.place[service.name] = next(self._places)
        self.waits[service.name] = ServiceTimers()
        self.counts[service.name] = Counts(service)

    # --- the one method ------------------------------------------------------------------------------------------

    def handle(self, given: Input, now: Now) -> list[Effect]:
        """Take one input in; the effects are to be performed in order. `now` never runs backwards."""
        must(now.mono_ms >= self.now.mono_ms, "the monotonic clock ran backwards")
        self.out, self.seen = [], None
        self._lateness(now)
        self.now = now
        if self.over and not isinstance(given, Durable | NotDurable | CommandArrived | Reconfigured):
            self.wake_at_ms = now.mono_ms + self.policy.timing.heartbeat_ms
            return []  # node-stopped is written: nothing may stand behind it
        news = INPUTS[type(given)](self, given)
        if news is False and now.mono_ms < self.wake_at_ms:
            return self.out
        startup.join(self)
        outlook = self._outlook()
        if not self.over:
            self._review(outlook)
        startup.begin_anew(self)
        if not self.over:
            self._beat_in_time(fit=not outlook[0])
        self._flush()
        self.wake_at_ms = self._wake_at_ms()
        must(self.wake_at_ms > self.now_ms, f"woken at {self.wake_at_ms}, and it is {self.now_ms}")
        return self.out

    def _review(self, outlook: "Outlook") -> None:
        if self.now_ms >= self.beat_ms:  # what was begun and waits for its turn is looked at again
            self.changed.update(self.busy, self.shared)
        self.dirty = self.dirty or outlook != self.outlook
        if self.joined and (self.dirty or self.changed or self.news or self.now_ms >= self.review_ms):
            self.outlook = outlook
            reconfigure.follow(self)
            reconcile.services(self)
            self.dirty = False  # it has asked until nothing was left to say, its own events included
            self.news = False
            self.review_ms = reconcile.wake_ms(self)
        startup.finish_stopping(self)

    def _outlook(self) -> "Outlook":
        """What time alone can change about a decision, timers apart: a silence that has become doubt, a disk that hangs."""
        judgements = tuple(self.liveness.judgement(name, self.now_ms) for name in self.liveness.peers)
        return self.unfit_because, judgements

    def _beat_in_time(self, *, fit: bool) -> None:
        if self.now_ms >= self.beat_ms:
            self._tick()
        elif self.told_fit is not (fit and not self.stopping):
            self.beat()  # others wait for us, or must not wait for us

    def _lateness(self, now: Now) -> None:
        """A node that did not run has no opinion: it extends its judgements, and looks before it claims."""
        late_ms = now.mono_ms - self.wake_at_ms
        timing = self.policy.timing
        self.witnessing.late_ms_max = max(self.witnessing.late_ms_max, late_ms)
        if late_ms < timing.heartbeat_ms // 2:
            return
        self.liveness.forgive(late_ms)
        if late_ms >= timing.indoubt_ms:
            self.stalled_until_ms = now.mono_ms + timing.indoubt_ms
            self.now = now
            self.note(Kind.NODE_PAUSED, {"late_ms": late_ms})

    def _tick(self) -> None:
        self.beat_ms += self.heartbeat_ms
        if self.beat_ms <= self.now_ms:
            self.beat_ms = self.now_ms + self.heartbeat_ms
        removal.tick(self)
        if self.joined:
            self.witnessing.links()
            self.witnessing.judgements(must=False)
            self.witnessing.pulse()
            self._show_heads()
            local_health.carriers(self)
            self.passing.look(self.now_ms, lambda node: commands.lives(self, node))
        self.beat()

    def _show_heads(self) -> None:
        """Now and then all of them, also of replaced incarnations, which no heartbeat names."""
        if self.older_grown or self.now_ms - self.shown_ms >= SHOW_HEADS_MS:
            self.older_grown, self.shown_ms = False, self.now_ms
            self.emit(ShowHeads())

    def beat(self) -> None:
        """Send one heartbeat now, on every link."""
        self.counter += 1
        self.told_fit = self._tells_fit()
        self.liveness.sent(self.counter, self.now_ms)
        self.out.append(
            Beat(
                Heartbeat(
                    cluster=self.policy.cluster_id,
                    node=self.me,
                    run=self.run,
                    counter=self.counter,
                    fit=self.told_fit,
                    config=self.policy.digest[:8],
                    vote=0,
                    heads=self._heads(),
                    heard=self.liveness.echoes(self.now_ms),
                    refused=tuple(sorted(ownership.refused_by(self.state, self.me))),
                    claiming=tuple(sorted(reconcile.armed(self))),
                )
            )
        )

    def _tells_fit(self) -> bool:
        return self.fit and not self.stopping

    def _heads(self) -> dict[str, ShortHead]:
        """What we know of every feed; of our own only what is durable."""
        heads = self.feeds.short()
        heads.pop(self.me, None)
        durable = self.writer.durable or (None if self.joined else self.feeds.newest.get(self.me))
        if durable:
            heads[self.me] = ShortHead(durable.incarnation, durable.number, durable.id[:8])
        return heads

    def _flush(self) -> None:
        if self.joined and self.writer.idle_though_refused(self.now_ms):
            self.write(Kind.PULSE, "", {"gaps": {}, "late_ms_max": 0}, ())
        append = self.writer.flush(self.now_ms)
        if append:
            self.flying_state = self.state
            guards = (at for at, effect in enumerate(self.out) if isinstance(effect, Guard))
            self.out.insert(next(guards, len(self.out)), append)  # the disk works while the guard is being told

    def _wake_at_ms(self) -> int:
        if self.over:
            return self.now_ms + self.policy.timing.heartbeat_ms
        now_ms, wakes = self.now_ms, [self.beat_ms]
        for name in self.liveness.peers:
            wakes += self.liveness.turns_ms(name)
        if self.joining:
            wakes += self.joining.wakes_ms()
        flush_ms = self.writer.wake_at_ms()
        wakes += [] if flush_ms is None else [flush_ms]
        if self.joined:
            wakes.append(self.review_ms)
        return min([ms for ms in wakes if ms > now_ms])

    # --- the desk: what jobs, commands and the review write on ---------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.now.mono_ms

    @property
    def over(self) -> bool:
        """This run has said its last event."""
        return self.joined and not self.column.running

    @property
    def column(self) -> NodeState:
        return self.state.column(self.me)

    @property
    def departed(self) -> Mapping[str, bytes]:
        """Nodes that only earlier files name, with their keys: their feeds are history, and asked for as any other."""
        if self._departed_by[0] is not self.state.policies or self._departed_by[1] is not self.policy:
            self._departed_by = (self.state.policies, self.policy)
            self._departed = removal.departed(self.state, self.policy)
        return self._departed

    def write(self, kind: Kind, service: str, body: Mapping[str, Any], causes: tuple[Ref, ...]) -> Entry:
        must(not self.over or kind in FIRST, f"nothing stands behind node-stopped, and {kind} would")
        typed = read_body(kind, service, body)
        if isinstance(typed, Malformed):
            raise InvariantBroken(f"we would write what no reader takes: {typed.text}")
        entry = self.writer.write(kind, service, body, causes, self.now)
        self.state = reduce(self.state, entry.event)
        if self.column.head is None or self.column.head[:3] != entry.head[:3]:
            raise InvariantBroken(f"our own event {entry.head[:3]} is not the newest of our column: {self.column.head}")
        self.witnessing.saw(kind)
        self.took(entry.event)
        return entry

    def took(self, event: Event) -> None:
        """An event has changed the state: that of one service, or something that all rest on."""
        if event.kind in UNDECIDING:
            return
        if event.service:
            self.changed.add(event.service)
        else:
            self.dirty = True

    def note(self, kind: Kind, body: Mapping[str, Any], causes: tuple[Ref, ...] = ()) -> Entry | None:
        """An observation, which the log can do without while the disk refuses or we do not know our feed."""
        if not self.joined or self.disk_refuses or self.over:
            return None
        return self.write(kind, "", body, causes)

    def emit(self, effect: Effect) -> None:
        self.out.append(effect)

    def ticket(self, service: str) -> int:
        self.tickets += 1
        self.ordered[self.tickets] = service
        return self.tickets

    def turned(self, service: str, phase: Phase) -> None:
        (self.busy.discard if phase in AT_REST else self.busy.add)(service)
        (self.raised.discard if phase is Phase.IDLE else self.raised.add)(service)

    def is_free(self, policy: ServicePolicy) -> bool:
        return not sharing.taken_here(self, policy.name, policy)

    def last_word(self, service: str, epoch: int) -> LastWord:
        return LastWord(self.policy.cluster_id, self.me, self.run, service, epoch)

    @property
    def disk_refuses(self) -> bool:
        return self.writer.refused_ms is not None

    @property
    def unfit_because(self) -> str:
        """Why this node takes nothing now; empty where it is fit."""
        if not self.joined:
            return "it is still reading its own feed"
        if self.outdone:
            return OUTDONE
        if ownership.removed(self.state, self.me):
            return REMOVED
        if self.disk_refuses:
            return DISK_REFUSES
        if self.writer.hangs_ms(self.now_ms) >= self.policy.timing.dead_ms:
            return DISK_HANGS
        if not self.guard_alive:
            return GUARD_GONE
        if self.guard_mute:
            return GUARD_MUTE
        if self.now_ms < self.stalled_until_ms:
            return "it did not run for a while, and looks first"
        unheard = self._unheard()
        return f"it has not heard {unheard} since its start" if unheard else ""

    def _unheard(self) -> str:
        """A candidate beside us that was not heard in this run, and may hold something: we would wait, and say so."""
        for name, peer in self.liveness.peers.items():
            unheard = name in self.beside and peer.heard_ms is None
            if unheard and self.liveness.judgement(name, self.now_ms) is Judgement.INDOUBT:
                return name
        return ""

    @property
    def fit(self) -> bool:
        return not self.unfit_because

    def given(self) -> Observations:
        return reconcile.given(self)

    def case(self, service: str) -> Snapshot:
        return reconcile.case(self, service, reconcile.look_round(self))

    def _command(self, given: CommandArrived) -> None:
        commands.admit(self, given.command, given.ticket, given.source)

    def _replied(self, given: ReplyArrived) -> None:
        self.passing.replied(given.node, given.reply)

    def _woke(self, given: Woke) -> None:
        """Time has passed: `handle` looks at what that changes after every input."""


INPUTS: Mapping[type, Callable[[Core, Any], bool | None]] = {
    Booted: startup.booted,
    Woke: Core._woke,
    HeartbeatHeard: replication.heartbeat_heard,
    BatchArrived: replication.batch_arrived,
    HeadsArrived: replication.heads_arrived,
    Durable: durability.durable,
    NotDurable: durability.not_durable,
    Guarded: local_health.guarded,
    GuardChanged: local_health.guard_changed,
    StepFinished: local_health.step_finished,
    CheckFinished: local_health.check_finished,
    CommandArrived: Core._command,
    ReplyArrived: Core._replied,
    CarrierChanged: local_health.carrier_changed,
    LinkChanged: replication.link_changed,
    LastWordHeard: replication.last_word_heard,
    StopAsked: startup.stop_asked,
    Reconfigured: reconfigure.reconfigured,
    RoomChanged: replication.room_changed,
    ForkShown: replication.fork_shown,
    RemovalShown: removal.shown,
}
"""What takes each input in. False: it said nothing new, as three of four copies of a heartbeat do; nothing follows from it."""
