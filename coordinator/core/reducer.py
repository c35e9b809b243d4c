"""The reducer: one table, event kind to function; an event changes the column of its author and nothing else.

    state = reduce(state, event)

The fold is total: an event that makes no sense here changes nothing but the head (the auditor calls it unlawful).
Events of an incarnation that a newer one has replaced are evidence, and no part of the state: so the feeds merge in
any order to the same state, and the first event of an incarnation carries on what must outlive it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from coordinator.core import orders, pieces
from coordinator.core.carried import taken_over
from coordinator.core.model import UPISH, Column, ServiceColumn, ServiceState, State, Word
from coordinator.core.replacing import replace
from coordinator.policy import Policy
from protocol.event import Event, Head, Ref
from protocol.kinds import Kind
from protocol.messages import LastWord


def reduce(state: State, event: Event) -> State:
    """The state after `event`. `event.previous` was checked by whoever admitted it: the id is not needed here."""
    if event.kind == Kind.CONFIG_APPLIED:
        state = _with_policy(state, event.body.get("text"))  # known by its own hash, whoever brought it, whatever became of it
    elif event.kind == Kind.CONFIG_PART:
        unread, text = pieces.taken(state.unread, event)
        state = _with_policy(replace(state, unread=unread), text)
    if event.kind in orders.NOTED:
        state = _noted(state, event)  # of a replaced incarnation too: its orders stand
    column = state.column(event.node)
    if column.head and event.incarnation < column.head.incarnation:
        return state
    if column.head and event.incarnation > column.head.incarnation:
        column = Column(event.node)
    column = replace(
        column,
        head=Head(event.node, event.incarnation, event.number, b""),
        seen=_seen(column.seen, event.heads),
    )
    change = TABLE.get(event.kind)
    if change is None:
        return state.with_column(column)
    try:
        return state.with_column(change(state, column, event))
    except (KeyError, TypeError, ValueError):
        return state.with_column(column)  # signed, and yet not of our format: the auditor names it, nobody acts on it


def _noted(state: State, event: Event) -> State:
    try:
        return orders.noted(state, event)
    except (KeyError, TypeError, ValueError):
        return state


def _seen(seen: Mapping[str, Head], heads: tuple[Head, ...]) -> Mapping[str, Head]:
    if not heads:
        return seen
    newer = {head.node: head for head in heads if head.node not in seen or head[1:3] > seen[head.node][1:3]}
    return {**seen, **newer}


def _with_policy(state: State, text: object) -> State:
    """Under the hash of what was read, not under the one that its author says: else one node could put its own operators
    under the hash of everybody's file."""
    policy = read_policy(text) if isinstance(text, str) else None
    return replace(state, policies={**state.policies, policy.digest: policy}) if policy else state


@lru_cache(maxsize=64)
def read_policy(text: str) -> Policy | None:
    """The configuration in a config-applied event; None where this program cannot read it."""
    from coordinator.config import BadConfig, logged

    try:
        return logged(text, "config-applied")
    except BadConfig:
        return None


Change = Callable[[State, Column, Event], Column]


def _service(change: Callable[[Column, ServiceColumn, Event], ServiceColumn]) -> Change:
    """A change of one service's column only."""

    def apply(state: State, column: Column, event: Event) -> Column:
        return column.with_service(event.service, change(column, column.service(event.service), event))

    return apply


def _started(state: State, column: Column, event: Event) -> Column:
    """A start ends whatever an earlier run held; only an operator's FAIL outlives it."""
    services = {name: _restarted(service, event) for name, service in column.services.items()}
    return replace(
        column,
        run=event.body["run"],
        started=event.ref,
        running=True,
        leaving=False,
        rules=event.body["rules"],
        services=services,
        judged={},
        judgement={},
        splits={},
    )


def _restarted(service: ServiceColumn, event: Event) -> ServiceColumn:
    kept = service.wish == "fail"
    last = Ref(event.node, event.incarnation, event.number - 1)
    return replace(
        service,
        state=ServiceState.FAIL if kept else ServiceState.RECOVER,
        cause="operator" if kept else "",
        changed=event.ref,
        stuck=False,
        sick=None,
        restarts=0,
        carrier_lost={},
        lowered=last if service.holds else service.lowered,
        reason="the node started" + (", and an operator's FAIL lasts until an operator says recover" if kept else ""),
    )


def _gap(state: State, column: Column, event: Event) -> Column:
    """A new incarnation: what must outlive the old one stands in its first event."""
    return taken_over(column, event.body)


def _config(state: State, column: Column, event: Event) -> Column:
    return replace(column, config_number=event.body["number"], config=event.body["digest"], configured=event.ref)


def _judged(state: State, column: Column, event: Event) -> Column:
    peer = event.body["peer"]
    return replace(
        column,
        judged={**column.judged, peer: event.ref},
        judgement={**column.judgement, peer: event.body["judgement"]},
    )


