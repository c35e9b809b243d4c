"""What a node writes about itself and about the peers that it hears."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from protocol.events.body import Body
from protocol.events.shapes import (
    BLOB,
    COUNT,
    FILE_MAX,
    ID,
    INDEX,
    LINKS_MAX,
    MS,
    NAME,
    NODE,
    NODES_MAX,
    NUMBER_MAX,
    RUN,
    TRUTH,
    Bytes,
    Mapped,
    Maybe,
    OneOf,
    Row,
    Text,
    Whole,
    shaped,
)
from protocol.events.words import Judgement, Late
from protocol.kinds import Kind

RULES_MAX = 1000
"""Limit for versions of the decide table: at one a release it would last for centuries."""

LINK_MS = Mapped(MS, LINKS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Body):
    KIND: ClassVar[str] = Kind.NODE_STARTED
    SERVICE: ClassVar[bool] = False
    run: bytes = shaped(RUN)
    rules: int = shaped(Whole(1, RULES_MAX))
    """The version of the decide table that this run goes by."""
    config: bytes = shaped(Bytes(32), b"")
    """Digest of the configuration that it runs."""
    clean: bool = shaped(TRUTH, False)
    """Whether its own disk ended in a clean stop."""
    after: tuple[int, int] | None = shaped(Maybe(Row((Whole(1, NUMBER_MAX), Whole(1, NUMBER_MAX)))), None)
    """Incarnation and number of the last own event known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStopping(Body):
    """From here on this node takes nothing."""

    KIND: ClassVar[str] = Kind.NODE_STOPPING
    SERVICE: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStopped(Body):
    """A clean end; the last event of a run."""

    KIND: ClassVar[str] = Kind.NODE_STOPPED
    SERVICE: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePaused(Body):
    """We did not run for so long, and have no opinion."""

    KIND: ClassVar[str] = Kind.NODE_PAUSED
    SERVICE: ClassVar[bool] = False
    late_ms: int = shaped(MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigApplied(Body):
    """The whole file, and the number under which it was applied."""

    KIND: ClassVar[str] = Kind.CONFIG_APPLIED
    SERVICE: ClassVar[bool] = False
    number: int = shaped(Whole(1, NUMBER_MAX))
    digest: bytes = shaped(ID)
    text: str = shaped(Text(FILE_MAX), "", sparse=True)
    """Empty where the file stands in pieces before this event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigPart(Body):
    """A piece of a file that no event could hold."""

    KIND: ClassVar[str] = Kind.CONFIG_PART
    SERVICE: ClassVar[bool] = False
    digest: bytes = shaped(ID)
    index: int = shaped(INDEX)
    count: int = shaped(INDEX)
    text: str = shaped(Text(FILE_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Body):
    """The author was shown that it was removed, with the signed `apply`; it binds its author alone."""

    KIND: ClassVar[str] = Kind.REMOVED
    SERVICE: ClassVar[bool] = False
    number: int = shaped(Whole(1, NUMBER_MAX))
    digest: bytes = shaped(ID)
    by: str = shaped(NODE)
    command: bytes = shaped(BLOB)
    signature: bytes = shaped(BLOB)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp(Body):
    KIND: ClassVar[str] = Kind.LINK_UP
    SERVICE: ClassVar[bool] = False
    peer: str = shaped(NODE)
    link: str = shaped(NAME)
    silent_ms: int = shaped(MS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown(Body):
    KIND: ClassVar[str] = Kind.LINK_DOWN
    SERVICE: ClassVar[bool] = False
    peer: str = shaped(NODE)
    link: str = shaped(NAME)
    silent_ms: int = shaped(MS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Body):
    KIND: ClassVar[str] = Kind.JUDGED
    SERVICE: ClassVar[bool] = False
    peer: str = shaped(NODE)
    judgement: Judgement = shaped(OneOf(Judgement))
    was: Judgement = shaped(OneOf(Judgement), Judgement.INDOUBT)
    silent_ms: int = shaped(MS, 0)
    links: Mapping[str, int] = shaped(LINK_MS, dict)
    count: int = shaped(COUNT, 1)
    """Changes of this judgement since it was last written."""
    after_ms: int = shaped(MS, 0, sparse=True)
    """The silence after which it is judged so: by the slower of both timings. 0 for `alive`, and where it is not said."""
    late: Late | None = shaped(Maybe(OneOf(Late)), None, sparse=True)
    """Why the silence is longer; None where it is not, and where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse(Body):
    """The largest gap on each link since the last pulse, so that silence is visible and near misses are kept."""

    KIND: ClassVar[str] = Kind.PULSE
    SERVICE: ClassVar[bool] = False
    gaps: Mapping[str, Mapping[str, int]] = shaped(Mapped(LINK_MS, NODES_MAX))
    late_ms_max: int = shaped(MS, 0)
