"""The causal chain of an ownership: back from the claim along the causes, and forward to what it brought about.

    events = chain(history, known, root)        # causes before effects

What was restarted in place under the claim is told with its own causes: a configuration that was applied, a check that failed.
Where the walk stops: at earlier claims (they have a `why` of their own), at a link's or peer's last good state, and at
what is not about this ownership. A reclaim tells the story of the split, so the rival's claim is walked as well.
"""

from collections.abc import Iterable

from protocol.event import Event, Ref
from protocol.events import ActionFinished, ActionStarted, Claim, Judged, Judgement, Reclaim, Up, body_of
from protocol.kinds import Kind
from tools.audit.history import History

CLAIMS = frozenset({Kind.CLAIM, Kind.RECLAIM})

OUTCOMES = frozenset(
    {Kind.ACTION_STARTED, Kind.ACTION_FINISHED, Kind.UP, Kind.RESTART, Kind.CHECK_FAILED, Kind.SPLIT_SEEN, Kind.SPLIT_RESOLVED}
)
"""What follows from a claim at its own node."""

YIELDING = frozenset({Kind.SPLIT_SEEN, Kind.SPLIT_RESOLVED, Kind.RELEASE, Kind.DOWN, Kind.ACTION_STARTED, Kind.ACTION_FINISHED})
"""What a rival does when a split ends."""

ENDS = CLAIMS | {Kind.DOWN}
"""What ends the time of a claim in the feed of its node."""

EVENTS_MAX = 500


def chain(history: History, known: frozenset[Ref], root: Event) -> list[Event]:
    """Every event of the story that counts by the moment asked for (`known`), in the order of the history."""
    restarts = _restarts(history, known, root)
    story = _forward(history, known, root, restarts)
    for begin in (root, *restarts):
        story |= _back(history, known, begin)
    return [event for event in history.order if event.ref in story][:EVENTS_MAX]


def _back(history: History, known: frozenset[Ref], root: Event) -> set[Ref]:
    found = {root.ref}
    waiting = [root]
    walked = {root.ref, *(root.causes if root.kind == Kind.RECLAIM else ())}
    while waiting and len(found) < EVENTS_MAX:
        event = waiting.pop()
        for cause in _causes(history, event, event.ref in walked):
            if cause.ref not in found and cause.ref in known:
                found.add(cause.ref)
                waiting.append(cause)
    return found


def _causes(history: History, event: Event, walked: bool) -> Iterable[Event]:
    causes = [history.events[ref] for ref in history.causes(event) if ref in history.events]
    if event.kind in CLAIMS:
        return causes if walked else []
    if event.kind == Kind.JUDGED:
        return [cause for cause in causes if _is_silence(cause)]
    if event.kind in (Kind.LINK_UP, Kind.LINK_DOWN, Kind.NODE_STARTED):
        return []
    return causes


def _is_silence(event: Event) -> bool:
    """A link that fell silent, or a judgement on the way to the next one: not the time when all was well."""
    body = body_of(event)
    return event.kind == Kind.LINK_DOWN or (isinstance(body, Judged) and body.judgement is not Judgement.ALIVE)


def _forward(history: History, known: frozenset[Ref], root: Event, restarts: Iterable[Event]) -> set[Ref]:
    found: set[Ref] = set()
    waiting = [
        root,
        *restarts,
        *(history.events[ref] for ref in root.causes if ref in history.events and root.kind == Kind.RECLAIM),
    ]
    while waiting:
        event = waiting.pop()
        for effect in history.effects.get(event.ref, ()):
            if effect.ref in known and effect.ref not in found and _follows(root, effect):
                found.add(effect.ref)
                waiting.append(effect)
    return found


def _restarts(history: History, known: frozenset[Ref], root: Event) -> list[Event]:
    """What was done anew under the owner's claim, by an operator's `config apply` or since something failed."""
    found: list[Event] = []
    if root.kind in CLAIMS:
        for event in history.nodes[root.node]:
            if event.ref <= root.ref or event.service != root.service:
                continue
            if event.kind in ENDS or event.ref not in known:
                break
            if event.kind == Kind.RESTART:
                found.append(event)
    return found


def _follows(root: Event, effect: Event) -> bool:
    if effect.service != root.service:
        return False
    if effect.node == root.node:
        return effect.kind in OUTCOMES and _epoch(effect) in (0, _epoch(root))
    return root.kind == Kind.RECLAIM and effect.kind in YIELDING


def _epoch(event: Event) -> int:
    """The epoch of which it tells; 0 where it names none."""
    body = body_of(event)
    return body.epoch if isinstance(body, Claim | Reclaim | Up | ActionStarted | ActionFinished) else 0