def _claim(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(
        _enter(service, event, ServiceState.STARTING),
        epoch=event.body["epoch"],
        holding_epoch=event.body["epoch"],
        before_epoch=service.epoch,
        claim=event.ref,
        run=column.run,
        began=event.ref,
        known=column.seen,
        cause="",
        wish="" if service.wish == "recover" else service.wish,
        stuck=False,
        sick=None,
        restarts=0,
    )


def _reclaim(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(
        _enter(service, event, ServiceState.RECLAIM),
        epoch=event.body["epoch"],
        claim=event.ref,
        known=column.seen,
        wish="" if service.wish == "reclaim" else service.wish,
    )


def _up(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    again = service.state is ServiceState.RECLAIM
    return replace(
        _enter(service, event, ServiceState.UP),
        announced=event.ref if again else service.announced,
        burnt=False,
    )


def _restart(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(_enter(service, event, ServiceState.STARTING), restarts=service.restarts + 1, sick=None)


def _release(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(
        _enter(service, event, ServiceState.STOPPING),
        to=ServiceState(event.body["to"]),
        cause=event.body["cause"],
    )


def _down(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    to, cause = ServiceState(event.body["to"]), event.body["cause"]
    failed = cause in ("action", "check")
    return replace(
        _enter(service, event, to),
        to=to,
        lowered=event.ref,
        cause=cause if to is ServiceState.FAIL else "",
        stuck=False,
        sick=None,
        burnt=failed,
        failures=service.failures + 1 if failed else 0,
    )


def _fail(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(_enter(service, event, ServiceState.FAIL), cause=event.body["cause"])


def _recover(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    told = service.wish == "recover"
    return replace(
        _enter(service, event, ServiceState.RECOVER),
        cause="",
        wish="",
        burnt=service.burnt and not told,
        failures=0 if told else service.failures,
    )


def _enter(service: ServiceColumn, event: Event, state: ServiceState) -> ServiceColumn:
    return replace(service, state=state, changed=event.ref, reason=event.body.get("reason", ""))


def _action_finished(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    lost = event.body["word"] == "down" and event.body["outcome"] != "done"
    return replace(service, stuck=True) if lost and service.state is ServiceState.STOPPING else service


def _check_failed(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(service, sick=event.ref) if event.body["good"] else service


def _check_passed(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(service, sick=None)


def _carrier_lost(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    return replace(service, carrier_lost={**service.carrier_lost, event.body["interface"]: event.ref})


def _carrier_back(column: Column, service: ServiceColumn, event: Event) -> ServiceColumn:
    left = {name: ref for name, ref in service.carrier_lost.items() if name != event.body["interface"]}
    return replace(service, carrier_lost=left)


def _move_ended(state: State, column: Column, event: Event) -> Column:
    """By a node that holds the service: it has counted the time of the move."""
    if column.service(event.service).state not in UPISH:
        return column
    return replace(column, moves_ended=column.moves_ended | {(event.service, Ref(*event.body["move"]))})


def _last_word(state: State, column: Column, event: Event) -> Column:
    run = LastWord.decode(event.body["word"]).run
    return replace(column, last_words=_word(column.last_words, event, run))


def _word(words: Mapping[tuple[str, str], Word], event: Event, run: bytes) -> Mapping[tuple[str, str], Word]:
    """Of one run the word with the larger epoch; of another run the later word, whose holding is the later one."""
    key = (event.service, event.body["node"])
    said, before = Word(event.body["epoch"], event.ref, run), words.get(key)
    return {**words, key: said if before is None or before.run != run else max(before, said)}


def _fork_seen(state: State, column: Column, event: Event) -> Column:
    return replace(column, forked={**column.forked, event.body["node"]: event.ref})


def _split_seen(state: State, column: Column, event: Event) -> Column:
    return replace(column, splits={**column.splits, event.service: event.ref})


def _split_resolved(state: State, column: Column, event: Event) -> Column:
    return replace(column, splits={name: ref for name, ref in column.splits.items() if name != event.service})


def _field(**values: Any) -> Change:
    return lambda state, column, event: replace(column, **values)


TABLE: Mapping[str, Change] = {
    # kind                 what of the author's column it changes
    Kind.GAP_DECLARED: _gap,
    Kind.NODE_STARTED: _started,
    Kind.NODE_STOPPING: _field(leaving=True),
    Kind.NODE_STOPPED: _field(running=False),
    Kind.CONFIG_APPLIED: _config,
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
    Kind.COMMAND: orders.obeyed,
    Kind.HOLD: orders.obeyed,
    Kind.UNHOLD: orders.obeyed,
    Kind.MOVE_BEGUN: orders.obeyed,
    Kind.MOVE_ENDED: _move_ended,
    Kind.FENCED: orders.obeyed,
    Kind.LAST_WORD: _last_word,
    Kind.FORK_SEEN: _fork_seen,
    Kind.READMITTED: orders.obeyed,
    Kind.SPLIT_SEEN: _split_seen,
    Kind.SPLIT_RESOLVED: _split_resolved,
}
