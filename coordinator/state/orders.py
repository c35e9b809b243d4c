"""What an operator's command does to the state, and what the event that follows it does.

    state = noted(state, event)                 # events of every feed and incarnation, as far as orders are concerned
    column = obeyed(state, column, event)       # part of the reducer's table

Judged here, by every reader alike: a command counts where the keys and roles of its own feed allow it, where it names that
feed among those that act, and once. What follows from it is what was signed, never what the author of the event says; and it
follows in the next event of the same feed, or not at all. docs/decisions/0033-commands-name-who-acts.md.

| event      | follows   | its effect                                                     |
|------------|-----------|----------------------------------------------------------------|
| command    |           | the wish of its author: fail, recover, reclaim; standby and    |
|            |           | `fail --everywhere`, and the end of these by their names       |
| hold       | `hold`    | the service is held                                            |
| unhold     | `unhold`  | the holds that the command names end                           |
| move-begun | `move`    | target, epoch and `for` as signed                              |
| fenced     | `fail`    | the claim that the command names, node, run and epoch, is over |
| readmitted | `readmit` | the forks that the command names keep no node out any more     |
| fence-     | `fence`;  | what may become of it is said by the same feed                 |
| requested  | or none   |                                                                |
| fence-     | `is-off`, | where it succeeded: what that run of the node held is over. By |
| result     | or its    | a claim, for services of which its author was ever a candidate |
|            | request   |                                                                |
"""

from collections.abc import Callable, Mapping
from typing import Any

from coordinator.state import authorization
from coordinator.state.authorization import Denied
from coordinator.state.model import SKIPPED_KEPT, Flaw, NodeState, State, newest_first
from coordinator.state.replacing import replace
from coordinator.state.standing import FIRST_RULES, FeedOrders, Fencing, Later, Move, Off, Orders, Word
from protocol.commands import Command
from protocol.event import Event, Ref
from protocol.events import (
    Commanded,
    ConfigApplied,
    Fenced,
    FencedBy,
    FenceRequested,
    FenceResult,
    Hold,
    MoveBegun,
    NodeStarted,
    Readmitted,
    Unhold,
    body_of,
)
from protocol.events.shapes import NODES_MAX
from protocol.kinds import Kind

Change = Callable[[State, FeedOrders, Event, Any], Orders]


LATER_MAX = 128
"""Of one node, the events that wait for a file: an operator gives a few orders in the seconds between two feeds."""

LATER_BYTES_MAX = 4_096
"""A command and its signature that wait for a file: an honest one has some 500 bytes."""


def noted(state: State, event: Event, body: Any) -> State:
    """The state after an event of a kind in NOTED, whose body reads as `body`; its author's column is another question."""
    feed = state.orders.feed(event.node, event.incarnation)
    orders = NOTED[event.kind](state, feed, event, body)
    after = orders.feed(event.node, event.incarnation)
    if feed.later or (after.configs and after.configs[0] not in state.policies):
        later = _kept(state, feed.later or Later(feed), event)
        orders = orders.with_feed(event.node, event.incarnation, replace(after, later=later))
    return replace(state, orders=orders)


def judged_again(state: State) -> State:
    """Another file counts: what feeds have said while they went by one that did not is judged as if it had counted then.

    So it does not matter whether an order or the signature of its file comes first.
    """
    for (node, incarnation), feed in sorted(state.orders.feeds.items()):
        if feed.later and feed.later.events:
            orders = state.orders.without({event.ref for event in feed.later.events})
            state = replace(state, orders=orders.with_feed(node, incarnation, feed.later.before))
            for event in feed.later.events:
                state = noted(state, event, body_of(event))
    return state


def _kept(state: State, later: Later, event: Event) -> Later:
    theirs = (feed.later for (node, _), feed in state.orders.feeds.items() if node == event.node)
    if later.full or sum(len(other.events) for other in theirs if other) >= LATER_MAX or _size(event) > LATER_BYTES_MAX:
        return replace(later, events=(), full=True)
    if isinstance(body := body_of(event), ConfigApplied):
        event = replace(event, body=replace(body, text="").to_body())  # the file itself is not asked for again
    return replace(later, events=(*later.events, event))


def _size(event: Event) -> int:
    return sum(len(part) for part in event.body.values() if isinstance(part, bytes | list))


