"""The beginning and the end of a run: which feed is ours, the first events, and the last.

A run begins by asking (`feed_recovery`), writes `node-started`, and ends with `node-stopped`, behind which nothing may stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.alarms.names import AlarmName
from coordinator.core import local_health, long_events, removal
from coordinator.core.effects import Alarm, Exit
from coordinator.core.feed_recovery import WAIT_MS, FeedRecovery
from coordinator.core.inputs import Booted, StopAsked
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.state.configurations import number_at_start
from coordinator.state.incarnation import carried, in_pieces
from coordinator.state.model import Judgement
from protocol.event import Head, Ref
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

RULES = 2
"""The version of the decide table, written into node-started: an auditor judges history by the rules of its time."""


def booted(core: Core, given: Booted) -> None:
    core.clean, core.cuts = given.clean, given.cuts
    _ask(core)


def _ask(core: Core, *, older: bool = False) -> None:
    patience_ms = core.policy.timing.dead_ms + WAIT_MS
    others = frozenset(core.policy.others(core.me))
    glance_ms = core.policy.timing.indoubt_ms
    core.joining = FeedRecovery(core.me, core.feeds, core.now_ms, patience_ms, others, core.clean, glance_ms, older=older)


def join(core: Core) -> None:
    """Write node-started as soon as we know which feed is ours."""
    if core.joining is None:
        return
    verdict = core.joining.verdict(core.now_ms)
    if verdict == "wait":
        return
    ours = core.feeds.newest.get(core.me)
    incarnation = ours.incarnation if ours and verdict == "continue" else core.joining.next_incarnation(core.now.wall_ms)
    core.joining, core.joined = None, True
    told = {head.feed: head for head in core.column.seen.values()} if verdict == "continue" else {}
    core.writer.open(incarnation, told)
    core.witnessing.restart(core.now_ms)
    _first_events(core, ours, incarnation)


def outdo(core: Core) -> None:
    """A newer incarnation of our own feed is proved: no peer goes by what we write. What we hold is given up first."""
    if not core.outdone:
        core.outdone = core.dirty = True
        why = "it was started without its newest log, and with a clock that is behind"
        text = f"{core.me} gives up what it holds and begins its feed anew: {why}"
        core.emit(Alarm(AlarmName.FEED_ANEW, text, node=core.me))


def begin_anew(core: Core) -> None:
    """Nothing is held by the incarnation that was outdone, and all of it is on the disk: as at a start from here on."""
    if not core.outdone or not core.joined or core.stopping or core.raised:
        return
    if not core.writer.close():
        return
    core.aside, core.outdone, core.joined, core.clean = core.column, False, False, False
    core.wanted_ms.clear()
    _ask(core, older=True)  # also where all that the others have of it comes before they say so: it is not to be continued


def _first_events(core: Core, ours: Head | None, incarnation: int) -> None:
    before = core.column
    if ours and ours.incarnation != incarnation:
        for piece in in_pieces(carried(ours, before, core.aside)):
            core.write(Kind.GAP_DECLARED, "", piece, ())
        core.aside = None
    last = [ours.incarnation, ours.number] if ours else None
    body = {"run": core.run, "rules": RULES, "config": core.policy.digest, "clean": core.clean, "after": last}
    core.write(Kind.NODE_STARTED, "", body, ())
    if core.column.config != core.policy.digest:
        long_events.write_configuration(core, core.policy, number_at_start(core.state, core.policy.digest), ())
    removal.outlives(core, before)
    removal.write(core)
    _tell_cuts(core)
    for interface, up in sorted(core.carrier.items()):
        if not up:
            local_health.carrier_lost(core, interface)


def _tell_cuts(core: Core) -> None:
    """What was cut out of our log is soon here again, and nothing but this event tells that it was not."""
    cuts, core.cuts = core.cuts, ()
    if not cuts:
        return
    core.write(Kind.TAIL_CUT, "", {"cuts": [list(cut) for cut in cuts]}, ())
    feeds = ", ".join(f"{node} {incarnation}/{first} to {last}" for node, incarnation, first, last in cuts)
    core.emit(Alarm(AlarmName.TAIL_CUT, f"the log of {core.me} lacked events that it had held: {feeds}", node=core.me))


def stop_asked(core: Core, given: StopAsked) -> None:
    if core.stopping:
        return
    core.stopping = True
    if not core.joined:
        core.emit(Exit())
        return
    core.write(Kind.NODE_STOPPING, "", {}, ())


def finish_stopping(core: Core) -> None:
    """Everything is down: say so as the last event. A stuck service keeps the guard, and the end is not clean."""
    if not core.stopping or not core.joined or not core.column.running:
        return
    if any(core.jobs[name].phase is not Phase.STUCK for name in core.raised):
        return
    stuck = [core.jobs[name] for name in sorted(core.raised)]
    if not stuck and not core.disk_refuses:
        core.write(Kind.NODE_STOPPED, "", {}, ())
    elif all(_told(core, job) for job in stuck):
        core.emit(Exit(tuple(sorted(job.policy.name for job in stuck))))


def _told(core: Core, job: Job) -> bool:
    """That it is stuck stands on our disk and is known to each peer that hears us: else those would judge us dead in a moment,
    and take over beside what is still up. Until then our heartbeats alone hold them back."""
    hearing = [name for name in core.liveness.peers if _hears(core, name)]
    hearing = [name for name in hearing if name in job.policy.nodes or core.now_ms < job.stuck_ms + core.policy.timing.dead_ms]
    stands = core.writer.has_written(job.causes[-1])
    if not hearing:
        return stands or core.disk_refuses or core.writer.hangs_ms(core.now_ms) >= core.policy.timing.dead_ms
    return stands and all(_knows(core, name, job.causes[-1]) for name in hearing)


def _hears(core: Core, name: str) -> bool:
    return core.liveness.judgement(name, core.now_ms) is not Judgement.DEAD and core.liveness.is_heard_by(name)


def _knows(core: Core, name: str, event: Ref) -> bool:
    """Whether a peer's newest heartbeat says that it has this event of ours."""
    newest = core.liveness.peers[name].newest
    head = newest.message.heads.get(core.me) if newest else None
    return head is not None and head[:2] >= event[1:]
