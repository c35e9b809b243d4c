"""The lawfulness check: every transition of history decided again, with the feeds at its heads and what it was given.

    for finding in findings(feeds, keys): ...       # an auditor, over all entries
    wrong = Views(feeds, keys).judged(told)         # the same, event by event, as a history is played
    wrong = check(before, event)                    # one event, with its author's view just before it

Only claims, reclaims and returns from FAIL can break a promise, so only these are decided again; for every kind the
order of the states is checked. A release is never unlawful. What a node did not do is lateness, not lawlessness.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from coordinator.decision.decide import NOT_FENCED, Act, decide
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import ARBITER, Policy
from coordinator.state import ownership
from coordinator.state.configurations import ran
from coordinator.state.model import Judgement, NodeState, State
from coordinator.state.reducer import Told, fold
from coordinator.state.standing import FIRST_RULES
from coordinator.state.transitions import out_of_order
from coordinator.state.votes import counted, newest
from protocol.event import Entry, Event, Head, Ref
from protocol.events import (
    Body,
    Claim,
    FencedBy,
    FenceRequested,
    Gap,
    Malformed,
    NodeStarted,
    Observations,
    Reclaim,
    Recover,
    Vote,
    body_of,
)
from protocol.kinds import Kind
from protocol.messages import Keyring
from protocol.moment import lasting

DECIDED = {Kind.CLAIM: Act.CLAIM, Kind.RECLAIM: Act.RECLAIM, Kind.RECOVER: Act.RECOVER}


Feed = tuple[str, int]

FIRST_FILE_WITHIN = 2_000
"""Events of a feed before its first file: a few, or the pieces of a large file and of what outlives an incarnation."""


class Unlawful(NamedTuple):
    ref: Ref
    text: str


def check(before: State, event: Event) -> str | None:
    """Why this event is unlawful, in a sentence; None where it is not. `before`: its author's state just before it."""
    return _checked(before, event, body_of(event))


def _checked(before: State, event: Event, body: Body | Malformed | None, old: NodeState | None = None) -> str | None:
    """`old`: its author's column at the end of the incarnation that a gap declares, where that is here."""
    if isinstance(body, Malformed):
        return None  # a finding of its own: the fold passes over it
    column = before.column(event.node)
    begun = column.head is not None and column.head.incarnation == event.incarnation
    order = out_of_order(column if begun else NodeState(event.node), event.kind, event.service)
    carried = _carried(before, event, body, old if begun else column) or _by_older_rules(before, event, body)
    decided = _decided(before, event, body) or _voted(before, event, body) or _fencing(before, event, body)
    return order or decided or carried or _pointed(before, event)


def _decided(before: State, event: Event, body: Body | None) -> str | None:
    if not isinstance(body, Claim | Reclaim | Recover):
        return None
    column = before.column(event.node)
    policy = before.policy_of(column.configs)
    if policy is None:
        return f"{event.kind} {event.service} before any configuration was applied"
    given = body.given
    decision = decide(Snapshot(before, policy, event.node, event.service, given))
    if decision.act is not DECIDED[Kind(event.kind)] or decision.rule != body.rule:
        return (
            f"{event.kind} {event.service} by rule {body.rule}, but the table says {decision.act} "
            f"by rule {decision.rule}: {decision.reason}"
        )
    return _epoch(before, event, body, policy) or _judgements(before, event, given, policy)


def _fencing(before: State, event: Event, body: Body | None) -> str | None:
    """For a claim of its own a node switches another off only where the table waits for that."""
    if not isinstance(body, FenceRequested) or body.by is not FencedBy.CLAIM:
        return None
    policy, what = before.policy_of(before.column(event.node).configs), f"{event.kind} of {body.node} for {event.service}"
    if policy is None or body.given is None:
        return f"{what} without what its author was given, or before any configuration was applied"
    case = Snapshot(before, policy, event.node, event.service, body.given)
    decision = decide(case)
    if not case.may_fence:
        return f"{what} by a node that hears no majority of the voters"
    if decision.rule != NOT_FENCED or body.node not in case.unfenced:
        return f"{what}, but the table says {decision.act} by rule {decision.rule}: {decision.reason}"
    return _judgements(before, event, body.given, policy)


