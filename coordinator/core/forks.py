"""Forks in the fold: evidence that one event does not hold stands in pieces before the event that rests on it.

    state = counted(state, event, body)         # of fork-part: one more piece; of fork-seen: whether it proves anything
    write(core, ours, theirs)                   # False where both sides are too long even for pieces

The pieces of one proof stand in one feed, the first one first. Of each node they are kept for one feed only and until its
fork-seen, so that pieces without end fill nobody's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from coordinator.core import proof
from coordinator.core.model import Shown, State
from coordinator.core.replacing import replace
from protocol.event import Event
from protocol.events import ForkPart, ForkSeen
from protocol.forks import Branch, cut, fits, fits_in_pieces, flat_of, joined
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

Feed = tuple[str, int]


def write(core: Core, ours: Branch, theirs: Branch) -> bool:
    """Both sides as events of ours; False where they are too long, and nothing was written."""
    event = theirs[0].event
    body = {"node": event.node, "incarnation": event.incarnation, "number": event.number}
    if fits(ours, theirs):
        core.write(Kind.FORK_SEEN, "", {**body, "ours": flat_of(ours), "theirs": flat_of(theirs)}, ())
        return True
    if not fits_in_pieces(ours, theirs):
        return False
    pieces = cut(ours, theirs)
    for piece in pieces:
        core.write(Kind.FORK_PART, "", piece, ())
    core.write(Kind.FORK_SEEN, "", {**body, "ours": [], "theirs": [], "digest": pieces[0]["digest"]}, ())
    return True


def counted(state: State, event: Event, body: ForkPart | ForkSeen) -> State:
    """Of a replaced incarnation too: what was proved once stands by itself."""
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
