"""The reducer: one table, event kind to function; an event changes the column of its author and nothing else.

    state = reduce(state, event)
    state = fold(state, told)               # the same, of an event that several readers fold: see Told

The fold is total: an event whose body does not parse, or that may not stand where it stands, changes nothing but the head.
The column keeps what was passed over, and why; a node alarms, and the auditor names it.
Events of an incarnation that a newer one has replaced are evidence, and no part of the state: so the feeds merge in
any order to the same state, and the first event of an incarnation carries on what must outlive it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.state import configurations, forks, orders, proof
from coordinator.state.incarnation import taken_over
from coordinator.state.model import STOPPED, Fence, Flaw, NodeState, Removal, ServicePhase, ServiceState, State, Word
from coordinator.state.replacing import replace
from coordinator.state.standing import FIRST_RULES
from coordinator.state.transitions import out_of_order
from coordinator.state.votes import Voted, newest, with_vote
from protocol.event import Event, Head, Ref
from protocol.events import (
    ActionFinished,
    ActionWord,
    CarrierBack,
    CarrierLost,
    CheckFailed,
    CheckPassed,
    Claim,
    ConfigApplied,
    ConfigPart,
    Down,
    Fail,
    FencedBy,
    FenceRequested,
    FenceResult,
    ForkPart,
    ForkSeen,
    Gap,
    HeardLastWord,
    Judged,
    Malformed,
    MoveEnded,
    NodeStarted,
    NodeStopping,
    OnFail,
    Outcome,
    Reclaim,
    Recover,
    Release,
    Removed,
    Restart,
    SplitResolved,
    SplitSeen,
    Up,
    Vote,
    body_of,
)
from protocol.events.body import Body
from protocol.events.shapes import NODES_MAX
from protocol.kinds import Kind
from protocol.messages import LastWord


@dataclass(slots=True, eq=False)
class Told:
    """An event with its body as it reads, and what the last reader's fold made of it.

    One history has several readers: each author's view, and the auditor's own. For most events the author's column depends on
    that column alone, so a reader that comes to the event with the same column goes on with the same one.
    """

    event: Event
    typed: Body | Malformed | None
    """Its body as its kind's class."""
    before: NodeState | None = None
    after: NodeState | None = None

    @classmethod
    def of(cls, event: Event) -> "Told":
        return cls(event, body_of(event))


def reduce(state: State, event: Event) -> State:
    """The state after `event`. `event.previous` was checked when it was admitted: the id is not needed here."""
    return fold(state, Told.of(event))


def fold(state: State, told: Told) -> State:
    event, body = told.event, told.typed
    if event.kind in BESIDE:
        state = _beside(state, event, body)
    before = state.columns.get(event.node)
    if before is not None and before.head and event.incarnation < before.head.incarnation:
        return state
    if told.after is not None and told.before is before and event.kind not in BY_STATE:
        return state.with_column(told.after)
    after = _column(state, before or NodeState(event.node), event, body)
    if told.before is before and told.after == after:
        after = told.after  # the same object: a later reader that has it need not look
    told.before, told.after = before, after
    return state.with_column(after)


def _beside(state: State, event: Event, body: Body | Malformed | None) -> State:
    """What an event changes beside its author's column, whatever its incarnation."""
    if isinstance(body, ConfigApplied | ConfigPart):
        state = configurations.counted(state, event, body)
    if event.kind in orders.NOTED and not isinstance(body, Malformed):
        state = orders.noted(state, event, body)  # of a replaced incarnation too: its orders stand
    if isinstance(body, ForkSeen | ForkPart):
        state = forks.counted(state, event, body)
    if isinstance(body, Claim | Reclaim):
        state = _with_epoch(state, event, event.service, body.epoch)
    if isinstance(body, Gap):
        for name, kept in body.services.items():
            state = _with_epoch(state, event, name, max(kept.epoch, kept.holding_epoch))
    if isinstance(body, HeardLastWord) and isinstance(heard := _signed_word(state, event, body), LastWord):
        state = _with_word(state, event, heard)
    return state


