"""Asking the decide table about every service, and doing what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core import failed_checks, removal, sharing
from coordinator.core.effects import Alarm, AlarmOver, Announce
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.wakes import NEVER_MS
from coordinator.decision.decide import Act, Decision, decide
from coordinator.decision.observations import Observations, PeerObservations
from coordinator.decision.snapshot import Snapshot
from coordinator.state import ownership
from coordinator.state.model import UPISH, Judgement, ServicePhase
from protocol.event import Ref
from protocol.invariant import InvariantBroken, must
from protocol.kinds import Kind
from protocol.moment import lasting

if TYPE_CHECKING:
    from coordinator.core.core import Core

PASSING = frozenset({"not-current", "in-doubt"})
"""Answers that pass by themselves: an event of a peer is on its way, a peer is late. A claim that stands waits for them up to
`dead` and asks again; to give it up at once would make a busy cluster claim, release and claim."""

BEGUN_MS = 3
"""After something was begun, until what follows from it is looked at: by then its claim is stored, or its step has ended."""

BEGUN_MAX = 32
"""Services that are begun in one turn, claims that wait for disk and guard included; the others follow. A thousand at once
would take half a second, their claims as long again when they are durable, and our heartbeats would wait for both."""

ASKED_MAX = 64
"""Services that are asked about in one turn, some 10 ms; the others follow in the next."""

CLAIM_DEADS, CLAIM_MS_MIN = 4, 2_000
"""A claim that the disk has not taken within so many times `dead`, and this time at least, is withdrawn. A slow disk takes half
a second for a commit, and a claim may wait for the commit before it: a service that came back meanwhile would go to and fro.
A node whose disk needs longer should not serve."""

ROUNDS_MAX = 8
"""FAIL -> RECOVER -> claim takes three; a table that never settles is a bug, and is found here."""


def given(core: Core) -> Observations:
    """What the table is told besides the feeds, taken in one step."""
    peers = {name: _peer(core, name) for name in core.liveness.peers}
    refused = ownership.forked(core.state, core.me)  # never by a heartbeat: one key would stop every service with a word
    because = core.unfit_because
    return Observations(peers, not because, because, refused or core.outdone or core.removal is not None)


def _peer(core: Core, name: str) -> PeerObservations:
    newest = core.liveness.peers[name].newest
    judgement = core.liveness.judgement(name, core.now_ms)
    silent_ms = core.liveness.silent_ms(name, core.now_ms)
    if newest is None:
        return PeerObservations(judgement, silent_ms, False, False, False)
    heartbeat = newest.message
    theirs = heartbeat.heads.get(name)
    known = core.feeds.newest.get(name)
    outdone = theirs is not None and known is not None and theirs.incarnation < known.incarnation
    current = theirs is None or (core.feeds.behind(name, theirs) is None and not outdone)
    agrees = heartbeat.config == core.policy.digest[:8]
    same_run = core.state.column(name).run == heartbeat.run
    return PeerObservations(judgement, silent_ms, heartbeat.fit, current, agrees, same_run)


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


def look_round(core: Core) -> Round:
    told = given(core)
    alive = tuple(name for name, peer in told.peers.items() if peer.judgement is Judgement.ALIVE)
    late = any(not told.peers[name].current for name in alive)
    awaited = _claiming(core, alive)
    busy = {timer.replace("awaited:", "busy:") for timers in awaited.values() for timer in timers}
    return Round(told, _hearsay(core, told), alive, late, awaited, frozenset(busy))


def case(core: Core, service: str, seen: Round) -> Snapshot:
    """The question about one service, with its timers."""
    told, waits = seen.told, core.waits.get(service)
    bare = Snapshot(core.state, core.policy, core.me, service, told)
    timers = seen.behind | seen.busy | seen.awaited.get(service, NONE)
    if waits is not None:
        deaf = [name for name in seen.alive if bare.holds(name) and not core.liveness.is_heard_by(name)]
        timers |= waits.over(bare, core.now_ms)
        timers |= waits.deaf_for_long(deaf, core.now_ms, core.policy.timing.dead_ms)
    return bare.with_timers(timers) if timers else bare


def _hearsay(core: Core, told: Observations) -> frozenset[str]:
    """Nodes that we do not hear, and of which a living one has events that we lack: these come in a moment, `dead` at most.
    And those that we hear, and that do not deliver what they name."""
    found = set()
    for name, peer in told.peers.items():
        if peer.judgement is Judgement.ALIVE or not any(_knows_more(core, told, other, name) for other in told.peers):
            core.hearsay_ms.pop(name, None)
        elif core.now_ms - core.hearsay_ms.setdefault(name, core.now_ms) < core.policy.timing.dead_ms:
            found.add(f"behind:{name}")
    return frozenset(found) | _late(core, told)


def _late(core: Core, told: Observations) -> frozenset[str]:
    """Living nodes that have named events for `dead` which are not here: they do not deliver them, or no node has them."""
    for name, peer in told.peers.items():
        if peer.judgement is not Judgement.ALIVE or peer.current:
            if core.late_ms.pop(name, core.now_ms) + core.policy.timing.dead_ms <= core.now_ms:
                core.emit(AlarmOver(AlarmName.PEER_UNFIT, node=name))
        else:
            core.late_ms.setdefault(name, core.now_ms)
    late = [name for name, since_ms in core.late_ms.items() if core.now_ms - since_ms >= core.policy.timing.dead_ms]
    for name in late:
        text = f"{name} names events of its own that it does not deliver: it is waited for only where it may own the service"
        core.emit(Alarm(AlarmName.PEER_UNFIT, text, node=name))
    return frozenset(f"late:{name}" for name in late)


def _claiming(core: Core, alive: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    newest = {name: heartbeat for name in alive if (heartbeat := core.liveness.peers[name].newest)}
    claiming = [(service, name) for name, heartbeat in newest.items() for service in heartbeat.message.claiming]
    awaited: dict[str, frozenset[str]] = {}
    for service, name in claiming:
        awaited[service] = awaited.get(service, NONE) | {f"awaited:{name}"}
    return awaited


def _knows_more(core: Core, told: Observations, other: str, name: str) -> bool:
    newest = core.liveness.peers[other].newest
    if newest is None or told.peers[other].judgement is not Judgement.ALIVE:
        return False
    head = newest.message.heads.get(name)
    return head is not None and core.feeds.behind(name, head) is not None


NONE: frozenset[str] = frozenset()

Outside = tuple[object, ...]
"""What all services are given alike, apart from how long each peer has been silent."""


def services(core: Core) -> None:
    """Every service about which the table may have something new to say, until it has nothing more to say.

    All of them are asked about where something has changed that all rest on; else those that an event was about, those whose
    timer is over, those that two nodes hold, and those that were decided without a peer's newest events, which are here now.
    What follows from what was begun is looked at when it has gone on: what waits for that shall not wait for what follows
    too.

    What the table is given besides the feeds is taken once: nothing that is written here changes it.
    """
    seen = core.seen = look_round(core)
    asked = _asked(core, seen)
    if asked is None:
        core.postponed.update(dict.fromkeys(core.jobs))  # behind those that wait already: no news keeps them waiting for ever
    fresh = sorted((asked or set()) & core.jobs.keys(), key=core.place.__getitem__)
    begun = len(armed(core)) if len(fresh) > BEGUN_MAX else 0
    turns = 0
    for name in fresh:
        if turns < ASKED_MAX and (begun < BEGUN_MAX or core.jobs[name].phase is Phase.ARMED):
            core.postponed.pop(name, None)
            begun += _settle(core, name, core.jobs[name], seen)
            turns += 1
        else:
            core.postponed[name] = None
    _follow(core, seen, ASKED_MAX - turns, begun)
    core.changed = set()
    core.hearsay_wake_ms = min((ms for ms in _hearsay_wakes(core) if ms > core.now_ms), default=NEVER_MS)


def _follow(core: Core, seen: Round, turns: int, begun: int) -> None:
    """Takes so many of those that had to wait: behind what has news of its own, so that one that moves does not wait for a
    thousand that come up."""
    room = BEGUN_MAX - max(begun, len(armed(core)) if core.postponed else 0)
    while core.postponed and turns > 0 and room > 0:
        name = next(iter(core.postponed))
        del core.postponed[name]
        if name in core.jobs:
            room -= _settle(core, name, core.jobs[name], seen)
            turns -= 1


def armed(core: Core) -> list[str]:
    """The services that this node is about to claim."""
    return [name for name in core.busy if core.jobs[name].phase is Phase.ARMED]


def _asked(core: Core, seen: Round) -> set[str] | None:
    """The services that are to be asked about; None for all of them."""
    told = seen.told
    peers = tuple((name, p.judgement, p.fit, p.agrees, p.same_run) for name, p in told.peers.items())
    outside, current = (*peers, told.fit, told.unfit_because, told.refused, seen.behind), _current(told)
    as_before, core.outside = outside == core.outside, outside
    came, went, core.current = current - core.current, core.current - current, current
    due = core.wakes.take_due(core.now_ms)
    if core.dirty or not as_before:
        return None
    hears_us = frozenset(name for name in seen.alive if core.liveness.is_heard_by(name))
    if hears_us != core.hears_us:  # it decides which of two holders gives way, and is in no event
        core.hears_us = hears_us
        due |= core.shared
    due |= core.changed | core.barred.keys()
    if came:
        due |= core.undecided
    if went:
        due.update(name for name, waits in core.waits.items() if waits.ready)
    return due


def _current(told: Observations) -> frozenset[str]:
    return frozenset(name for name, peer in told.peers.items() if peer.current)


def _settle(core: Core, name: str, job: Job, seen: Round) -> bool:
    """Ask and act until the table has nothing more to say; True where something was begun."""
    before, asked = job.phase, None
    for _ in range(ROUNDS_MAX):
        asked = _once(core, name, job, seen)
        if asked:
            break
    if asked is None:
        raise InvariantBroken(f"the decide table does not settle on {name}")
    if job.phase is before:
        _afterwards(core, name, job, _as_now(core, asked, seen), seen)
    failed_checks.look_on(core, name, job)
    begun = job.phase is not before
    soon = begun or asked.state is not core.state  # what followed from time may be something to decide on
    core.wakes.wake(name, core.now_ms + BEGUN_MS if soon else _wake_ms(core, asked, job))
    (core.shared.add if _is_shared(core, name) else core.shared.discard)(name)
    (core.undecided.add if seen.late else core.undecided.discard)(name)
    return begun


def _is_shared(core: Core, name: str) -> bool:
    """Two nodes hold it, as far as we know: which of them gives way depends on who hears whom, and that is in no event."""
    if not core.column.service(name).holds:
        return False
    theirs = any(core.state.column(node).service(name).holds for node in core.liveness.peers)
    return theirs or ownership.is_news_for(core.state, core.me, name)


def _as_now(core: Core, asked: Snapshot, seen: Round) -> Snapshot:
    """The same question where nothing was written since, else a new one."""
    return asked if asked.state is core.state else case(core, asked.name, seen)


def _wake_ms(core: Core, bare: Snapshot, job: Job) -> int:
    """When the first timer of this service is over."""
    dead_ms = core.policy.timing.dead_ms
    wakes = core.waits[bare.name].wakes_ms(bare, core.now_ms, dead_ms)
    wakes += [job.stands_ms + dead_ms] if job.unguarded else []
    wakes += [job.armed_ms + patience_ms(core)] if job.phase is Phase.ARMED else []
    wakes += [job.wake_at_ms] if job.wake_at_ms is not None else []
    return min((ms for ms in wakes if ms > core.now_ms), default=NEVER_MS)


def _once(core: Core, name: str, job: Job, seen: Round) -> Snapshot | None:
    """One question and its consequence; None where the table must be asked again."""
    asked = case(core, name, seen)
    if _split(core, asked):
        asked = case(core, name, seen)
    decision = decide(asked)
    core.sentences[name] = decision.reason
    if decision.act is Act.STAY:
        return None if core.waits[name].decided(asked, decision, core.now_ms, core.policy.timing.dead_ms) else asked
    if core.witnessing.judgements(must=True):
        return None  # now the judgements stand in the log, and the decision can name them as its causes
    return None if _perform(core, name, job, asked, decision) else asked


def _perform(core: Core, name: str, job: Job, asked: Snapshot, decision: Decision) -> bool:
    epoch = ownership.epoch(core.state, name) + 1
    if decision.act is Act.CLAIM:
        if job.phase is not Phase.IDLE:
            return False
        if why := removal.disowned(core, name) or sharing.taken(core, name, job.policy):
            core.barred[name] = core.sentences[name] = why
            return False
        core.barred.pop(name, None)
        must(asked.given.fit and core.joined, f"{name} is claimed by a node that is fit")
        must(core.me in asked.order, f"{name} is claimed by a candidate")
        living = [node for node in asked.given.peers if asked.holds(node) and asked.judged(node) is Judgement.ALIVE]
        must(not living, f"{name} is claimed while {living} hold it and live")
        job.claim(decision, asked.given, epoch, asked.mine)
        return False
    if decision.act is Act.RECLAIM:
        if job.phase not in (Phase.UP, Phase.RECALLED) or core.disk_refuses:
            return False
        if core.waits[name].speaks_soon(asked, decision, core.now_ms, core.policy.timing.dead_ms):
            return False
        job.reclaim(decision, asked.given, epoch, asked.rivals)
        return False
    if decision.rule == "move" and not _target_knows(core, name, decision.causes[0]):
        return False
    if decision.act is Act.RELEASE:
        job.release(decision, asked.given)
        return False
    return _out(core, name, asked, decision)


def _target_knows(core: Core, name: str, move: Ref) -> bool:
    """The move is on our disk, and its target has had a moment to take it in: the client waits for neither."""
    return core.writer.has_written(move) and core.waits[name].has_led(move, core.now_ms)


def _out(core: Core, name: str, asked: Snapshot, decision: Decision) -> bool:
    if core.disk_refuses:
        return False  # not a release: it can wait for the disk
    kind = Kind.RECOVER if decision.act is Act.RECOVER else Kind.FAIL
    body = {"rule": decision.rule, "given": asked.given.to_body(), "reason": decision.reason}
    if kind is Kind.FAIL:
        body["cause"] = decision.cause
    else:
        place = asked.order.index(core.me) if core.me in asked.order else 0
        core.waits[name].settles_ms = core.now_ms + place * core.policy.timing.heartbeat_ms
    core.write(kind, name, body, decision.causes)
    return True


def _split(core: Core, asked: Snapshot) -> bool:
    """Write that we see a split, or that it is over."""
    seen = core.column.splits.get(asked.name)
    if core.disk_refuses:
        return False
    if seen is None and asked.mine.state in UPISH and asked.rivals:
        nodes = sorted((*asked.rivals, core.me))
        body = {"nodes": nodes, "epochs": {node: core.state.column(node).service(asked.name).epoch for node in nodes}}
        causes = tuple(ref for node in nodes if (ref := core.state.column(node).service(asked.name).claim))
        core.write(Kind.SPLIT_SEEN, asked.name, body, causes)
        return True
    return False


def _afterwards(core: Core, name: str, job: Job, asked: Snapshot, seen: Round) -> None:
    """What follows from time or from others: announce when no rival is left, try a stuck service again, end a move."""
    if job.phase is Phase.RECALLED and not job.waits and not _blocking(asked):
        job.announce()
    if job.phase is Phase.ARMED and not job.waits:
        launch(core, job)
    if job.phase is Phase.ARMED and "durable" in job.waits and core.now_ms >= job.armed_ms + patience_ms(core):
        withdraw(core, job)
    if job.unguarded and core.now_ms >= max(job.stands_ms + core.policy.timing.dead_ms, core.stalled_until_ms):
        give_up(core, job)
    if job.phase is Phase.STUCK and job.wake_at_ms is not None and core.now_ms >= job.wake_at_ms:
        job.try_again()
    if core.waits[name].announces(asked, core.now_ms):
        core.emit(Announce(name))
    over = core.waits[name].move_over(asked, core.now_ms) and core.column.service(name).state in UPISH
    if over and not core.disk_refuses:
        move = ownership.active_move(core.state, name)
        if move is None:
            raise InvariantBroken("a move that is over was active")
        core.write(Kind.MOVE_ENDED, name, {"move": list(move.ref), "why": "its time is over"}, (move.ref,))
    _split_over(core, name, asked)


def _split_over(core: Core, name: str, asked: Snapshot) -> None:
    seen = core.column.splits.get(name)
    if seen is None or core.disk_refuses or asked.mine.state not in (ServicePhase.UP, ServicePhase.RECOVER, ServicePhase.FAIL):
        return
    if sum(asked.holds(node) for node in asked.given.peers) + (asked.mine.state is ServicePhase.UP) > 1:
        return
    winner = ownership.owner(core.state, core.policy, name)
    core.write(Kind.SPLIT_RESOLVED, name, {"winner": winner or ""}, (seen,))


def _blocking(asked: Snapshot) -> list[str]:
    """The nodes that may still answer for the service: holders that are not dead."""
    return [node for node in asked.given.peers if asked.holds(node) and asked.judged(node) is not Judgement.DEAD]


def launch(core: Core, job: Job) -> None:
    """The claim is durable and guarded: only where the table says the same, now, does the first action run."""
    name = job.policy.name
    must(job.phase is Phase.ARMED and not job.waits, f"{name} is launched when its claim stands, not {job.phase.name}")
    before = core.state.with_column(core.column.with_service(name, job.before))
    now = case(core, name, core.seen or look_round(core))
    again = decide(Snapshot(before, core.policy, core.me, name, now.given))
    if job.decision is None:
        raise InvariantBroken("a claim has a decision")
    if again.same_as(job.decision):
        job.raise_all()
        return
    if again.rule in PASSING and core.now_ms < job.stands_ms + core.policy.timing.dead_ms:
        return
    reason = f"when the claim was durable, the table no longer said claim: {again.reason}"
    core.waits[name].settles_ms = core.now_ms + core.policy.timing.heartbeat_ms  # whatever it is, it shall not spin
    release = Decision("reconsidered", Act.RELEASE, reason, again.causes, ServicePhase.RECOVER, "reconsidered")
    job.release(release, now.given)


def patience_ms(core: Core) -> int:
    """How long a claim may be on its way to the disk: others wait as long, for as long as we say that we claim."""
    return max(CLAIM_DEADS * core.policy.timing.dead_ms, CLAIM_MS_MIN)


def withdraw(core: Core, job: Job) -> None:
    """Nothing of it has run, and nothing will: a peer that waits for us hears that we claim no longer, and may take it."""
    reason = f"the disk has not taken it within {lasting(core.now_ms - job.armed_ms)}"
    release = Decision("withdrawn-claim", Act.RELEASE, reason, _claim(job), ServicePhase.RECOVER, "reconsidered")
    job.release(release, given(core))


def give_up(core: Core, job: Job) -> None:
    """Nothing of it is up, and nothing may come up that no guard would take down: it is for a node whose guard confirms."""
    core.guard_mute = True
    core.seen = None
    reason = f"the guard has not confirmed it within {lasting(core.now_ms - job.stands_ms)}, and nothing runs without a guard"
    job.release(Decision("unguarded", Act.RELEASE, reason, _claim(job), ServicePhase.RECOVER, "unguarded"), given(core))


def _claim(job: Job) -> tuple[Ref, ...]:
    return (job.armed_by,) if job.armed_by else ()


def wake_ms(core: Core) -> int:
    """When the table is to be asked again, whatever happens until then."""
    if core.changed or (core.postponed and len(armed(core)) < BEGUN_MAX):
        return core.now_ms + BEGUN_MS
    wakes = [core.wakes.first_ms, core.hearsay_wake_ms]
    if core.now_ms < core.stalled_until_ms:
        wakes.append(core.stalled_until_ms)
    return min((ms for ms in wakes if ms > core.now_ms), default=NEVER_MS)


def _hearsay_wakes(core: Core) -> list[int]:
    return [since_ms + core.policy.timing.dead_ms for since_ms in (*core.hearsay_ms.values(), *core.late_ms.values())]
