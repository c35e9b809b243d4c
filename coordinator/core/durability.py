"""What the disk is given and what it says: our events are durable, or it took nothing and what we wrote must be taken back.

A claim whose event is not durable never happens; a fact is written again when the disk is back.
"""

import functools
from collections.abc import Mapping

from coordinator.alarms.names import AlarmName
from coordinator.core.claims import Claims
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Alarm, Exit, Guard, Push, Ready, SayLastWord, ShowHeads
from coordinator.core.forwarding import Passing
from coordinator.core.inputs import Durable, NotDurable
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.state.model import ServicePhase
from coordinator.state.reducer import reduce
from protocol.commands import Command
from protocol.event import Entry, Event, Ref
from protocol.events import Body, Commanded, Malformed, Pulse, body_of
from protocol.invariant import InvariantBroken, must
from protocol.kinds import Kind

DROPPED = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.COMMAND, Kind.HOLD, Kind.UNHOLD, Kind.MOVE_BEGUN, Kind.MOVE_ENDED, Kind.FENCED,
        Kind.RECOVER, Kind.FAIL, Kind.JUDGED, Kind.PULSE, Kind.READMITTED, Kind.VOTE,
        Kind.FENCE_REQUESTED,
    }
)  # fmt: skip
"""Events of these kinds never happened where the disk refused them; all others are facts, and are written again later."""

URGENT = frozenset({Kind.CLAIM, Kind.RECLAIM, Kind.MOVE_BEGUN, Kind.LAST_WORD, Kind.VOTE, Kind.FENCE_RESULT})
"""Pushed as datagrams too: a stream may be stalled by a lost segment just when it matters. A `down` has its last word."""


SHOW_HEADS_MS = 60_000
"""How often every head is told to every peer, whatever was lost on the way before."""


