"""What a node writes about switching another node off, and what became of it (docs/fencing.md)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from protocol.events.body import Body
from protocol.events.given import Observations
from protocol.events.shapes import NODE, RUN_OR_NONE, SAID, TRUTH, WORD, Nested, OneOf, Whole, shaped
from protocol.kinds import Kind

LEVELS_MAX = 64


class FencedBy(StrEnum):
    """On whose behalf a node was switched off, or is said to be off."""

    CLAIM = "claim"
    """A claim of the author waits for it."""
    COMMAND = "command"
    """An operator ordered it."""
    WORD = "word"
    """An operator says that it is off: no device was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceRequested(Body):
    """The author is about to switch this node off. About the service whose claim waits, or about none, by a command."""

    KIND: ClassVar[str] = Kind.FENCE_REQUESTED
    node: str = shaped(NODE)
    run: bytes = shaped(RUN_OR_NONE)
    """The run of it that is known; empty where nothing of it is."""
    by: FencedBy = shaped(OneOf(FencedBy))
    rule: str = shaped(WORD, "", sparse=True)
    given: Observations | None = shaped(Nested(Observations, empty=True), None, sparse=True)
    """By a claim: what the author was told besides the feeds, as in the claim itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceResult(Body):
    """What became of it. With `ok` each device of one level says that the node's power is off."""

    KIND: ClassVar[str] = Kind.FENCE_RESULT
    SERVICE: ClassVar[bool] = False
    node: str = shaped(NODE)
    run: bytes = shaped(RUN_OR_NONE)
    ok: bool = shaped(TRUTH)
    by: FencedBy = shaped(OneOf(FencedBy))
    level: int = shaped(Whole(0, LEVELS_MAX), 0)
    """Which level did it, from 1; 0 where none did."""
    text: str = shaped(SAID, "")
    """What happened, level by level, without a secret."""