def _column(state: State, column: NodeState, event: Event, body: Body | Malformed | None) -> NodeState:
    if column.head and event.incarnation > column.head.incarnation:
        column = NodeState(event.node)
    column = replace(
        column,
        head=Head(event.node, event.incarnation, event.number, b""),
        seen=_seen(column.seen, event.heads),
    )
    if isinstance(body, Malformed):
        return column.without_effect(event.ref, Flaw.ENCODING, body.text)
    wrong = out_of_order(column, event.kind, event.service)
    if wrong:
        return column.without_effect(event.ref, Flaw.UNLAWFUL, wrong)
    if event.kind in BY_STATE:
        return BY_STATE[event.kind](state, column, event, body)
    change = TABLE.get(event.kind)
    return change(column, event, body) if change else column


def _with_epoch(state: State, event: Event, service: str, epoch: int) -> State:
    """A number that a candidate has claimed is never given again, whatever becomes of the claim.

    A gap repeats the numbers of the incarnation that it ends: the claims themselves may have been lost with its disk.
    """
    if not epoch:
        return state
    feed = (event.node, event.incarnation)
    if configurations.was_ever_candidate(state, event.node, service):
        ahead = configurations.ahead(state, service)
        return replace(state, epochs=state.epochs.claimed(service, feed, epoch, ahead))
    return replace(state, epochs=state.epochs.put_aside(service, feed, epoch))


def _seen(seen: Mapping[str, Head], heads: tuple[Head, ...]) -> Mapping[str, Head]:
    if not heads:
        return seen
    newer = {head.node: head for head in heads if head.node not in seen or head[1:3] > seen[head.node][1:3]}
    return {**seen, **newer}


Change = Callable[[NodeState, Event, Any], NodeState]
"""What an event does to its author's column; last the body, as its kind's class."""

ChangeByState = Callable[[State, NodeState, Event, Any], NodeState]
"""The same, where that depends on more than the column."""


def _service(change: Callable[[NodeState, ServiceState, Event, Any], ServiceState]) -> Change:
    """A change of one service's column only."""

    def apply(column: NodeState, event: Event, body: Any) -> NodeState:
        return column.with_service(event.service, change(column, column.service(event.service), event, body))

    return apply


def _obeyed(state: State, column: NodeState, event: Event, body: Any) -> NodeState:
    """What a command asks of its author, and whether it has authority at all."""
    return orders.obeyed(state, column, event, body)


def _started(column: NodeState, event: Event, body: NodeStarted) -> NodeState:
    """A start ends whatever an earlier run held; only an operator's FAIL outlives it."""
    services = {name: _restarted(service, event) for name, service in column.services.items()}
    if column.orders_in_gap and body.rules > FIRST_RULES:
        text = "it carries orders or words of others, which no gap carries since rules 2"
        column = column.without_effect(column.orders_in_gap, Flaw.AUTHORITY, text)
    return replace(
        column,
        orders_in_gap=None,
        run=body.run,
        started=event.ref,
        running=True,
        leaving=None,
        rules=body.rules,
        services=services,
        judged={},
        judgement={},
        splits={},
        fences={},
    )


def _restarted(service: ServiceState, event: Event) -> ServiceState:
    cause = "operator" if service.requested == "fail" else STOPPED if service.cause == STOPPED else ""
    last = Ref(event.node, event.incarnation, event.number - 1)
    return replace(
        service,
        state=ServicePhase.FAIL if cause else ServicePhase.RECOVER,
        cause=cause,
        changed=event.ref,
        stuck=False,
        failed_check=None,
        restarts=0,
        carrier_lost={},
        told={},
        ended_by=last if service.holds else service.ended_by,
        reason=f"the node started{LASTS.get(cause, '')}",
    )


LASTS = {
    "operator": ", and an operator's FAIL lasts until an operator says recover",
    STOPPED: ", and what a check has stopped stays down until an operator says recover",
}


