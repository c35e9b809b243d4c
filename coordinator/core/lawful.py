"""The lawfulness check: every transition of history decided again, with the feeds at its heads and what it was given.

    for finding in findings(feeds, keys): ...       # an auditor, over all entries
    wrong = check(before, event)                    # one event, with its author's view just before it

Only claims, reclaims and returns from FAIL can break a promise, so only these are decided again; for every kind the
order of the states is checked. A release is never unlawful. What a node did not do is lateness, not lawlessness.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from coordinator.core import ownership
from coordinator.core.case import Case
from coordinator.core.decide import Act, decide
from coordinator.core.given import Given
from coordinator.core.model import HOLDING, UPISH, Judgement, ServiceState, State
from coordinator.core.reducer import reduce
from protocol.event import Entry, Event, Head, Ref
from protocol.kinds import Kind

S = ServiceState

ENTERED_FROM: Mapping[str, frozenset[ServiceState]] = {
    Kind.CLAIM: frozenset({S.RECOVER}),
    Kind.UP: frozenset({S.STARTING, S.RECLAIM}),
    Kind.RELEASE: UPISH,
    Kind.DOWN: frozenset({S.STOPPING}),
    Kind.RECLAIM: frozenset({S.UP, S.RECLAIM}),
    Kind.RESTART: UPISH,
    Kind.RECOVER: frozenset({S.FAIL, S.RECOVER}),
    Kind.FAIL: frozenset({S.RECOVER, S.FAIL}),
    Kind.ACTION_STARTED: HOLDING,
    Kind.ACTION_FINISHED: HOLDING,
}
"""Which states of its own an event of this kind may follow."""

DECIDED = {Kind.CLAIM: Act.CLAIM, Kind.RECLAIM: Act.RECLAIM, Kind.RECOVER: Act.RECOVER}


class Unlawful(NamedTuple):
    ref: Ref
    text: str


def check(before: State, event: Event) -> str | None:
    """Why this event is unlawful, in a sentence; None where it is not. `before`: its author's state just before it."""
    try:
        return _order(before, event) or _decided(before, event) or _pointed(before, event)
    except (KeyError, TypeError, ValueError) as error:
        return f"the body of {event.kind} is not of the format: {error!r}"


def _order(before: State, event: Event) -> str | None:
    allowed = ENTERED_FROM.get(event.kind)
    if allowed is None:
        return None
    column = before.column(event.node)
    state = column.service(event.service).state
    if not column.running:
        return f"{event.kind} {event.service} outside a run"
    return None if state in allowed else f"{event.kind} {event.service} in state {state}"


def _decided(before: State, event: Event) -> str | None:
    if event.kind not in DECIDED:
        return None
    column = before.column(event.node)
    policy = before.policies.get(column.config)
    if policy is None:
        return f"{event.kind} {event.service} before any configuration was applied"
    given = Given.from_body(event.body["given"])
    decision = decide(Case(before, policy, event.node, event.service, given))
    if decision.act is not DECIDED[Kind(event.kind)] or decision.rule != event.body["rule"]:
        return (
            f"{event.kind} {event.service} by rule {event.body['rule']}, but the table says {decision.act} "
            f"by rule {decision.rule}: {decision.reason}"
        )
    return _epoch(before, event) or _judgements(before, event, given, policy.timing.dead_ms)


def _epoch(before: State, event: Event) -> str | None:
    if event.kind == Kind.RECOVER:
        return None
    known = ownership.epoch(before, event.service)
    epoch = event.body["epoch"]
    return None if epoch == known + 1 else f"{event.kind} {event.service} with epoch {epoch} where {known} was known"


def _judgements(before: State, event: Event, given: Given, dead_ms: int) -> str | None:
    """A judgement that a transition rests on stands in the author's feed, and fits the silence that it gives."""
    written = before.column(event.node).judgement
    others = before.policies[before.column(event.node).config].others(event.node)
    if set(given.peers) != set(others):
        return f"{event.kind} {event.service} judges {sorted(given.peers)}, the peers are {sorted(others)}"
    for name, peer in given.peers.items():
        if written.get(name, Judgement.INDOUBT) != peer.judgement:
            return f"{event.kind} {event.service} calls {name} {peer.judgement}, its feed says {written.get(name, 'indoubt')}"
        if peer.judgement is Judgement.DEAD and peer.silent_ms < dead_ms:
            return f"{event.kind} {event.service} calls {name} dead after {peer.silent_ms} ms of silence"
    return None


def _pointed(before: State, event: Event) -> str | None:
    """A cause is something that the author knew."""
    column = before.column(event.node)
    for cause in event.causes:
        if cause.node == event.node and cause[1:] >= (event.incarnation, event.number):
            return f"{event.kind} names {cause} as its cause, which comes later"
        if cause.node != event.node and not _knew(column.seen.get(cause.node), event.heads, cause):
            return f"{event.kind} names {cause} as its cause, which it did not know"
    return None


def _knew(seen: Head | None, told: Sequence[Head], cause: Ref) -> bool:
    known = [head for head in (seen, *told) if head is not None and head.node == cause.node]
    return any(cause[1:] <= (head.incarnation, head.number) for head in known)


def findings(entries: Sequence[Entry]) -> Iterator[Unlawful]:
    """Every unlawful event of a history. `entries`: all entries, in any order between feeds, in order inside each."""
    feeds: dict[tuple[str, int], list[Event]] = {}
    for entry in entries:
        feeds.setdefault((entry.event.node, entry.event.incarnation), []).append(entry.event)
    for events in feeds.values():
        events.sort(key=lambda event: event.number)
    for node in sorted({node for node, _ in feeds}):
        yield from _history(node, feeds)


def _history(me: str, feeds: Mapping[tuple[str, int], list[Event]]) -> Iterator[Unlawful]:
    """One author's events, each against what the author knew: its own feed so far, and the others up to its heads."""
    for feed in sorted(feed for feed in feeds if feed[0] == me):
        view, reached = _opened(feeds[feed][0], feeds), dict[tuple[str, int], int]()
        for event in feeds[feed]:
            for head in sorted(event.heads, key=lambda head: head.feed):
                view = _advance(view, head, feeds, reached)
            wrong = check(view, event)
            if wrong:
                yield Unlawful(event.ref, wrong)
            view = reduce(view, event)


def _opened(first: Event, feeds: Mapping[tuple[str, int], list[Event]]) -> State:
    """What a new incarnation knows of its own past: its feed before, as far as its first event says that it goes.

    Of the others it knows what its first heads say, which may be less than its lost past knew.
    """
    view = State()
    if first.kind == Kind.GAP_DECLARED:
        old = feeds.get((first.node, first.body["incarnation"]), [])
        for event in old[: first.body["number"]]:
            view = reduce(view, event)
    return view


def _advance(
    view: State, head: Head, feeds: Mapping[tuple[str, int], list[Event]], reached: dict[tuple[str, int], int]
) -> State:
    done = reached.get(head.feed, 0)
    for event in feeds.get(head.feed, [])[done : head.number]:
        view = reduce(view, event)
    reached[head.feed] = max(done, head.number)
    return view