def _voted(before: State, event: Event, body: Body | None) -> str | None:
    """A vote is a voter's, for a candidate, and for an epoch above every one that it knew of and that it has voted for."""
    if not isinstance(body, Vote):
        return None
    column, what = before.column(event.node), f"{event.kind} {event.service}"
    policy = before.policy_of(column.configs)
    service = policy.services.get(event.service) if policy else None
    if policy is None or service is None:
        return f"{what} before a configuration was applied that has it"
    if event.node not in policy.voters:
        return f"{what} by {event.node}, which is no voter"
    if service.partition != "majority":
        return f"{what}, which needs no votes: its partition is {service.partition}"
    if body.candidate not in service.nodes:
        return f"{what} for {body.candidate}, which is no candidate"
    last = newest(column.votes.get(event.service, ()))
    known = max(last.epoch if last else 0, ownership.epoch(before, event.service))
    return f"{what} for epoch {body.epoch} where {known} was known" if body.epoch <= known else None


def _epoch(before: State, event: Event, body: Claim | Reclaim | Recover, policy: Policy) -> str | None:
    if isinstance(body, Recover):
        return None
    known, service = ownership.epoch(before, event.service), policy.services.get(event.service)
    if service is not None and service.partition == "majority" and body.epoch > known:
        return _votes(before, event, body.epoch, policy)  # numbers that were voted for and never claimed are left out
    if service is not None and service.partition == ARBITER and body.epoch > known:
        return _leave(event, body)  # above the arbiter's revision, and what others have put there
    if body.epoch == known + 1:
        return None
    return f"{event.kind} {event.service} with epoch {body.epoch} where {known} was known"


def _leave(event: Event, body: Claim | Reclaim) -> str | None:
    """A claim under `arbiter` names the lease by which it is made. That there was one, no feed shows."""
    named = isinstance(body, Claim) and body.arbiter is not None
    return None if named else f"{event.kind} {event.service} with epoch {body.epoch} without a lease of the arbiter"


def _votes(before: State, event: Event, epoch: int, policy: Policy) -> str | None:
    """A claim under `majority` names the votes of a majority of the voters, for its author and its epoch."""
    voted = set()
    for node in policy.voters:
        vote = counted(before.column(node).votes.get(event.service, ()), event.node, epoch)
        if vote is not None and vote.ref in event.causes:
            voted.add(node)
    if 2 * len(voted) > len(policy.voters):
        return None
    return f"{event.kind} {event.service} with epoch {epoch} by the votes of {len(voted)} of {len(policy.voters)} voters"


def _judgements(before: State, event: Event, given: Observations, policy: Policy) -> str | None:
    """A judgement that a transition rests on stands in the author's feed, and fits the silence that it gives."""
    written = before.column(event.node).judgement
    others = policy.others(event.node)
    if set(given.peers) != set(others):
        return f"{event.kind} {event.service} judges {sorted(given.peers)}, the peers are {sorted(others)}"
    for name, peer in given.peers.items():
        if written.get(name, Judgement.INDOUBT) != peer.judgement:
            return f"{event.kind} {event.service} calls {name} {peer.judgement}, its feed says {written.get(name, 'indoubt')}"
        if peer.judgement is Judgement.DEAD and peer.silent_ms < policy.timing.dead_ms:
            return f"{event.kind} {event.service} calls {name} dead after {lasting(peer.silent_ms)} of silence"
    return None


def _carried(before: State, event: Event, body: Body | None, old: NodeState | None) -> str | None:
    """A gap carries epochs that its author had claimed; judged where all of the incarnation before is here."""
    if not isinstance(body, Gap) or old is None or old.head is None or old.head[1:3] != (body.incarnation, body.number):
        return None
    for name, kept in body.services.items():
        known = max(old.service(name).epoch, old.service(name).holding_epoch, ownership.epoch(before, name))
        if max(kept.epoch, kept.holding_epoch) > known:
            return f"gap-declared carries epoch {max(kept.epoch, kept.holding_epoch)} of {name} where {known} was known"
    return None


def _by_older_rules(before: State, event: Event, body: Body | None) -> str | None:
    """Runs of the first rules carried orders in their gaps; one that says so beside runs of later rules wants to be obeyed."""
    gap = before.column(event.node).orders_in_gap
    if not isinstance(body, NodeStarted) or body.rules > FIRST_RULES or gap is None or not before.orders.second:
        return None
    return f"node-started says rules {body.rules}, and event {gap.number} carries orders: it knew of runs by later rules"


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