def _gap(column: NodeState, event: Event, body: Gap) -> NodeState:
    """A new incarnation: what must outlive the old one stands in its first event, or in its first ones."""
    return taken_over(column, body)


def _removed(column: NodeState, event: Event, body: Removed) -> NodeState:
    """It restrains its author from everything, and no other node from anything: only the author had to judge its proof."""
    return replace(column, removed=Removal(body.number, body.by, event.ref, body))


def _judged(column: NodeState, event: Event, body: Judged) -> NodeState:
    peer = body.peer
    return replace(
        column,
        judged={**column.judged, peer: event.ref},
        judgement={**column.judgement, peer: body.judgement},
    )


def _claim(column: NodeState, service: ServiceState, event: Event, body: Claim) -> ServiceState:
    return replace(
        _enter(service, event, ServicePhase.STARTING, body.reason),
        epoch=body.epoch,
        holding_epoch=body.epoch,
        before_epoch=service.epoch,
        claim=event.ref,
        run=column.run,
        configs=column.configs,
        began=event.ref,
        known=column.seen,
        cause="",
        requested="" if service.requested == "recover" else service.requested,
        stuck=False,
        failed_check=None,
        told={},
        restarts=0,
    )


def _reclaim(column: NodeState, service: ServiceState, event: Event, body: Reclaim) -> ServiceState:
    return replace(
        _enter(service, event, ServicePhase.RECLAIM, body.reason),
        epoch=body.epoch,
        claim=event.ref,
        known=column.seen,
        requested="" if service.requested == "reclaim" else service.requested,
    )


def _up(column: NodeState, service: ServiceState, event: Event, body: Up) -> ServiceState:
    again = service.state is ServicePhase.RECLAIM
    return replace(
        _enter(service, event, ServicePhase.UP, body.reason),
        announced=event.ref if again else service.announced,
        last_failed=False,
    )


def _restart(column: NodeState, service: ServiceState, event: Event, body: Restart) -> ServiceState:
    return replace(_enter(service, event, ServicePhase.STARTING, body.reason), restarts=service.restarts + 1, failed_check=None)


def _release(column: NodeState, service: ServiceState, event: Event, body: Release) -> ServiceState:
    return replace(
        _enter(service, event, ServicePhase.STOPPING, body.reason),
        to=ServicePhase(body.to),
        cause=body.cause,
    )


def _down(column: NodeState, service: ServiceState, event: Event, body: Down) -> ServiceState:
    to, cause = ServicePhase(body.to), body.cause
    failed = cause in ("action", "check")
    return replace(
        _enter(service, event, to, body.reason),
        to=to,
        ended_by=event.ref,
        cause=cause if to is ServicePhase.FAIL else "",
        stuck=False,
        failed_check=None,
        told={},
        last_failed=failed,
        failures=service.failures + 1 if failed else 0,
    )


def _fail(column: NodeState, service: ServiceState, event: Event, body: Fail) -> ServiceState:
    return replace(_enter(service, event, ServicePhase.FAIL, body.reason), cause=body.cause)


def _recover(column: NodeState, service: ServiceState, event: Event, body: Recover) -> ServiceState:
    told = service.requested == "recover"
    return replace(
        _enter(service, event, ServicePhase.RECOVER, body.reason),
        cause="",
        requested="",
        last_failed=service.last_failed and not told,
        failures=0 if told else service.failures,
    )


def _enter(service: ServiceState, event: Event, state: ServicePhase, reason: str) -> ServiceState:
    return replace(service, state=state, changed=event.ref, reason=reason, well=None)


def _action_finished(column: NodeState, service: ServiceState, event: Event, body: ActionFinished) -> ServiceState:
    lost = body.word is ActionWord.DOWN and body.outcome is not Outcome.DONE
    return replace(service, stuck=True) if lost and service.state is ServicePhase.STOPPING else service


def _check_failed(column: NodeState, service: ServiceState, event: Event, body: CheckFailed) -> ServiceState:
    if body.on_fail is OnFail.TELL:
        return replace(service, told={**service.told, body.check: event.ref}) if body.good else service
    return replace(service, failed_check=event.ref, stops=body.on_fail is OnFail.STOP) if body.good else service


