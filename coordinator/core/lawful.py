"""The lawfulness check: every transition of history decided again, with the feeds at its heads and what it was given.

    for finding in findings(feeds, keys): ...       # an auditor, over all entries
    wrong = check(before, event)                    # one event, with its author's view just before it

Only claims, reclaims and returns from FAIL can break a promise, so only these are decided again; for every kind the
order of the states is checked. A release is never unlawful. What a node did not do is lateness, not lawlessness.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from coordinator.core import ownership
from coordinator.core.case import Case
from coordinator.core.configurations import ran
from coordinator.core.decide import Act, decide
from coordinator.core.model import Column, Judgement, State
from coordinator.core.reducer import reduce
from coordinator.core.transitions import out_of_order
from coordinator.policy import Policy
from protocol.event import Entry, Event, Head, Ref
from protocol.events import Body, Claim, Gap, Given, Malformed, Reclaim, Recover, body_of
from protocol.kinds import Kind
from protocol.messages import Keyring

DECIDED = {Kind.CLAIM: Act.CLAIM, Kind.RECLAIM: Act.RECLAIM, Kind.RECOVER: Act.RECOVER}


Feed = tuple[str, int]


class Unlawful(NamedTuple):
    ref: Ref
    text: str


def check(before: State, event: Event) -> str | None:
    """Why this event is unlawful, in a sentence; None where it is not. `before`: its author's state just before it."""
    body = body_of(event)
    if isinstance(body, Malformed):
        return None  # a finding of its own: the fold passes over it
    column = before.column(event.node)
    begun = column.head is not None and column.head.incarnation == event.incarnation
    order = out_of_order(column if begun else Column(event.node), event.kind, event.service)
    return order or _decided(before, event, body) or _carried(before, event, body) or _pointed(before, event)


def _decided(before: State, event: Event, body: Body | None) -> str | None:
    if not isinstance(body, Claim | Reclaim | Recover):
        return None
    column = before.column(event.node)
    policy = before.policy_of(column.configs)
    if policy is None:
        return f"{event.kind} {event.service} before any configuration was applied"
    given = body.given
    decision = decide(Case(before, policy, event.node, event.service, given))
    if decision.act is not DECIDED[Kind(event.kind)] or decision.rule != body.rule:
        return (
            f"{event.kind} {event.service} by rule {body.rule}, but the table says {decision.act} "
            f"by rule {decision.rule}: {decision.reason}"
        )
    return _epoch(before, event, body) or _judgements(before, event, given, policy)


def _epoch(before: State, event: Event, body: Claim | Reclaim | Recover) -> str | None:
    if isinstance(body, Recover):
        return None
    known = ownership.epoch(before, event.service)
    if body.epoch == known + 1:
        return None
    return f"{event.kind} {event.service} with epoch {body.epoch} where {known} was known"


def _judgements(before: State, event: Event, given: Given, policy: Policy) -> str | None:
    """A judgement that a transition rests on stands in the author's feed, and fits the silence that it gives."""
    written = before.column(event.node).judgement
    others = policy.others(event.node)
    if set(given.peers) != set(others):
        return f"{event.kind} {event.service} judges {sorted(given.peers)}, the peers are {sorted(others)}"
    for name, peer in given.peers.items():
        if written.get(name, Judgement.INDOUBT) != peer.judgement:
            return f"{event.kind} {event.service} calls {name} {peer.judgement}, its feed says {written.get(name, 'indoubt')}"
        if peer.judgement is Judgement.DEAD and peer.silent_ms < policy.timing.dead_ms:
            return f"{event.kind} {event.service} calls {name} dead after {peer.silent_ms} ms of silence"
    return None


def _carried(before: State, event: Event, body: Body | None) -> str | None:
    """A gap carries epochs that its author had claimed; judged where all of the incarnation before is here."""
    column = before.column(event.node)
    if not isinstance(body, Gap) or column.head is None or column.head[1:3] != (body.incarnation, body.number):
        return None
    for name, kept in body.services.items():
        known = max(column.service(name).epoch, column.service(name).holding_epoch, ownership.epoch(before, name))
        if max(kept.epoch, kept.holding_epoch) > known:
            return f"gap-declared carries epoch {max(kept.epoch, kept.holding_epoch)} of {name} where {known} was known"
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


def findings(entries: Sequence[Entry], keyring: Keyring | None = None) -> Iterator[Unlawful]:
    """Every unlawful event of a history. `entries`: all entries, in any order between feeds, in order inside each.
    `keyring`: who proves signatures inside events, where that is not the keys of the configurations."""
    feeds: dict[tuple[str, int], list[Event]] = {}
    for entry in entries:
        feeds.setdefault((entry.event.node, entry.event.incarnation), []).append(entry.event)
    for events in feeds.values():
        events.sort(key=lambda event: event.number)
    for node in sorted({node for node, _ in feeds}):
        yield from _history(node, feeds, keyring)


def _history(me: str, feeds: Mapping[tuple[str, int], list[Event]], keyring: Keyring | None) -> Iterator[Unlawful]:
    """One author's events, each against what the author knew: its own feed so far, and the others up to its heads.

    The author goes by the files that it ran itself, whoever else does: by these its own transitions are judged.
    """
    begin = State.begin(*ran(me, chain.from_iterable(feeds.values())), me=me, keyring=keyring)
    for feed in sorted(feed for feed in feeds if feed[0] == me):
        view, reached = _opened(begin, feeds[feed][0], feeds)
        for event in feeds[feed]:
            for head in sorted(event.heads, key=lambda head: head.feed):
                view = _advance(view, head, feeds, reached)
            wrong = check(view, event)
            if wrong:
                yield Unlawful(event.ref, wrong)
            view = reduce(view, event)


def _opened(begin: State, first: Event, feeds: Mapping[Feed, list[Event]]) -> tuple[State, dict[Feed, int]]:
    """What a new incarnation knows of its own past: its feed before, as far as its first event says that it goes.

    Of the others it knows what its first heads say, which may be less than its lost past knew.
    """
    view, reached = begin, dict[Feed, int]()
    body = body_of(first)
    if isinstance(body, Gap):
        old = feeds.get((first.node, body.incarnation), [])
        for event in old[: body.number]:
            view = reduce(view, event)
        reached[first.node, body.incarnation] = len(old[: body.number])
    return view, reached


def _advance(
    view: State, head: Head, feeds: Mapping[tuple[str, int], list[Event]], reached: dict[tuple[str, int], int]
) -> State:
    done = reached.get(head.feed, 0)
    for event in feeds.get(head.feed, [])[done : head.number]:
        view = reduce(view, event)
    reached[head.feed] = max(done, head.number)
    return view
