"""Event bodies, typed: one frozen dataclass for each kind, one module for each family of kinds.

    body = body_of(event)               # Claim(epoch=3, ...), or Malformed("epoch is str, not a whole number")
    raw = Claim(epoch=3, rule=..., given=...).to_body()

A signature proves who wrote an event, not that its body makes sense. An event whose body does not parse is stored and
passed on like any other, since no successor would fit behind a hole; it changes nothing but the head.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.event import Event
from protocol.events.body import Body
from protocol.events.evidence import (
    CarriedService,
    ForkPart,
    ForkSeen,
    Gap,
    HeardLastWord,
    Readmitted,
    SplitResolved,
    SplitSeen,
    TailCut,
)
from protocol.events.fences import FencedBy, FenceRequested, FenceResult
from protocol.events.given import Observations, PeerObservations
from protocol.events.node import (
    ConfigApplied,
    ConfigPart,
    Judged,
    LinkDown,
    LinkUp,
    NodePaused,
    NodeStarted,
    NodeStopped,
    NodeStopping,
    Pulse,
    Removed,
)
from protocol.events.orders import Commanded, Fenced, Hold, MoveBegun, MoveEnded, Unhold
from protocol.events.service import (
    ActionFinished,
    ActionStarted,
    ByArbiter,
    CarrierBack,
    CarrierLost,
    CheckFailed,
    CheckPassed,
    Claim,
    Down,
    Fail,
    Reclaim,
    Recover,
    Release,
    Restart,
    Up,
)
from protocol.events.shapes import BadBody
from protocol.events.votes import Vote
from protocol.events.words import ActionWord, EndState, Judgement, Late, OnFail, Outcome, ServicePhase
from protocol.kinds import Kind

__all__ = [
    "BODIES",
    "ActionFinished",
    "ActionStarted",
    "ActionWord",
    "BadBody",
    "Body",
    "ByArbiter",
    "CarriedService",
    "CarrierBack",
    "CarrierLost",
    "CheckFailed",
    "CheckPassed",
    "Claim",
    "Commanded",
    "ConfigApplied",
    "ConfigPart",
    "Down",
    "EndState",
    "Fail",
    "FenceRequested",
    "FenceResult",
    "Fenced",
    "FencedBy",
    "ForkPart",
    "ForkSeen",
    "Gap",
    "HeardLastWord",
    "Hold",
    "Judged",
    "Judgement",
    "Late",
    "LinkDown",
    "LinkUp",
    "Malformed",
    "MoveBegun",
    "MoveEnded",
    "NodePaused",
    "NodeStarted",
    "NodeStopped",
    "NodeStopping",
    "Observations",
    "OnFail",
    "Outcome",
    "PeerObservations",
    "Pulse",
    "Readmitted",
    "Reclaim",
    "Recover",
    "Release",
    "Removed",
    "Restart",
    "ServicePhase",
    "SplitResolved",
    "SplitSeen",
    "TailCut",
    "Unhold",
    "Up",
    "Vote",
    "body_of",
    "read_body",
]

BODIES: Mapping[str, type[Body]] = {
    cls.KIND: cls
    for cls in (
        NodeStarted, NodeStopping, NodeStopped, NodePaused, ConfigApplied, ConfigPart, Removed, LinkUp, LinkDown, Judged, Pulse,
        Recover, Claim, Up, Release, Down, Fail, Reclaim, Restart, ActionStarted, ActionFinished,
        CheckFailed, CheckPassed, CarrierLost, CarrierBack,
        Commanded, Hold, Unhold, MoveBegun, MoveEnded, Fenced,
        HeardLastWord, SplitSeen, SplitResolved, ForkSeen, ForkPart, Readmitted, Gap, TailCut, Vote,
        FenceRequested, FenceResult,
    )
}  # fmt: skip
"""Kind to the class of its body."""

ABOUT_EITHER = frozenset({Kind.COMMAND, Kind.FENCE_REQUESTED})
"""Kinds that may be about a service or about none."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A body that is not of its kind's format, with the reason."""

    text: str


def body_of(event: Event) -> Body | Malformed | None:
    """The body as its kind's class; Malformed where it does not parse; None for a kind that this version does not know."""
    return read_body(event.kind, event.service, event.body)


def read_body(kind: str, service: str, body: Mapping[str, Any]) -> Body | Malformed | None:
    cls = BODIES.get(kind)
    if cls is None:
        return None
    if kind not in ABOUT_EITHER and bool(service) is not cls.SERVICE:
        return Malformed(f"{kind} is about {'a service' if cls.SERVICE else 'no service'}, and names {service or 'none'}")
    try:
        return cls.from_body(body)
    except BadBody as error:
        return Malformed(f"the body of {kind}: {error}")