def _check_passed(column: NodeState, service: ServiceState, event: Event, body: CheckPassed) -> ServiceState:
    if body.check in service.told:
        return replace(service, told={check: ref for check, ref in service.told.items() if check != body.check})
    out = service.state is ServicePhase.FAIL and service.cause == "check"
    return replace(service, failed_check=None, well=event.ref if out else None)


def _carrier_lost(column: NodeState, service: ServiceState, event: Event, body: CarrierLost) -> ServiceState:
    return replace(service, carrier_lost={**service.carrier_lost, body.interface: event.ref})


def _carrier_back(column: NodeState, service: ServiceState, event: Event, body: CarrierBack) -> ServiceState:
    left = {name: ref for name, ref in service.carrier_lost.items() if name != body.interface}
    return replace(service, carrier_lost=left)


def _move_ended(state: State, column: NodeState, event: Event, body: MoveEnded) -> NodeState:
    """Written by a node that holds the service and has counted the time of the move. Counts while that node may own the
    service."""
    lived = column.service(event.service).configs
    if lived[:1] and lived[0] in state.policies and not configurations.is_candidate(state, event.node, event.service, lived):
        column = column.without_effect(event.ref, Flaw.AUTHORITY, f"{event.node} may not own {event.service}")
    return replace(column, moves_ended=column.moves_ended | {(event.service, body.move)})


def _last_word(state: State, column: NodeState, event: Event, body: HeardLastWord) -> NodeState:
    heard = _signed_word(state, event, body)
    return column.without_effect(event.ref, Flaw.AUTHORITY, heard) if isinstance(heard, str) else column


def _signed_word(state: State, event: Event, body: HeardLastWord) -> LastWord | str:
    """What ends a holding is what its own node has signed: node, run and epoch come from there, never from the body."""
    heard = proof.last_word(state, body.word, body.signature)
    if isinstance(heard, LastWord) and heard.service != event.service:
        return f"the word is about {heard.service}, not about {event.service}"
    return heard


WORDS_KEPT = 16
"""The latest of each service and node: one for each node that heard it, and some of the runs before."""


def _with_word(state: State, event: Event, heard: LastWord) -> State:
    """Counts for a replaced incarnation too: what a node has heard and signed outlives its disk wherever a copy is left."""
    key = (heard.service, heard.node)
    known = {*state.words.get(key, ()), Word(heard.epoch, event.ref, heard.run)}
    kept = sorted(known, key=lambda word: (word.epoch, word.ref), reverse=True)[:WORDS_KEPT]
    return replace(state, words={**state.words, key: tuple(sorted(kept))})


def _fork_seen(state: State, column: NodeState, event: Event, body: ForkSeen) -> NodeState:
    """A node stops what it holds for this: it counts with both signatures, and not by the word of one node."""
    if event.ref in state.forks.get(body.node, ()):
        return column
    wrong = "no pieces before it prove it" if body.digest else proof.fork(state, body)
    return column.without_effect(event.ref, Flaw.AUTHORITY, f"{body.node} is said to have forked: {wrong}")


def _split_seen(column: NodeState, event: Event, body: SplitSeen) -> NodeState:
    return replace(column, splits={**column.splits, event.service: event.ref})


def _split_resolved(column: NodeState, event: Event, body: SplitResolved) -> NodeState:
    return replace(column, splits={name: ref for name, ref in column.splits.items() if name != event.service})


def _vote(column: NodeState, event: Event, body: Vote) -> NodeState:
    """It stands for what its author has promised: a second one for an epoch, or one for an older epoch, promises nothing."""
    votes = column.votes.get(event.service, ())
    last = newest(votes)
    if last is not None and body.epoch <= last.epoch:
        text = f"a vote for epoch {body.epoch} of {event.service} after one for epoch {last.epoch}"
        return column.without_effect(event.ref, Flaw.UNLAWFUL, text)
    given = Voted(body.epoch, body.candidate, body.voters, body.run, body.counter, event.ref)
    return replace(column, votes={**column.votes, event.service: with_vote(votes, given)})