class FeedIndex(Protocol):
    """The feeds as the views read them: whole from 1 on, as far as they can be judged."""

    def told(self, feed: Feed, first: int, last: int) -> Iterator[Told]:
        """The events from number `first` to number `last`, as far as they are here."""


@dataclass(slots=True)
class _View:
    """What one author knows in one of its incarnations, and how far it has read the feeds of others."""

    state: State
    reached: dict[Feed, int]
    old: NodeState | None = None
    """The author's column at the end of its incarnation before, as far as this one declares it."""


class Views:
    """What each author knew before each of its events. `keyring`: who proves signatures inside events, where that is not the
    keys of the configurations.

    The author goes by the files that it ran itself, whichever others run: by these its own transitions are judged.
    """

    def __init__(self, feeds: FeedIndex, keyring: Keyring | None):
        self._feeds = feeds
        self._keyring = keyring
        self._views: dict[str, tuple[int, _View]] = {}

    def judged(self, told: Told) -> str | None:
        """Why this event is unlawful; the events of one author come in their order."""
        event = told.event
        view = self._view(event)
        for head in sorted(event.heads, key=_feed_of) if len(event.heads) > 1 else event.heads:
            self._advance(view, head)
        wrong = _checked(view.state, event, told.typed, view.old)
        view.state = fold(view.state, told)
        return wrong

    def _view(self, event: Event) -> _View:
        incarnation, view = self._views.get(event.node, (0, None))
        if view is None or incarnation != event.incarnation:
            view = self._opened(event)
            self._views[event.node] = event.incarnation, view
        return view

    def _opened(self, first: Event) -> _View:
        """What a new incarnation knows of its own past: its feed before, as far as its first event says that it goes.

        Of the others it knows what its first heads say, which may be less than its lost past knew.
        """
        view = _View(State.begin(*ran(first.node, self._past(first)), me=first.node, keyring=self._keyring), {})
        body = body_of(first)
        if isinstance(body, Gap):
            self._read(view, (first.node, body.incarnation), body.number)
            view.old = view.state.column(first.node)
        return view

    def _past(self, first: Event) -> Iterator[Event]:
        """What tells which files the author knew when this feed began: what it had of its older ones, and its first file."""
        body = body_of(first)
        old = {head.feed: head.number for head in first.heads if head.node == first.node}
        if isinstance(body, Gap):
            old[first.node, body.incarnation] = body.number
        for feed, number in sorted(old.items()):
            for told in self._feeds.told(feed, 1, number):
                yield told.event
        for told in self._feeds.told((first.node, first.incarnation), 1, FIRST_FILE_WITHIN):
            yield told.event
            if told.event.kind == Kind.CONFIG_APPLIED:
                return

    def _advance(self, view: _View, head: Head) -> None:
        if head.number > view.reached.get(head.feed, 0):
            self._read(view, head.feed, head.number)

    def _read(self, view: _View, feed: Feed, last: int) -> None:
        for told in self._feeds.told(feed, view.reached.get(feed, 0) + 1, last):
            view.state = fold(view.state, told)
        view.reached[feed] = last


def _feed_of(head: Head) -> Feed:
    return head.feed


class _Held:
    """Feeds in memory."""

    def __init__(self, entries: Sequence[Entry]):
        self.feeds: dict[Feed, list[Told]] = {}
        for entry in entries:
            self.feeds.setdefault(entry.head.feed, []).append(Told.of(entry.event))
        for events in self.feeds.values():
            events.sort(key=lambda told: told.event.number)

    def told(self, feed: Feed, first: int, last: int) -> Iterator[Told]:
        return iter(self.feeds.get(feed, [])[first - 1 : last])


def findings(entries: Sequence[Entry], keyring: Keyring | None = None) -> Iterator[Unlawful]:
    """Every unlawful event of a history. `entries`: all entries, in any order between feeds, in order inside each."""
    held = _Held(entries)
    views = Views(held, keyring)
    for feed in sorted(held.feeds):
        for told in held.feeds[feed]:
            if wrong := views.judged(told):
                yield Unlawful(told.event.ref, wrong)