def obeyed(state: State, column: NodeState, event: Event, body: Any) -> NodeState:
    """The author's column: what it is to do itself, or that no node goes by this event."""
    feed = state.orders.feed(event.node, event.incarnation)
    if feed.denied and feed.denied[0] == event.ref:
        refused = (*column.refused, feed.denied)[-SKIPPED_KEPT:]
        return replace(column.without_effect(event.ref, Flaw.AUTHORITY, feed.denied[1]), refused=refused)
    if not isinstance(body, Commanded) or feed.obeyed is None or not _is_wish(feed.obeyed[1], event, body):
        return column
    word, name = feed.obeyed[1].word, event.service
    return column.with_service(name, replace(column.service(name), requested=word, requested_by=event.ref))


def _is_wish(command: Command, event: Event, body: Commanded) -> bool:
    """Whether it is for its author's own service: not a word of a node that cannot act any more."""
    if command.format == 1:
        return command.word in ("fail", "recover", "reclaim") and body.target == event.node
    if command.word == "fail":
        return command.node in ("", event.node)
    return command.word in ("recover", "reclaim")


# --- what one feed goes by -----------------------------------------------------------------------------------------


def _started(state: State, feed: FeedOrders, event: Event, body: NodeStarted) -> Orders:
    orders = state.orders.with_feed(event.node, event.incarnation, replace(feed, rules=body.rules, fencing={}))
    return replace(orders, second=orders.second or body.rules > FIRST_RULES)


def _configured(state: State, feed: FeedOrders, event: Event, body: ConfigApplied) -> Orders:
    configs = newest_first(feed.configs, body.digest)
    return state.orders.with_feed(event.node, event.incarnation, replace(feed, configs=configs))


def _command(state: State, feed: FeedOrders, event: Event, body: Commanded) -> Orders:
    judged = _judged(state, feed, event, body)
    if isinstance(judged, Denied):
        return _denied(state, feed, event, judged.text)
    nonces = {**feed.nonces, judged.nonce: judged.expires_ms}
    known = replace(feed, nonces=nonces, obeyed=(event.ref, judged), denied=None)
    orders = state.orders.with_feed(event.node, event.incarnation, known)
    if judged.word == "apply" and judged.digest:
        return _signed(orders, judged, event.ref)
    if judged.word not in BY_ITSELF:
        return orders
    subject, effect = BY_ITSELF[judged.word](judged)
    return orders.with_effect((judged.word, subject), event.ref, effect)


def _signed(orders: Orders, command: Command, ref: Ref) -> Orders:
    known, number = orders.signed.get(command.digest, 0), command.epoch
    by = orders.signed_by.get(command.digest, ref)
    best = ref if number > known else min(ref, by) if number == known else by
    signed, signed_by = {command.digest: max(number, known)}, {command.digest: best}
    return replace(orders, signed={**orders.signed, **signed}, signed_by={**orders.signed_by, **signed_by})


BY_ITSELF: Mapping[str, Callable[[Command], tuple[str, Any]]] = {
    "standby": lambda command: (command.node, None),
    "unstandby": lambda command: (command.node, frozenset(command.ends)),
    "fail-everywhere": lambda command: (command.service, None),
    "recover": lambda command: (command.service, frozenset(command.ends)),
}
"""Words that take effect by the command alone, since no event follows: what it is about, and what it ends."""


def _judged(state: State, feed: FeedOrders, event: Event, body: Commanded) -> Command | Denied:
    """By the newest file of this feed that counts here. Where none does, by any that counts: a reader that has lost its disk
    knows none of the files that the feed lived by long ago, and a hold that is in force must hold it all the same."""
    policy = state.policy_of(feed.configs)
    if policy is not None or not state.policies:
        return authorization.judge(policy, feed, event, body)
    judged = [authorization.judge(known, feed, event, body) for _, known in sorted(state.policies.items())]
    return next((one for one in judged if not isinstance(one, Denied)), judged[0])


def _denied(state: State, feed: FeedOrders, event: Event, why: str) -> Orders:
    return state.orders.with_feed(event.node, event.incarnation, replace(feed, denied=(event.ref, why)))


# --- what follows from a command -----------------------------------------------------------------------------------


def _follows(word: str, effect: Callable[[Command, Event, Any], tuple[tuple[str, ...], Any] | Denied]) -> Change:
    """What the event before it, a command of this word that was obeyed, brings about."""

    def change(state: State, feed: FeedOrders, event: Event, body: Any) -> Orders:
        ref, command = feed.obeyed or (None, None)
        directly = ref == Ref(event.node, event.incarnation, event.number - 1)
        if command is None or not directly or command.word != word or command.service != event.service:
            return _denied(state, feed, event, f"{event.kind} {event.service} follows no `{word}` that was obeyed")
        found = effect(command, event, body)
        if isinstance(found, Denied):
            return _denied(state, feed, event, found.text)
        return state.orders.with_effect(*found[:1], event.ref, found[1])

    return change