def _fence_requested(state: State, column: NodeState, event: Event, body: FenceRequested) -> NodeState:
    column, denied = _obeyed(state, column, event, body), _denied(state, event)
    return column if denied else _with_fence(column, body.node, Fence(event.ref, body.run, body.by))


def _fence_result(state: State, column: NodeState, event: Event, body: FenceResult) -> NodeState:
    """With its request, or by an operator's word, which needs none."""
    column, denied = _obeyed(state, column, event, body), _denied(state, event)
    begun = column.fences.get(body.node)
    if denied or (begun is None and body.by is not FencedBy.WORD):
        return column
    request = begun.request if begun is not None and body.by is begun.by else event.ref
    return _with_fence(column, body.node, Fence(request, body.run, body.by, event.ref, body.ok, body.text))


def _with_fence(column: NodeState, node: str, fence: Fence) -> NodeState:
    fences = {**column.fences, node: fence}
    if len(fences) > NODES_MAX:
        del fences[min(fences, key=lambda name: fences[name].request)]
    return replace(column, fences=fences)


def _denied(state: State, event: Event) -> bool:
    denied = state.orders.feed(event.node, event.incarnation).denied
    return denied is not None and denied[0] == event.ref


def _stopping(column: NodeState, event: Event, body: NodeStopping) -> NodeState:
    return replace(column, leaving=event.ref)


def _field(**values: Any) -> Change:
    return lambda column, event, body: replace(column, **values)


TABLE: Mapping[str, Change] = {
    # kind                 what of the author's column it changes
    Kind.GAP_DECLARED: _gap,
    Kind.NODE_STARTED: _started,
    Kind.NODE_STOPPING: _stopping,
    Kind.NODE_STOPPED: _field(running=False),
    Kind.REMOVED: _removed,
    Kind.JUDGED: _judged,
    Kind.CLAIM: _service(_claim),
    Kind.UP: _service(_up),
    Kind.RECLAIM: _service(_reclaim),
    Kind.RESTART: _service(_restart),
    Kind.RELEASE: _service(_release),
    Kind.DOWN: _service(_down),
    Kind.FAIL: _service(_fail),
    Kind.RECOVER: _service(_recover),
    Kind.ACTION_FINISHED: _service(_action_finished),
    Kind.CHECK_FAILED: _service(_check_failed),
    Kind.CHECK_PASSED: _service(_check_passed),
    Kind.CARRIER_LOST: _service(_carrier_lost),
    Kind.CARRIER_BACK: _service(_carrier_back),
    Kind.SPLIT_SEEN: _split_seen,
    Kind.SPLIT_RESOLVED: _split_resolved,
    Kind.VOTE: _vote,
}

BY_STATE: Mapping[str, ChangeByState] = {
    Kind.CONFIG_APPLIED: configurations.applied,
    Kind.COMMAND: _obeyed,
    Kind.HOLD: _obeyed,
    Kind.UNHOLD: _obeyed,
    Kind.MOVE_BEGUN: _obeyed,
    Kind.MOVE_ENDED: _move_ended,
    Kind.FENCED: _obeyed,
    Kind.LAST_WORD: _last_word,
    Kind.FORK_SEEN: _fork_seen,
    Kind.READMITTED: _obeyed,
    Kind.FENCE_REQUESTED: _fence_requested,
    Kind.FENCE_RESULT: _fence_result,
}
"""Kinds that ask for keys, roles, candidates, or what stands in other feeds."""

BESIDE = frozenset(
    {
        *orders.NOTED, Kind.CONFIG_APPLIED, Kind.CONFIG_PART, Kind.FORK_SEEN, Kind.FORK_PART, Kind.CLAIM, Kind.RECLAIM,
        Kind.LAST_WORD, Kind.GAP_DECLARED,
    }
)  # fmt: skip
"""Kinds that change more than the column of their author."""
