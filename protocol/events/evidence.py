"""What a node saw that others go by: last words, splits, forks, and what it carries over from an older incarnation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from protocol.canonical import LENGTH_MAX
from protocol.event import NAME_MAX, Ref
from protocol.events.body import Body
from protocol.events.shapes import (
    BLOB,
    COUNT,
    EPOCH,
    EPOCH_OR_NONE,
    ID,
    MS,
    NAME,
    NODE,
    NODE_OR_NONE,
    NODES,
    NODES_MAX,
    NUMBER_MAX,
    REF,
    REFS,
    RUN_OR_NONE,
    TRUTH,
    Bytes,
    Listed,
    Mapped,
    Nested,
    Row,
    Shaped,
    Text,
    Whole,
    shaped,
)
from protocol.forks import PART_BYTES, PARTS_MAX, RUN_ENTRIES_MAX
from protocol.kinds import Kind

INCARNATION = Whole(1, NUMBER_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardLastWord(Body):
    """A last word as it was signed. Node and epoch stand beside it for people: what counts is inside the signed bytes."""

    KIND: ClassVar[str] = Kind.LAST_WORD
    word: bytes = shaped(BLOB)
    signature: bytes = shaped(BLOB)
    node: str = shaped(NODE)
    epoch: int = shaped(EPOCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSeen(Body):
    KIND: ClassVar[str] = Kind.SPLIT_SEEN
    nodes: tuple[str, ...] = shaped(NODES)
    epochs: Mapping[str, int] = shaped(Mapped(COUNT, NODES_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResolved(Body):
    KIND: ClassVar[str] = Kind.SPLIT_RESOLVED
    winner: str = shaped(NODE_OR_NONE, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkSeen(Body):
    """Two signed events with one name: of each side the run to its next signature, as [bytes, signature or empty, ...]."""

    KIND: ClassVar[str] = Kind.FORK_SEEN
    SERVICE: ClassVar[bool] = False
    node: str = shaped(NODE)
    incarnation: int = shaped(INCARNATION)
    number: int = shaped(INCARNATION)
    ours: tuple[bytes, ...] = shaped(Listed(Bytes(65_535), 2 * RUN_ENTRIES_MAX))
    theirs: tuple[bytes, ...] = shaped(Listed(Bytes(65_535), 2 * RUN_ENTRIES_MAX))
    digest: bytes = shaped(Bytes(32), b"", sparse=True)
    """The digest of both sides together, where they stand in pieces before this event and both lists are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPart(Body):
    """A piece of both sides of a fork that one event could not hold."""

    KIND: ClassVar[str] = Kind.FORK_PART
    SERVICE: ClassVar[bool] = False
    digest: bytes = shaped(ID)
    index: int = shaped(Whole(0, PARTS_MAX - 1))
    count: int = shaped(Whole(1, PARTS_MAX))
    data: bytes = shaped(Bytes(PART_BYTES, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmitted(Body):
    KIND: ClassVar[str] = Kind.READMITTED
    SERVICE: ClassVar[bool] = False
    node: str = shaped(NODE)


class _RefOrEmpty(Row):
    """A reference; the empty list stands for none."""

    def read(self, value: Any, where: str) -> Ref | None:
        return None if value == [] else REF.read(value, where)

    def write(self, value: Ref | None) -> list[Any]:
        return list(value) if value else []


@dataclass(frozen=True, slots=True, kw_only=True)
class TailCut(Body):
    """At its start the author's log lacked these events, though it had held them."""

    KIND: ClassVar[str] = Kind.TAIL_CUT
    SERVICE: ClassVar[bool] = False
    cuts: tuple[tuple[str, int, int, int], ...] = shaped(Listed(Row((NODE, INCARNATION, INCARNATION, INCARNATION)), LENGTH_MAX))
    """Node and incarnation of a feed, and the first and the last number that are missing."""


CARRIED_VOTE = Row((EPOCH, NODE, COUNT, RUN_OR_NONE, COUNT))


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedService(Shaped):
    """What outlives an incarnation, for one service."""

    lowered: Ref | None = shaped(_RefOrEmpty(REF.places, Ref, optional=3), None)
    """The last event of its last holding."""
    epoch: int = shaped(EPOCH_OR_NONE)
    holding_epoch: int = shaped(EPOCH_OR_NONE, 0)
    wish: str = shaped(Text(NAME_MAX))
    burnt: bool = shaped(TRUTH, False)
    failures: int = shaped(COUNT, 0)
    votes: tuple[tuple[object, ...], ...] = shaped(Listed(CARRIED_VOTE, NODES_MAX), (), sparse=True)
    """What it has voted for, newest first: epoch, candidate, the number of the voters, and the run and counter that asked."""
    stopped: bool = shaped(TRUTH, False, sparse=True)
    """A check has stopped it everywhere."""


CARRIED_MOVE = Row((NAME, NODE, EPOCH_OR_NONE, MS, REF))
CARRIED_NONCE = Row((Bytes(16, 16), Whole(0, 2**63 - 1)))
CARRIED_WORD = Row((NAME, NODE, EPOCH_OR_NONE, REF, RUN_OR_NONE), optional=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(Body):
    """The first event of a new incarnation: the last head known of the one before, and what must outlive it."""

    KIND: ClassVar[str] = Kind.GAP_DECLARED
    SERVICE: ClassVar[bool] = False
    incarnation: int = shaped(INCARNATION)
    number: int = shaped(INCARNATION)
    id: bytes = shaped(ID)
    held: tuple[str, ...] = shaped(Listed(NAME, LENGTH_MAX), ())
    services: Mapping[str, CarriedService] = shaped(Mapped(Nested(CarriedService)), dict)
    holds: Mapping[str, tuple[Ref, ...]] = shaped(Mapped(REFS), dict, sparse=True)
    unheld: tuple[Ref, ...] = shaped(REFS, (), sparse=True)
    moves: tuple[tuple[str, str, int, int, Ref], ...] = shaped(Listed(CARRIED_MOVE, LENGTH_MAX), (), sparse=True)
    moves_ended: tuple[Ref, ...] = shaped(REFS, (), sparse=True)
    fenced: tuple[tuple[object, ...], ...] = shaped(Listed(CARRIED_WORD, LENGTH_MAX), (), sparse=True)
    last_words: tuple[tuple[object, ...], ...] = shaped(Listed(CARRIED_WORD, LENGTH_MAX), (), sparse=True)
    forked: Mapping[str, Ref] = shaped(Mapped(REF, NODES_MAX * 4), dict, sparse=True)
    nonces: tuple[tuple[bytes, int], ...] = shaped(Listed(CARRIED_NONCE, LENGTH_MAX), (), sparse=True)
