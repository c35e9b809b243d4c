"""Forks in the fold: evidence that one event does not hold stands in pieces before the event that rests on it.

    state = counted(state, event, body)         # of fork-part: one more piece; of fork-seen: whether it proves anything

The pieces of one proof stand in one feed, the first one first. For each node they are kept for one feed only and until its
fork-seen, so that pieces without end fill no reader's memory.
"""

from collections.abc import Mapping

from coordinator.state import proof
from coordinator.state.model import Shown, State
from coordinator.state.replacing import replace
from protocol.event import Event
from protocol.events import ForkPart, ForkSeen
from protocol.forks import joined

Feed = tuple[str, int]


def counted(state: State, event: Event, body: ForkPart | ForkSeen) -> State:
    """Counts for a replaced incarnation too: what was proved once stands by itself."""
    feed = (event.node, event.incarnation)
    if isinstance(body, ForkPart):
        return replace(state, shown=_with_piece(state.shown, feed, body))
    whole = _whole(state.shown.get(feed), body.digest)
    if body.digest:
        state = replace(state, shown=_without(state.shown, event.node))
    if proof.fork(state, body, whole) is not None:
        return state
    return replace(state, forks={**state.forks, body.node: state.forks.get(body.node, frozenset()) | {event.ref}})


def _with_piece(shown: Mapping[Feed, Shown], feed: Feed, body: ForkPart) -> Mapping[Feed, Shown]:
    before = shown.get(feed) if body.index else Shown(body.digest, body.count, ())
    others = _without(shown, feed[0])
    if before is None or (before.digest, before.count, len(before.pieces)) != (body.digest, body.count, body.index):
        return others
    return {**others, feed: Shown(body.digest, body.count, (*before.pieces, body.data))}


def _without(shown: Mapping[Feed, Shown], node: str) -> Mapping[Feed, Shown]:
    return {feed: pieces for feed, pieces in shown.items() if feed[0] != node}


def _whole(shown: Shown | None, digest: bytes) -> bytes:
    return joined(shown.pieces, digest) if shown and len(shown.pieces) == shown.count else b""