def _hold(command: Command, event: Event, body: Hold) -> tuple[tuple[str, ...], Any] | Denied:
    return ("hold", event.service), None


def _unhold(command: Command, event: Event, body: Unhold) -> tuple[tuple[str, ...], Any] | Denied:
    if command.format == 1:
        return ("unhold", event.service), frozenset(body.ends)
    return _as_signed(body.ends == command.ends, event) or (("unhold", event.service), frozenset(command.ends))


def _move_begun(command: Command, event: Event, body: MoveBegun) -> tuple[tuple[str, ...], Any] | Denied:
    epoch = body.epoch if command.format == 1 else command.epoch
    same = (body.target, body.epoch, body.for_ms) == (command.node, epoch, command.for_ms)
    move = Move(event.service, command.node, epoch, command.for_ms, event.ref)
    return _as_signed(same, event) or (("move", event.service), move)


def _fenced(command: Command, event: Event, body: Fenced) -> tuple[tuple[str, ...], Any] | Denied:
    if command.format == 1:
        return ("fenced", event.service, body.node), Word(body.epoch, event.ref, body.run)
    same = (body.node, body.epoch, body.run) == (command.node, command.epoch, command.run)
    word = Word(command.epoch, event.ref, command.run)
    return _as_signed(same and bool(command.run), event) or (("fenced", event.service, command.node), word)


def _readmitted(command: Command, event: Event, body: Readmitted) -> tuple[tuple[str, ...], Any] | Denied:
    same = body.node == command.node
    return _as_signed(same, event) or (("readmit", command.node), frozenset(command.ends))


# --- switching a node off ------------------------------------------------------------------------------------------


def _fence_requested(state: State, feed: FeedOrders, event: Event, body: FenceRequested) -> Orders:
    """A claim that waits needs no leave of anybody: what its result may end is another question."""
    if body.by is not FencedBy.CLAIM or not event.service:
        signed = _ordered(feed, event, "fence")
        if signed is None or event.service or body.by is not FencedBy.COMMAND:
            return _denied(state, feed, event, f"{event.kind} of {body.node} follows no `fence` that was obeyed")
        if (body.node, body.run) != (signed.node, signed.run):
            return _denied(state, feed, event, f"{event.kind} of {body.node} differs from the command before it")
    begun = {**feed.fencing, body.node: Fencing(event.ref, body.run, body.by)}
    if len(begun) > NODES_MAX:
        del begun[min(begun, key=lambda node: begun[node].request)]
    return state.orders.with_feed(event.node, event.incarnation, replace(feed, fencing=begun))


def _fence_result(state: State, feed: FeedOrders, event: Event, body: FenceResult) -> Orders:
    signed, begun = _ordered(feed, event, "is-off"), feed.fencing.get(body.node)
    if signed is not None and body.by is FencedBy.WORD:
        if (body.node, body.run, body.ok) != (signed.node, signed.run, True):
            return _denied(state, feed, event, f"{event.kind} of {body.node} differs from the command before it")
    elif begun is None or (begun.run, begun.by) != (body.run, body.by):
        return _denied(state, feed, event, f"{event.kind} of {body.node} follows no request of it")
    left = {node: fencing for node, fencing in feed.fencing.items() if node != body.node}
    orders = state.orders.with_feed(event.node, event.incarnation, replace(feed, fencing=left))
    return orders.with_effect(("off", body.node), event.ref, Off(body.run, event.ref, body.by)) if body.ok else orders


def _ordered(feed: FeedOrders, event: Event, word: str) -> Command | None:
    """The command of this word that stands directly before the event, where it was obeyed."""
    ref, command = feed.obeyed or (None, None)
    directly = ref == Ref(event.node, event.incarnation, event.number - 1)
    return command if directly and command is not None and command.word == word else None


def _as_signed(same: bool, event: Event) -> Denied | None:
    return None if same else Denied(f"{event.kind} {event.service} differs from the command before it")


NOTED: Mapping[str, Change] = {
    Kind.NODE_STARTED: _started,
    Kind.CONFIG_APPLIED: _configured,
    Kind.COMMAND: _command,
    Kind.HOLD: _follows("hold", _hold),
    Kind.UNHOLD: _follows("unhold", _unhold),
    Kind.MOVE_BEGUN: _follows("move", _move_begun),
    Kind.FENCED: _follows("fail", _fenced),
    Kind.READMITTED: _follows("readmit", _readmitted),
    Kind.FENCE_REQUESTED: _fence_requested,
    Kind.FENCE_RESULT: _fence_result,
}
