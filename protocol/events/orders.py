"""An operator's command as an event, and what follows from it."""

from dataclasses import dataclass
from typing import ClassVar

from protocol.event import Ref
from protocol.events.body import Body
from protocol.events.shapes import (
    BLOB,
    EPOCH,
    EPOCH_OR_NONE,
    MS,
    NODE,
    NODE_OR_NONE,
    REASON,
    REF,
    REFS,
    RUN_OR_NONE,
    WORD,
    shaped,
)
from protocol.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded(Body):
    """The signed command, admitted by the node that must act. About no service where the command names none."""

    KIND: ClassVar[str] = Kind.COMMAND
    command: bytes = shaped(BLOB)
    signature: bytes = shaped(BLOB)
    target: str = shaped(NODE_OR_NONE, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Body):
    KIND: ClassVar[str] = Kind.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(Body):
    KIND: ClassVar[str] = Kind.UNHOLD
    ends: tuple[Ref, ...] = shaped(REFS, ())
    """The holds that it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBegun(Body):
    KIND: ClassVar[str] = Kind.MOVE_BEGUN
    target: str = shaped(NODE)
    epoch: int = shaped(EPOCH_OR_NONE)
    for_ms: int = shaped(MS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEnded(Body):
    KIND: ClassVar[str] = Kind.MOVE_ENDED
    move: Ref = shaped(REF)
    why: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced(Body):
    """The named node's holding up to this epoch counts as over."""

    KIND: ClassVar[str] = Kind.FENCED
    node: str = shaped(NODE)
    epoch: int = shaped(EPOCH)
    by: str = shaped(WORD, "operator")
    run: bytes = shaped(RUN_OR_NONE, b"")
