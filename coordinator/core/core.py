"""The core of one node: inputs in, effects out, and one time at which it wants to be woken.

    core = Core(me, policy, run, entries, now)
    effects = core.handle(Booted(clean=True), now)
    ...
    effects = core.handle(Woke(), now)              # at the latest when now.mono_ms reaches core.wake_at_ms

Life of an input: measure our own lateness, take it in, decide on every service, beat if it is time, hand the disk
what was written. Everything here is deterministic: the same inputs give the same effects.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from coordinator.core import commands, ownership, review
from coordinator.core.checks import Counts
from coordinator.core.decide import Case
from coordinator.core.effects import (
    Alarm,
    Answer,
    Beat,
    Effect,
    Exit,
    Push,
    Ready,
    Relay,
    SayLastWord,
    ShowFork,
    Want,
)
from coordinator.core.feeds import Admitted, Feeds, Missing
from coordinator.core.given import Given
from coordinator.core.inputs import (
    ActionFinished,
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
    StopAsked,
    Woke,
)
from coordinator.core.jobs import Job, Phase
from coordinator.core.joining import WAIT_MS, Joining
from coordinator.core.judgement import Liveness
from coordinator.core.model import Column, Judgement, State
from coordinator.core.pen import Pen
from coordinator.core.reducer import reduce
from coordinator.core.waits import Waits
from coordinator.core.witnessing import Witnessing
from coordinator.policy import Policy
from protocol.event import Entry, Head, Ref
from protocol.kinds import Kind
from protocol.messages import Heartbeat, LastWord, ShortHead

RULES = 1
"""The version of the decide table, written into node-started: an auditor judges history by the rules of its time."""

CARRIER_HOLD_DEADS = 2
"""A carrier counts as back when it stood for so many times `dead`: a cable that is being plugged in bounces."""

NEVER_MS = 1 << 62

URGENT = frozenset({Kind.CLAIM, Kind.RECLAIM, Kind.DOWN, Kind.MOVE_BEGUN, Kind.LAST_WORD})
"""Pushed as datagrams too: a stream may be stalled by a lost segment just when it matters."""

DROPPED = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.COMMAND, Kind.HOLD, Kind.UNHOLD, Kind.MOVE_BEGUN, Kind.MOVE_ENDED, Kind.FENCED,
        Kind.RECOVER, Kind.FAIL, Kind.JUDGED, Kind.PULSE, Kind.READMITTED,
    }
)  # fmt: skip
"""What the disk refused of these never happened; everything else is a fact and is written again when the disk is back."""


UNDECIDING = frozenset({Kind.ACTION_STARTED, Kind.LINK_UP, Kind.LINK_DOWN, Kind.PULSE})
"""No row of the decide table can say anything else because of these."""


class Core:
    def __init__(self, me: str, policy: Policy, run: bytes, entries: Iterable[Entry], now: Now):
        """`entries`: every event on the disk, in order inside each feed. `run`: 8 random bytes of this life of faild."""
        assert len(run) == 8, "a run has 8 bytes"
        self.me, self.policy, self.run, self.now = me, policy, run, now
        self.state, self.feeds = State(), Feeds()
        for entry in entries:
            self.feeds.add(entry)
            self.state = reduce(self.state, entry.event)
        self.pen = Pen(policy.cluster_id, me, self.feeds)
        self.liveness = Liveness(me, run, policy, now.mono_ms)
        self.witnessing = Witnessing(self, self.liveness)
        self.joining: Joining | None = None
        self.joined = False
        self.ready = False
        self.clean = False
        self.stopping = False
        self.guard_alive = False
        self.stalled_until_ms = 0
        self.jobs: dict[str, Job] = {}
        self.waits: dict[str, Waits] = {}
        self.counts: dict[str, Counts] = {}
        self._adopt(policy)
        self.answers: dict[Ref, int] = {}
        self.sentences: dict[str, str] = {}
        """Service to the sentence of its last decision."""
        self.wanted_ms: dict[tuple[str, int], int] = {}
        self.behind: set[tuple[str, int]] = set()
        self.carrier: dict[str, bool] = {}
        self.carrier_up_ms: dict[str, int] = {}
        self.pen.durable = self.feeds.newest.get(me)
        self.durable_column: Column = self.state.column(me)
        """Our column as of our own last durable event, or as we found it where nothing that we wrote is durable yet."""
        self.flying_column: Column = self.durable_column
        self.counter = 0
        self.told_fit = False
        self.beat_ms = now.mono_ms
        self.wake_at_ms = now.mono_ms
        self.review_ms = NEVER_MS
        """When the first timer of a decision is over, as the last review saw it: most heartbeats change nothing about it."""
        self.dirty = False
        self.tickets = 0
        self.out: list[Effect] = []

    def _adopt(self, policy: Policy) -> None:
        mine = {name: service for name, service in policy.services.items() if self.me in service.nodes}
        for name, service in mine.items():
            job = self.jobs.setdefault(name, Job(self, service))
            if job.phase is Phase.IDLE:
                job.policy = service
            self.waits.setdefault(name, Waits())
            self.counts[name] = Counts(service)

    # --- the one method ------------------------------------------------------------------------------------------

    def handle(self, given: Input, now: Now) -> list[Effect]:
        """Take one input in; the effects are to be performed in order. `now` never runs backwards."""
        assert now.mono_ms >= self.now.mono_ms, "the monotonic clock ran backwards"
        self.out = []
        self._lateness(now)
        self.now = now
        if self.over and not isinstance(given, Durable | NotDurable | CommandArrived):
            self.wake_at_ms = now.mono_ms + self.policy.timing.heartbeat_ms
            return []  # node-stopped is written: nothing may stand behind it
        INPUTS[type(given)](self, given)
        self._join()
        if not self.over:
            self._review()
        if not self.over:
            self._beat_in_time()
        self._flush()
        self.wake_at_ms = self._wake_at_ms()
        return self.out

    def _review(self) -> None:
        if self.joined and (self.dirty or self.now_ms >= min(self.beat_ms, self.review_ms)):
            self.dirty = False
            review.services(self)
            self.review_ms = min(review.wakes_ms(self), default=NEVER_MS)
        self._finish_stopping()

    def _beat_in_time(self) -> None:
        if self.now_ms >= self.beat_ms:
            self._tick()
        elif self.told_fit is not self._tells_fit():
            self.beat()  # others wait for us, or must not wait for us

    def _lateness(self, now: Now) -> None:
        """A node that did not run has no opinion: it extends its judgements, and looks before it claims."""
        late_ms = now.mono_ms - self.wake_at_ms
        timing = self.policy.timing
        self.witnessing.late_ms_max = max(self.witnessing.late_ms_max, late_ms)
        if late_ms < timing.heartbeat_ms // 2:
            return
        self.liveness.forgive(late_ms)
        self.dirty = True
        if late_ms >= timing.indoubt_ms:
            self.stalled_until_ms = now.mono_ms + timing.indoubt_ms
            self.now = now
            self.note(Kind.NODE_PAUSED, {"late_ms": late_ms})

    def _tick(self) -> None:
        self.beat_ms += self.policy.timing.heartbeat_ms
        if self.beat_ms <= self.now_ms:
            self.beat_ms = self.now_ms + self.policy.timing.heartbeat_ms
        if self.joined:
            self.witnessing.links()
            self.witnessing.judgements(must=False)
            self.witnessing.pulse()
            self._carriers()
        self.beat()

    def beat(self) -> None:
        """One heartbeat now, on every link."""
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
                    refused=tuple(sorted(self.column.forked)),
                )
            )
        )

    def _tells_fit(self) -> bool:
        return self.fit and not self.stopping

    def _heads(self) -> dict[str, ShortHead]:
        """What we know of every feed; of our own only what is durable."""
        heads = self.feeds.short()
        heads.pop(self.me, None)
        durable = self.pen.durable or (None if self.joined else self.feeds.newest.get(self.me))
        if durable:
            heads[self.me] = ShortHead(durable.incarnation, durable.number, durable.id[:8])
        return heads

    def _flush(self) -> None:
        if self.joined and self.pen.idle_though_refused(self.now_ms):
            self.write(Kind.PULSE, "", {"gaps": {}, "late_ms_max": 0}, ())
        append = self.pen.flush(self.now_ms)
        if append:
            self.flying_column = self.column
            self.out.append(append)

    def _wake_at_ms(self) -> int:
        if self.over:
            return self.now_ms + self.policy.timing.heartbeat_ms
        wakes = [self.beat_ms]
        for name in self.liveness.peers:
            wakes += self.liveness.turns_ms(name)
        if self.joining:
            wakes += self.joining.wakes_ms()
        flush_ms = self.pen.wake_at_ms()
        wakes += [] if flush_ms is None else [flush_ms]
        wakes += [job.wake_at_ms for job in self.jobs.values() if job.wake_at_ms is not None]
        if self.joined:
            wakes.append(self.review_ms)
        return min(ms for ms in wakes if ms > self.now_ms)

    # --- the desk: what jobs, commands and the review write on ---------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.now.mono_ms

    @property
    def over(self) -> bool:
        """This run has said its last event."""
        return self.joined and not self.column.running

    @property
    def column(self) -> Column:
        return self.state.column(self.me)

    def write(self, kind: Kind, service: str, body: Mapping[str, Any], causes: tuple[Ref, ...]) -> Entry:
        entry = self.pen.write(kind, service, body, causes, self.now)
        self.state = reduce(self.state, entry.event)
        self.dirty = self.dirty or kind not in UNDECIDING
        return entry

    def note(self, kind: Kind, body: Mapping[str, Any], causes: tuple[Ref, ...] = ()) -> Entry | None:
        """An observation, which the log can do without while the disk refuses or we do not know our feed."""
        if not self.joined or self.disk_refuses or self.over:
            return None
        return self.write(kind, "", body, causes)

    def emit(self, effect: Effect) -> None:
        self.out.append(effect)

    def ticket(self) -> int:
        self.tickets += 1
        return self.tickets

    def last_word(self, service: str, epoch: int) -> LastWord:
        return LastWord(self.policy.cluster_id, self.me, self.run, service, epoch)

    def say_down(self, word: LastWord) -> None:
        """An end of holding that the disk may not take in time is said as a last word at once."""
        if self.disk_refuses or self.pen.hangs_ms(self.now_ms) >= self.policy.timing.heartbeat_ms:
            self.emit(SayLastWord(word))

    @property
    def disk_refuses(self) -> bool:
        return self.pen.refused_ms is not None

    @property
    def unfit_because(self) -> str:
        """Why this node takes nothing now; empty where it is fit."""
        if not self.joined:
            return "it is still reading its own feed"
        if self.disk_refuses:
            return "its disk refuses to write"
        if self.pen.hangs_ms(self.now_ms) >= self.policy.timing.dead_ms:
            return "its disk hangs"
        if not self.guard_alive:
            return "it has no living guard"
        if self.now_ms < self.stalled_until_ms:
            return "it did not run for a while, and looks first"
        unheard = self._unheard()
        return f"it has not heard {unheard} since its start" if unheard else ""

    def _unheard(self) -> str:
        """A candidate beside us that was not heard in this run, and may hold something: we would wait, and say so."""
        beside = {node for job in self.jobs.values() for node in job.policy.nodes}
        for name, peer in self.liveness.peers.items():
            if name in beside and peer.heard_ms is None and self.liveness.judgement(name, self.now_ms) is Judgement.INDOUBT:
                return name
        return ""

    @property
    def fit(self) -> bool:
        return not self.unfit_because

    def given(self) -> Given:
        return review.given(self)

    def case(self, service: str) -> Case:
        return review.case(self, service, self.given())

    # --- starting and stopping -----------------------------------------------------------------------------------

    def _booted(self, given: Booted) -> None:
        self.clean = given.clean
        patience_ms = self.policy.timing.dead_ms + WAIT_MS
        others = frozenset(self.policy.others(self.me))
        glance_ms = self.policy.timing.indoubt_ms
        self.joining = Joining(self.me, self.feeds, self.now_ms, patience_ms, others, given.clean, glance_ms)

    def _join(self) -> None:
        """Write node-started as soon as we know which feed is ours."""
        if self.joining is None:
            return
        verdict = self.joining.verdict(self.now_ms)
        if verdict == "wait":
            return
        ours = self.feeds.newest.get(self.me)
        incarnation = ours.incarnation if ours and verdict == "continue" else self.joining.next_incarnation(self.now.wall_ms)
        self.joining, self.joined = None, True
        told = {head.feed: head for head in self.column.seen.values()} if verdict == "continue" else {}
        self.pen.open(incarnation, told)
        self.durable_column = self.column if verdict == "continue" else Column(self.me)
        self.witnessing.restart(self.now_ms)
        self._first_events(ours, incarnation)

    def _first_events(self, ours: Head | None, incarnation: int) -> None:
        before = self.column
        if ours and ours.incarnation != incarnation:
            self.write(Kind.GAP_DECLARED, "", self._carried(ours, before), ())
        last = [ours.incarnation, ours.number] if ours else None
        body = {"run": self.run, "rules": RULES, "config": self.policy.digest, "clean": self.clean, "after": last}
        self.write(Kind.NODE_STARTED, "", body, ())
        if self.column.config != self.policy.digest:
            number = max((column.config_number for column in self.state.columns.values()), default=0)
            known = next((c.config_number for c in self.state.columns.values() if c.config == self.policy.digest), number + 1)
            body = {"number": known, "digest": self.policy.digest, "text": self.policy.text}
            self.write(Kind.CONFIG_APPLIED, "", body, ())
        for interface, up in sorted(self.carrier.items()):
            if not up:
                self._carrier_lost(interface)

    def _carried(self, ours: Head, before: Column) -> dict[str, Any]:
        """What must outlive the incarnation that ends here: epochs, an operator's FAIL, and holds."""
        services = {
            name: {"epoch": service.epoch, "wish": service.wish if service.wish == "fail" else ""}
            for name, service in before.services.items()
        }
        holds = {name: [list(ref) for ref in sorted(refs)] for name, refs in before.holds.items()}
        return {
            "incarnation": ours.incarnation,
            "number": ours.number,
            "id": ours.id,
            "services": services,
            "holds": holds,
        }

    def _stop(self, given: StopAsked) -> None:
        if self.stopping:
            return
        self.stopping = True
        if not self.joined:
            self.emit(Exit())
            return
        self.write(Kind.NODE_STOPPING, "", {}, ())

    def _finish_stopping(self) -> None:
        """Everything is down: say so as the last event. A stuck service keeps the guard, and the end is not clean."""
        if not self.stopping or not self.joined or not self.column.running:
            return
        if all(job.phase in (Phase.IDLE, Phase.STUCK) for job in self.jobs.values()):
            stuck = any(job.phase is Phase.STUCK for job in self.jobs.values())
            if stuck or self.disk_refuses:
                self.emit(Exit())
            else:
                self.write(Kind.NODE_STOPPED, "", {}, ())

    # --- what comes from the peers -------------------------------------------------------------------------------

    def _heartbeat(self, given: HeartbeatHeard) -> None:
        heartbeat = given.heartbeat.message
        if heartbeat.node not in self.liveness.peers:
            return
        before = self.liveness.peers[heartbeat.node].newest
        judged = self.liveness.judgement(heartbeat.node, self.now_ms)
        if not self.liveness.heard(given.heartbeat, given.link, given.datagram, self.now_ms):
            return
        for name in self.liveness.misses(heartbeat, self.now_ms):
            newest = self.liveness.peers[name].newest
            assert newest is not None, "only nodes that were heard are missed"
            self.emit(Relay(heartbeat.node, newest.raw, newest.signature))
        self._catch_up(heartbeat, back=judged is not Judgement.ALIVE)
        old = before.message if before else None
        if old is None or old.run != heartbeat.run or judged is not Judgement.ALIVE:
            self.beat()  # whoever has just come (back) hears us at once, and need not wait for our next turn
        self.dirty = self.dirty or judged is not Judgement.ALIVE or old is None or _differs(old, heartbeat)

    def _catch_up(self, heartbeat: Heartbeat, *, back: bool) -> None:
        echo = heartbeat.heard.get(self.me)
        if self.joining and echo is not None and echo.run == self.run:  # said after our start, not relayed from before
            first = self.joining.answered(heartbeat.node, heartbeat.heads.get(self.me))
            if first is not None:
                self._want(heartbeat.node, (self.me, heartbeat.heads[self.me].incarnation), first)
        for node, head in heartbeat.heads.items():
            first = None if node == self.me else self.feeds.behind(node, head)
            feed = (node, head.incarnation)
            if first is None:
                self.behind.discard(feed)
            elif back or feed in self.behind:
                self._want(heartbeat.node, feed, first)
            else:
                self.behind.add(feed)  # its push is likely on the way: asked for at the next heartbeat

    def _want(self, peer: str, feed: tuple[str, int], first: int) -> None:
        asked_ms = self.wanted_ms.get(feed)
        if asked_ms is None or self.now_ms - asked_ms >= self.policy.timing.heartbeat_ms:
            self.wanted_ms[feed] = self.now_ms
            self.emit(Want(peer, feed[0], feed[1], first))

    def _heads_arrived(self, given: HeadsArrived) -> None:
        for head in given.heads:
            number = self.feeds.number(head.feed)
            if head.number > number and self._fetches(head.feed):
                self.wanted_ms.pop(head.feed, None)  # what was asked before this connection stood may be lost
                self._want(given.peer, head.feed, number + 1)

    def _fetches(self, feed: tuple[str, int]) -> bool:
        """Our own feed is read from others only before we write; what an older incarnation lost, at any time."""
        return feed[0] != self.me or self.joining is not None or (self.joined and feed[1] < self.pen.incarnation)

    def _batch(self, given: BatchArrived) -> None:
        feed = given.batch.head.feed
        if feed[0] not in self.policy.nodes or not self._fetches(feed):
            return
        judged = self.feeds.admit(given.batch)
        if isinstance(judged, Missing):
            self._want(given.source, feed, judged.first)
        elif isinstance(judged, Admitted):
            self._take_in(judged.entries)
            self.wanted_ms.pop(feed, None)
        else:
            self.emit(ShowFork(judged.entry))

    def _take_in(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            self.feeds.add(entry)
            self.state = reduce(self.state, entry.event)
        self.pen.keep(entries, self.now_ms)
        self.dirty = self.dirty or bool(entries)

    def _last_word(self, given: LastWordHeard) -> None:
        """A guard says that its node's actions are down: recorded here, and it counts as that claim's end."""
        word = given.word.message
        column = self.state.column(word.node)
        known = ownership.ended(self.state, word.service, word.node)
        if not self.joined or word.node == self.me or word.service not in self.policy.services:
            return
        if known and known[0] >= word.epoch:
            return
        if column.run != word.run or column.service(word.service).epoch > word.epoch:
            return
        body = {"word": given.word.raw, "signature": given.word.signature, "node": word.node, "epoch": word.epoch}
        claim = column.service(word.service).claim
        self.write(Kind.LAST_WORD, word.service, body, (claim,) if claim else ())

    def _fork(self, given: ForkShown) -> None:
        event = given.theirs.event
        if event.node in self.column.forked or not self.joined:
            return
        body = {
            "node": event.node,
            "incarnation": event.incarnation,
            "number": event.number,
            "ours": [given.ours.raw, given.ours.signature or b""],
            "theirs": [given.theirs.raw, given.theirs.signature or b""],
        }
        self.write(Kind.FORK_SEEN, "", body, ())
        self.emit(Alarm(f"{event.node} has written two different events {event.ref}: it is refused until it is readmitted"))

    def _link_changed(self, given: LinkChanged) -> None:
        """Connections come and go; what counts is what is heard on them."""

    # --- what comes back from our own effects --------------------------------------------------------------------

    def _durable(self, given: Durable) -> None:
        own = self.pen.stored(given.ticket)
        if own:
            self.durable_column = self.flying_column
        for entry in own:
            self._stored(entry, given.took_us)
        if own:
            first, last = own[0].event, own[-1].event
            urgent = any(entry.event.kind in URGENT for entry in own)
            self.emit(Push(first.number, last.number, first.incarnation, urgent))
        if own and own[-1].event.kind == Kind.NODE_STOPPED:
            self.emit(Exit())
        if not self.ready and any(entry.event.kind == Kind.NODE_STARTED for entry in own):
            self.ready = True
            self.emit(Ready())

    def _stored(self, entry: Entry, took_us: int) -> None:
        ticket = self.answers.pop(entry.ref, None)
        if ticket is not None:
            denied = dict(self.column.refused).get(entry.ref)
            text = denied or f"stands in the log as {entry.ref.node}/{entry.ref.incarnation}/{entry.ref.number}"
            self.emit(Answer(ticket, denied is None, text, authority=denied is None))
        job = self.jobs.get(entry.event.service)
        if job and job.armed_by == entry.ref:
            job.times_us["durable"] = took_us
            self._confirmed(job, "durable")

    def _confirmed(self, job: Job, what: str) -> None:
        if job.confirmed(what) and job.phase is Phase.ARMED:
            review.launch(self, job)
        self.dirty = True

    def _not_durable(self, given: NotDurable) -> None:
        """The disk took nothing: what had not begun never happens, facts are written again when the disk is back."""
        lost = self.pen.refused(given.ticket, self.now_ms)
        if lost:
            self.state = self.state.with_column(self.durable_column)
        self.emit(Alarm(f"the log cannot be written ({given.why}): this node claims nothing until it can"))
        renamed: dict[Ref, Ref] = {}
        undone: set[str] = set()
        for entry in lost:
            event = entry.event
            if event.kind in DROPPED or event.service in undone:
                self._undo(entry, undone)
                continue
            causes = tuple(renamed.get(cause, cause) for cause in event.causes if cause in renamed or not _lost(cause, lost))
            renamed[entry.ref] = self.write(Kind(event.kind), event.service, event.body, causes).ref
            if event.kind == Kind.DOWN:
                self.emit(SayLastWord(self.last_word(event.service, event.body["epoch"])))
        if self.stopping:
            self.emit(Exit())  # the end is not a clean one: the next start will ask the peers
        for job in self.jobs.values():
            job.armed_by = renamed.get(job.armed_by, job.armed_by) if job.armed_by else None
            job.causes = tuple(renamed.get(cause, cause) for cause in job.causes)

    def _undo(self, entry: Entry, undone: set[str]) -> None:
        job = self.jobs.get(entry.event.service)
        if entry.event.kind == Kind.CLAIM and job:
            undone.add(entry.event.service)
            if job.phase is Phase.ARMED and job.armed_by == entry.ref:
                job.abandon()
        elif entry.event.kind == Kind.RECLAIM and job and job.phase is Phase.RECALLED and job.armed_by == entry.ref:
            job.unrecall()
        ticket = self.answers.pop(entry.ref, None)
        if ticket is not None:
            self.emit(Answer(ticket, False, "the disk refuses: a command must stand in the log"))

    def _guarded(self, given: Guarded) -> None:
        job = self.jobs.get(given.service)
        if job and job.epoch == given.epoch:
            self._confirmed(job, "guard")

    def _guard_changed(self, given: GuardChanged) -> None:
        self.guard_alive = given.alive
        self.dirty = True
        if given.alive:
            for job in self.jobs.values():
                job.resume()

    def _action_finished(self, given: ActionFinished) -> None:
        for job in self.jobs.values():
            if job.running == given.ticket:
                self._finished(job, given)
                return

    def _finished(self, job: Job, given: ActionFinished) -> None:
        """In the middle of a sequence that goes well, nothing can be decided anew: the next action waits for no table."""
        before, dirty = (job.phase, job.lost[:]), self.dirty
        job.finished(given)
        self.dirty = dirty or (job.phase, job.lost) != before

    def _check_finished(self, given: CheckFinished) -> None:
        job, counts = self.jobs.get(given.service), self.counts.get(given.service)
        if job is None or counts is None or job.phase is not Phase.UP:
            return
        turn = counts.count(given.check, given.passed)
        body = {"check": given.check, "text": given.text}
        if turn == "fell" and job.restarts < job.policy.restarts:
            entry = self.write(Kind.CHECK_FAILED, given.service, {**body, "good": False}, ())
            counts.reset()
            job.restart(f"check {given.check} failed: {given.text}; trying again here", (entry.ref,))
        elif turn == "fell":
            self.write(Kind.CHECK_FAILED, given.service, {**body, "good": True}, ())
            counts.reset()
        elif turn == "rose":
            self.write(Kind.CHECK_PASSED, given.service, body, ())
        elif turn == "first":
            self.write(Kind.CHECK_FAILED, given.service, {**body, "good": False}, ())

    def _command(self, given: CommandArrived) -> None:
        commands.admit(self, given.command, given.ticket)
        self.dirty = True

    def _reconfigured(self, given: Reconfigured) -> None:
        self.policy = given.policy
        self.liveness.reconfigure(given.policy)
        self._adopt(given.policy)
        number = max((column.config_number for column in self.state.columns.values()), default=0) + 1
        body = {"number": number, "digest": given.policy.digest, "text": given.policy.text}
        self.note(Kind.CONFIG_APPLIED, body)

    # --- carrier -------------------------------------------------------------------------------------------------

    def _carrier_changed(self, given: CarrierChanged) -> None:
        self.carrier[given.interface] = given.up
        if given.up:
            self.carrier_up_ms[given.interface] = self.now_ms
        elif self.joined:
            self._carrier_lost(given.interface)

    def _carrier_lost(self, interface: str) -> None:
        for name, job in self.jobs.items():
            if interface in job.policy.interfaces and interface not in self.column.service(name).carrier_lost:
                self.write(Kind.CARRIER_LOST, name, {"interface": interface}, ())

    def _carriers(self) -> None:
        """A carrier that came back counts when it has stood for a while: no flapping with the cable."""
        hold_ms = CARRIER_HOLD_DEADS * self.policy.timing.dead_ms
        for name, job in self.jobs.items():
            for interface, lost in self.column.service(name).carrier_lost.items():
                up_ms = self.carrier_up_ms.get(interface, self.now_ms)
                stands = self.carrier.get(interface, False) and self.now_ms - up_ms >= hold_ms
                if stands or interface not in job.policy.interfaces:
                    self.write(Kind.CARRIER_BACK, name, {"interface": interface}, (lost,))

    def _woke(self, given: Woke) -> None:
        self.dirty = True


def _lost(cause: Ref, lost: tuple[Entry, ...]) -> bool:
    return any(entry.ref == cause for entry in lost)


def _differs(old: Heartbeat, new: Heartbeat) -> bool:
    """Whether a heartbeat says anything on which a decision could rest."""
    return (old.run, old.fit, old.config, old.heads, old.refused) != (new.run, new.fit, new.config, new.heads, new.refused)


INPUTS: Mapping[type, Callable[[Core, Any], None]] = {
    Booted: Core._booted,
    Woke: Core._woke,
    HeartbeatHeard: Core._heartbeat,
    BatchArrived: Core._batch,
    HeadsArrived: Core._heads_arrived,
    Durable: Core._durable,
    NotDurable: Core._not_durable,
    Guarded: Core._guarded,
    GuardChanged: Core._guard_changed,
    ActionFinished: Core._action_finished,
    CheckFinished: Core._check_finished,
    CommandArrived: Core._command,
    CarrierChanged: Core._carrier_changed,
    LinkChanged: Core._link_changed,
    LastWordHeard: Core._last_word,
    StopAsked: Core._stop,
    Reconfigured: Core._reconfigured,
    ForkShown: Core._fork,
}
