"""The beginning and the end of a run: which feed is ours, the first events, and the last.

A run begins by asking (`feed_recovery`), writes `node-started`, and ends with `node-stopped`, behind which nothing may stand.
"""

from coordinator.alarms.names import AlarmName
from coordinator.core import long_events
from coordinator.core.carriers import Carriers
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Alarm, Exit
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.feed_recovery import WAIT_MS, FeedRecovery
from coordinator.core.inputs import Booted, StopAsked
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.removal import Removal
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.state.configurations import number_at_start
from coordinator.state.incarnation import carried, in_pieces
from coordinator.state.model import Judgement, NodeState
from protocol.event import Head, Ref
from protocol.events import NodeStarted, NodeStopped, NodeStopping, TailCut

RULES = 2
"""The version of the decide table, written into node-started: an auditor judges history by the rules of its time."""


class Startup:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        witnessing: ObservationEvents,
        removal: Removal,
        services: Services,
        carriers: Carriers,
    ) -> None:
        self.context, self.liveness, self.witnessing = context, liveness, witnessing
        self.removal, self.services, self.carriers = removal, services, carriers
        self.joining: FeedRecovery | None = None
        """While we ask which feed is ours."""
        self.stopping = False
        self._clean = False
        self._cuts: tuple[tuple[str, int, int, int], ...] = ()
        self._aside: NodeState | None = None
        """Our column of the incarnation that was superseded, while its successor is being prepared."""

    def booted(self, given: Booted) -> News:
        self._clean, self._cuts = given.clean, given.cuts
        self._ask()
        return NOTHING_ELSE

    def _ask(self, *, older: bool = False) -> None:
        context = self.context
        patience_ms = context.policy.timing.dead_ms + WAIT_MS
        others = frozenset(context.policy.others(context.me))
        glance_ms = context.policy.timing.indoubt_ms
        self.joining = FeedRecovery(
            context.me, context.feeds, context.now_ms, patience_ms, others, self._clean, glance_ms, older=older
        )

    def join(self) -> None:
        """Write node-started as soon as we know which feed is ours."""
        context = self.context
        if self.joining is None:
            return
        verdict = self.joining.verdict(context.now_ms)
        if verdict == "wait":
            return
        ours = context.feeds.newest.get(context.me)
        incarnation = ours.incarnation if ours and verdict == "continue" else self.joining.next_incarnation(context.now.wall_ms)
        self.joining = None
        told = {head.feed: head for head in context.column.seen.values()} if verdict == "continue" else {}
        context.writer.open(incarnation, told)
        self.witnessing.restart(context.now_ms)
        self._first_events(ours, incarnation)

    def begin_anew(self) -> bool:
        """Nothing is held by the incarnation that was superseded, and all of it is on the disk: as at a start from here. True
        where that is so now."""
        context = self.context
        if not context.writer.superseded or not context.joined or self.stopping or self.services.raised:
            return False
        if not context.writer.close():
            return False
        self._aside, self._clean = context.column, False
        self._ask(older=True)  # also where all that the others have of it comes before they say so: it is not to be continued
        return True

    def _first_events(self, ours: Head | None, incarnation: int) -> None:
        context = self.context
        before = context.column
        if ours and ours.incarnation != incarnation:
            for piece in in_pieces(carried(ours, before, self._aside)):
                context.write("", piece, ())
            self._aside = None
        last = (ours.incarnation, ours.number) if ours else None
        started = NodeStarted(run=context.run, rules=RULES, config=context.policy.digest, clean=self._clean, after=last)
        context.write("", started, ())
        if context.column.config != context.policy.digest:
            long_events.write_configuration(context, context.policy, number_at_start(context.state, context.policy.digest), ())
        self.removal.outlives(before)
        self.removal.write()
        self._tell_cuts()
        self.carriers.tell()

    def _tell_cuts(self) -> None:
        """What was cut out of our log is soon here again, and nothing but this event tells that it was not."""
        context = self.context
        cuts, self._cuts = self._cuts, ()
        if not cuts:
            return
        context.write("", TailCut(cuts=cuts), ())
        feeds = ", ".join(f"{node} {incarnation}/{first} to {last}" for node, incarnation, first, last in cuts)
        context.emit(
            Alarm(AlarmName.TAIL_CUT, f"the log of {context.me} lacked events that it had held: {feeds}", node=context.me)
        )

    def stop_asked(self, given: StopAsked) -> News:
        if self.stopping:
            return NOTHING_ELSE
        self.stopping = True
        if self.context.joined:
            self.context.write("", NodeStopping(), ())
        else:
            self.context.emit(Exit())
        return NOTHING_ELSE

    def finish_stopping(self) -> None:
        """Everything is down: say so as the last event. A stuck service keeps the guard, and the end is not clean."""
        context = self.context
        if not self.stopping or not context.joined or not context.column.running:
            return
        if any(self.services.jobs[name].phase is not Phase.STUCK for name in self.services.raised):
            return
        stuck = [self.services.jobs[name] for name in sorted(self.services.raised)]
        if not stuck and not context.disk_refuses:
            context.write("", NodeStopped(), ())
        elif all(self._told(job) for job in stuck):
            context.emit(Exit(tuple(sorted(job.policy.name for job in stuck))))

    def _told(self, job: Job) -> bool:
        """That it is stuck stands on our disk and on that of each peer that hears us: else those would judge us dead in a
        moment, or after a restart, and take over beside what is still up. Until then our heartbeats alone hold them back."""
        context = self.context
        hearing = [name for name in self.liveness.peers if self._hears(name)]
        hearing = [
            name
            for name in hearing
            if name in job.policy.nodes or context.now_ms < job.stuck_ms + context.policy.timing.dead_ms
        ]
        stands = context.writer.has_written(job.causes[-1])
        if not hearing:
            return stands or context.disk_refuses or context.writer.hangs_ms(context.now_ms) >= context.policy.timing.dead_ms
        return stands and all(self._knows(name, job.causes[-1]) for name in hearing)

    def _hears(self, name: str) -> bool:
        now_ms = self.context.now_ms
        return self.liveness.judgement(name, now_ms) is not Judgement.DEAD and self.liveness.may_hear(name, now_ms)

    def _knows(self, name: str, event: Ref) -> bool:
        """Whether a peer's newest heartbeat says that this event of ours is on its disk."""
        newest = self.liveness.peers[name].newest
        if newest is None or self.context.me in newest.message.unstored:
            return False
        head = newest.message.heads.get(self.context.me)
        return head is not None and head[:2] >= event[1:]
