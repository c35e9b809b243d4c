"""What a candidate writes about a service: its own transitions, actions, checks and carriers."""

from dataclasses import dataclass
from typing import ClassVar

from protocol.events.body import Body
from protocol.events.given import Observations
from protocol.events.shapes import (
    COUNT,
    EPOCH,
    EPOCH_OR_NONE,
    INDEX,
    MS_MAX,
    NAME,
    NODE,
    NODES,
    NODES_MAX,
    REASON,
    SAID,
    TRUTH,
    WORD,
    Bytes,
    Listed,
    Nested,
    OneOf,
    Row,
    Shaped,
    Whole,
    shaped,
)
from protocol.events.words import ActionWord, EndState, OnFail, Outcome
from protocol.kinds import Kind

GIVEN = Nested(Observations)
GIVEN_OR_NONE = Nested(Observations, empty=True)
MICROSECONDS = Whole(0, MS_MAX * 1000)
EIGHT = Bytes(8, 8)
PASSED_OVER = Listed(Row((NODE, REASON)), NODES_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByArbiter(Shaped):
    """By which lease of which etcd cluster a claim is made: its author's word, which no feed proves."""

    cluster: bytes = shaped(EIGHT)
    """Its id; like the lease a number of 64 bits, the largest byte first."""
    revision: int = shaped(COUNT)
    """At which the lease was put there."""
    lease: bytes = shaped(EIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Body):
    """RECOVER -> STARTING."""

    KIND: ClassVar[str] = Kind.CLAIM
    epoch: int = shaped(EPOCH)
    rule: str = shaped(WORD)
    given: Observations = shaped(GIVEN)
    reason: str = shaped(REASON, "")
    passed_over: tuple[tuple[str, str], ...] = shaped(PASSED_OVER, ())
    """Every candidate before the author, and why it was passed over."""
    arbiter: ByArbiter | None = shaped(Nested(ByArbiter, empty=True), None, sparse=True)
    """Under `arbiter`: by whose leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim(Body):
    """UP -> RECLAIM under a new epoch."""

    KIND: ClassVar[str] = Kind.RECLAIM
    epoch: int = shaped(EPOCH)
    rule: str = shaped(WORD)
    given: Observations = shaped(GIVEN)
    reason: str = shaped(REASON, "")
    rivals: tuple[str, ...] = shaped(NODES, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Up(Body):
    """STARTING or RECLAIM -> UP."""

    KIND: ClassVar[str] = Kind.UP
    epoch: int = shaped(EPOCH_OR_NONE, 0)
    durable_us: int = shaped(MICROSECONDS, 0)
    act_us: int = shaped(MICROSECONDS, 0)
    announce_us: int = shaped(MICROSECONDS, 0)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Body):
    """-> STOPPING."""

    KIND: ClassVar[str] = Kind.RELEASE
    epoch: int = shaped(EPOCH_OR_NONE, 0)
    rule: str = shaped(WORD, "")
    to: EndState = shaped(OneOf(EndState))
    cause: str = shaped(WORD)
    given: Observations | None = shaped(GIVEN_OR_NONE, None)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Body):
    """STOPPING -> RECOVER or FAIL: the end of holding."""

    KIND: ClassVar[str] = Kind.DOWN
    epoch: int = shaped(EPOCH_OR_NONE, 0)
    to: EndState = shaped(OneOf(EndState))
    cause: str = shaped(WORD)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Body):
    """RECOVER -> FAIL without having held."""

    KIND: ClassVar[str] = Kind.FAIL
    rule: str = shaped(WORD)
    cause: str = shaped(WORD)
    given: Observations = shaped(GIVEN)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover(Body):
    """FAIL -> RECOVER."""

    KIND: ClassVar[str] = Kind.RECOVER
    rule: str = shaped(WORD)
    given: Observations = shaped(GIVEN)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Body):
    """-> STARTING in place, under the same claim."""

    KIND: ClassVar[str] = Kind.RESTART
    count: int = shaped(COUNT)
    reason: str = shaped(REASON, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStarted(Body):
    KIND: ClassVar[str] = Kind.ACTION_STARTED
    action: int = shaped(INDEX)
    word: ActionWord = shaped(OneOf(ActionWord))
    epoch: int = shaped(EPOCH_OR_NONE, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFinished(Body):
    KIND: ClassVar[str] = Kind.ACTION_FINISHED
    action: int = shaped(INDEX)
    word: ActionWord = shaped(OneOf(ActionWord))
    epoch: int = shaped(EPOCH_OR_NONE, 0)
    outcome: Outcome = shaped(OneOf(Outcome))
    took_us: int = shaped(MICROSECONDS, 0)
    text: str = shaped(SAID, "")
    output: bytes = shaped(Bytes(32), b"")
    """SHA-256 of what it printed, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFailed(Body):
    KIND: ClassVar[str] = Kind.CHECK_FAILED
    check: int = shaped(INDEX)
    text: str = shaped(SAID, "")
    good: bool = shaped(TRUTH)
    """For good: after `fall` failures in a row, and after `restarts`."""
    on_fail: OnFail = shaped(OneOf(OnFail), OnFail.MOVE, sparse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPassed(Body):
    KIND: ClassVar[str] = Kind.CHECK_PASSED
    check: int = shaped(INDEX)
    text: str = shaped(SAID, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierLost(Body):
    KIND: ClassVar[str] = Kind.CARRIER_LOST
    interface: str = shaped(NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierBack(Body):
    KIND: ClassVar[str] = Kind.CARRIER_BACK
    interface: str = shaped(NAME)