class Durability:
    def __init__(
        self, context: Context, passing: Passing, services: Services, claims: Claims, witnessing: ObservationEvents
    ) -> None:
        self.context, self.passing = context, passing
        self.services, self.claims, self.witnessing = services, claims, witnessing
        self._durable_state = self._flying_state = context.state
        """The fold of what is on the disk, and of that with what is on its way there."""
        self.ready = False
        """The first events of this run are on the disk."""
        self._older_grown = False
        """Something of a replaced incarnation has come onto our disk, and the peers have not been told."""
        self._shown_ms = context.now_ms
        """When all heads were told last."""

    def flush(self) -> None:
        """Hands the disk what waits for it, where it may be asked."""
        context = self.context
        if context.joined and context.writer.idle_though_refused(context.now_ms):
            context.write("", Pulse(gaps={}), ())
        append = context.writer.flush(context.now_ms)
        if append:
            self._flying_state = context.state
            context.emit_before(Guard, append)  # the disk works while the guard is being told

    def show_heads(self) -> None:
        """Now and then all of them, also of replaced incarnations, which no heartbeat names."""
        if self._older_grown or self.context.now_ms - self._shown_ms >= SHOW_HEADS_MS:
            self._older_grown, self._shown_ms = False, self.context.now_ms
            self.context.emit(ShowHeads())

    def durable(self, given: Durable) -> News:
        """What has become durable is told, and what waited for it goes on."""
        context = self.context
        self._durable_state = self._flying_state
        grown = any(context.feeds.is_replaced(entry.head) for entry in context.writer.in_flight)
        self._older_grown = self._older_grown or grown
        own = context.writer.stored(given.ticket)
        asks = set()
        for entry in own:
            if self._stored(entry, given.took_us) or entry.event.kind == Kind.MOVE_BEGUN:
                asks.add(entry.event.service)
        if own:
            first, last = own[0].event, own[-1].event
            must(last.number - first.number == len(own) - 1, f"our events {first.number} to {last.number} have a hole")
            urgent = any(entry.event.kind in URGENT for entry in own)
            context.emit(Push(first.number, last.number, first.incarnation, urgent))
        if own and own[-1].event.kind == Kind.NODE_STOPPED:
            context.emit(Exit())
        if not self.ready and any(entry.event.kind == Kind.NODE_STARTED for entry in own):
            self.ready = True
            context.emit(Ready())
        return News(frozenset(asks))

    def _stored(self, entry: Entry, took_us: int) -> bool:
        """True where a claim has all that it needs now."""
        if self.passing.awaits(entry.ref):
            denied = dict(self.context.column.refused).get(entry.ref)
            text = denied or f"stands in the log as {entry.ref}"
            self.passing.written(entry.ref, denied is None, text, denied is None)
        job = self.services.jobs.get(entry.event.service)
        if job and job.holding.armed_by == entry.ref and entry.event.kind in (Kind.CLAIM, Kind.RECLAIM):
            return self.claims.confirmed(job, "durable", took_us)
        return False

    def not_durable(self, given: NotDurable) -> News:
        """The disk took nothing: what had not begun never happens, facts are written again when the disk is back."""
        context = self.context
        lost = context.writer.refused(given.ticket, context.now_ms)
        if lost:
            context.rewind(functools.reduce(reduce, (entry.event for entry in context.writer.waiting), self._durable_state))
        text = f"the log cannot be written ({given.why}): this node claims nothing until it can"
        context.emit(Alarm(AlarmName.DISK, text, node=context.me, until_written=True))
        renamed: dict[Ref, Ref] = {}
        undone: set[str] = set()
        for entry in lost:
            event = entry.event
            fact = event.kind not in DROPPED or _obeyed(event)
            if not fact or event.service in undone:
                self._undo(entry, undone)
                continue
            causes = _kept(event.causes, lost, renamed)
            renamed[entry.ref] = context.write(event.service, _body_of_ours(event), causes).ref
            self.passing.written(entry.ref, True, "obeyed; it will stand in the log when the disk takes it")
            job = self.services.jobs.get(event.service)
            if event.kind == Kind.DOWN and job and job.holding.durable_epoch and not job.tells_why_first:
                context.emit(SayLastWord(context.last_word(event.service, job.holding.durable_epoch)))
        if context.over:
            context.emit(Exit())  # the end is not a clean one: the next start will ask the peers
        for job in self.services.jobs.values():
            job.rename(lambda refs: _kept(refs, lost, renamed))
        self.witnessing.rename(lambda refs: _kept(refs, lost, renamed))
        return NOTHING_ELSE

    def _undo(self, entry: Entry, undone: set[str]) -> None:
        context = self.context
        job = self.services.jobs.get(entry.event.service)
        if entry.event.kind == Kind.CLAIM and job:
            undone.add(entry.event.service)
            if job.phase is Phase.ARMED and job.holding.armed_by == entry.ref:
                job.abandon()
        elif entry.event.kind == Kind.RECLAIM and job and job.phase is Phase.RECALLED and job.holding.armed_by == entry.ref:
            job.unrecall(again=context.column.service(entry.event.service).state is ServicePhase.RECLAIM)
        self.passing.written(
            entry.ref, False, f"{context.me}'s disk refuses to write, and a command must stand in the log: make space there"
        )


def _body_of_ours(event: Event) -> Body:
    body = body_of(event)
    if body is None or isinstance(body, Malformed):
        raise InvariantBroken(f"our own {event.kind} has no body: {body}")
    return body


def _obeyed(event: Event) -> bool:
    """An operator's `fail` for this node: to release needs no log, so it is done already, and must not be forgotten.
    Nor must the word by which a configuration was applied that is in force already."""
    body = body_of(event)
    if not isinstance(body, Commanded):
        return False
    command = Command.decode(body.command)
    return command.word == "apply" or (command.word == "fail" and not command.is_word_of_an_end)


def _kept(causes: tuple[Ref, ...], lost: tuple[Entry, ...], renamed: Mapping[Ref, Ref]) -> tuple[Ref, ...]:
    """The causes by their new names; an event that never happened is no cause, and its number is another event's now."""
    gone = {entry.ref for entry in lost}
    return tuple(renamed.get(cause, cause) for cause in causes if cause in renamed or cause not in gone)
