"""What the disk says: our events are durable, or it took nothing and what we wrote must be taken back.

A claim whose event is not durable never happens; a fact is written again when the disk is back.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from coordinator.alarms.names import AlarmName
from coordinator.core import reconcile
from coordinator.core.effects import Alarm, Exit, Push, Ready, SayLastWord
from coordinator.core.inputs import Durable, NotDurable
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.state.model import ServicePhase
from coordinator.state.reducer import reduce
from protocol.commands import Command
from protocol.event import Entry, Event, Ref
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

DROPPED = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.COMMAND, Kind.HOLD, Kind.UNHOLD, Kind.MOVE_BEGUN, Kind.MOVE_ENDED, Kind.FENCED,
        Kind.RECOVER, Kind.FAIL, Kind.JUDGED, Kind.PULSE, Kind.READMITTED,
    }
)  # fmt: skip
"""Events of these kinds never happened where the disk refused them; all others are facts, and are written again later."""

URGENT = frozenset({Kind.CLAIM, Kind.RECLAIM, Kind.MOVE_BEGUN, Kind.LAST_WORD})
"""Pushed as datagrams too: a stream may be stalled by a lost segment just when it matters. A `down` has its last word."""


def durable(core: Core, given: Durable) -> None:
    core.durable_state = core.flying_state
    core.older_grown = core.older_grown or any(core.feeds.is_replaced(entry.head) for entry in core.writer.flying)
    own = core.writer.stored(given.ticket)
    for entry in own:
        _stored(core, entry, given.took_us)
    if own:
        first, last = own[0].event, own[-1].event
        urgent = any(entry.event.kind in URGENT for entry in own)
        core.changed.update(entry.event.service for entry in own if entry.event.kind == Kind.MOVE_BEGUN)
        core.emit(Push(first.number, last.number, first.incarnation, urgent))
    if own and own[-1].event.kind == Kind.NODE_STOPPED:
        core.emit(Exit())
    if not core.ready and any(entry.event.kind == Kind.NODE_STARTED for entry in own):
        core.ready = True
        core.emit(Ready())


def _stored(core: Core, entry: Entry, took_us: int) -> None:
    asker = core.answers.pop(entry.ref, None)
    if asker is not None:
        denied = dict(core.column.refused).get(entry.ref)
        text = denied or f"stands in the log as {entry.ref}"
        core.passing.tell(asker, denied is None, text, denied is None)
    job = core.jobs.get(entry.event.service)
    if job and job.armed_by == entry.ref and entry.event.kind in (Kind.CLAIM, Kind.RECLAIM):
        job.times_us["durable"] = took_us
        confirmed(core, job, "durable")


def confirmed(core: Core, job: Job, what: str) -> bool:
    """A claim or reclaim is durable, or guarded. True where it has all that it needs now."""
    if not job.confirmed(what):
        return False
    if job.phase is Phase.ARMED:
        reconcile.launch(core, job)  # it asks the table itself: the table is not asked again before the first action runs
    core.changed.add(job.policy.name)
    return True


def not_durable(core: Core, given: NotDurable) -> None:
    """The disk took nothing: what had not begun never happens, facts are written again when the disk is back."""
    lost = core.writer.refused(given.ticket, core.now_ms)
    if lost:
        core.state = functools.reduce(reduce, (entry.event for entry in core.writer.waiting), core.durable_state)
    text = f"the log cannot be written ({given.why}): this node claims nothing until it can"
    core.emit(Alarm(AlarmName.DISK, text, node=core.me, until_written=True))
    renamed: dict[Ref, Ref] = {}
    undone: set[str] = set()
    for entry in lost:
        event = entry.event
        fact = event.kind not in DROPPED or _obeyed(core, event)
        if not fact or event.service in undone:
            _undo(core, entry, undone)
            continue
        causes = _kept(event.causes, lost, renamed)
        renamed[entry.ref] = core.write(Kind(event.kind), event.service, event.body, causes).ref
        _answer(core, entry.ref, True, "obeyed; it will stand in the log when the disk takes it")
        job = core.jobs.get(event.service)
        if event.kind == Kind.DOWN and job and job.stood:
            core.emit(SayLastWord(core.last_word(event.service, job.stood)))
    if core.over:
        core.emit(Exit())  # the end is not a clean one: the next start will ask the peers
    for job in core.jobs.values():
        kept = (job.armed_by,) if job.armed_by else ()
        job.armed_by = next(iter(_kept(kept, lost, renamed)), None)
        job.causes = _kept(job.causes, lost, renamed)
    links = core.witnessing.link_ref
    core.witnessing.link_ref = {key: kept for key, ref in links.items() for kept in _kept((ref,), lost, renamed)}


def _undo(core: Core, entry: Entry, undone: set[str]) -> None:
    job = core.jobs.get(entry.event.service)
    if entry.event.kind == Kind.CLAIM and job:
        undone.add(entry.event.service)
        if job.phase is Phase.ARMED and job.armed_by == entry.ref:
            job.abandon()
    elif entry.event.kind == Kind.RECLAIM and job and job.phase is Phase.RECALLED and job.armed_by == entry.ref:
        job.unrecall(again=core.column.service(entry.event.service).state is ServicePhase.RECLAIM)
    _answer(core, entry.ref, False, f"{core.me}'s disk refuses to write, and a command must stand in the log: make space there")


def _answer(core: Core, ref: Ref, admitted: bool, text: str) -> None:
    """Answers the asker that waits for this event, if one does."""
    asker = core.answers.pop(ref, None)
    if asker is not None:
        core.passing.tell(asker, admitted, text)


def _obeyed(core: Core, event: Event) -> bool:
    """An operator's `fail` for this node: to release needs no log, so it is done already, and must not be forgotten.
    Nor must the word by which a configuration was applied that is in force already."""
    if event.kind != Kind.COMMAND:
        return False
    command = Command.decode(event.body["command"])
    return command.word == "apply" or (command.word == "fail" and not command.is_word_of_an_end)


def _kept(causes: tuple[Ref, ...], lost: tuple[Entry, ...], renamed: Mapping[Ref, Ref]) -> tuple[Ref, ...]:
    """The causes by their new names; an event that never happened is no cause, and its number is another event's now."""
    gone = {entry.ref for entry in lost}
    return tuple(renamed.get(cause, cause) for cause in causes if cause in renamed or cause not in gone)
