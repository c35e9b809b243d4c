"""What a field of an event's body may hold: a type, a bound, and how it stands in canonical msgpack.

    epoch: int = shaped(EPOCH)                  # a field of a body; required
    reason: str = shaped(REASON, "")            # optional: the body may lack it

A shape reads a plain value into what the program works with, and raises BadBody with a sentence for anything else. Each
bound stands beside its reason: a signed event is only its author's word, and may not cost a reader more than it is worth.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from protocol.canonical import LENGTH_MAX
from protocol.event import NAME_MAX, Ref

NUMBER_MAX = 2**53
"""Epochs, incarnations, numbers: what JSON readers keep exactly, with room to count on in 63 bits."""

MS_MAX = 2**40
"""A duration: 34 years."""

NODES_MAX = 16
LINKS_MAX = 64
"""Links of one node. The configuration has no bound of its own; sixteen nodes with four ways each need no more."""

REASON_MAX = 8_192
"""Characters of a sentence that we made: it may quote an action's text, an operator's reason and sixteen names."""

TEXT_MAX = 2_000
"""Characters that an action or a check said. The executor keeps 500."""

WORD_MAX = 64
"""A rule, a cause, a word: names that the program knows."""

BLOB_MAX = 16_384
"""A command or a signature inside an event. A command has at most 4 KiB, an SSH signature less than one."""

FILE_MAX = 65_535
"""The text of a configuration: no more fits into an event."""


class BadBody(ValueError):
    """This body is not of its kind's format. The text names the field and what it holds."""


class Shape(Protocol):
    def read(self, value: Any, where: str) -> Any:
        """The value as the program works with it; raises BadBody."""

    def write(self, value: Any) -> Any:
        """The plain value, for canonical msgpack."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer between two bounds, both included."""

    low: int
    high: int

    def read(self, value: Any, where: str) -> int:
        if type(value) is not int:
            raise BadBody(f"{where} is {_kind(value)}, not a whole number")
        if not self.low <= value <= self.high:
            raise BadBody(f"{where} is {value}, outside {self.low} to {self.high}")
        return value

    def write(self, value: int) -> int:
        return value


@dataclass(frozen=True, slots=True)
class Truth:
    def read(self, value: Any, where: str) -> bool:
        if type(value) is not bool:
            raise BadBody(f"{where} is {_kind(value)}, not true or false")
        return value

    def write(self, value: bool) -> bool:
        return value


@dataclass(frozen=True, slots=True)
class Text:
    longest: int
    shortest: int = 0

    def read(self, value: Any, where: str) -> str:
        if type(value) is not str:
            raise BadBody(f"{where} is {_kind(value)}, not text")
        if not self.shortest <= len(value) <= self.longest:
            raise BadBody(f"{where} has {len(value)} characters, outside {self.shortest} to {self.longest}")
        return value

    def write(self, value: str) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Bytes:
    longest: int
    shortest: int = 0

    def read(self, value: Any, where: str) -> bytes:
        if type(value) is not bytes:
            raise BadBody(f"{where} is {_kind(value)}, not bytes")
        if not self.shortest <= len(value) <= self.longest:
            raise BadBody(f"{where} has {len(value)} bytes, outside {self.shortest} to {self.longest}")
        return value

    def write(self, value: bytes) -> bytes:
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """One word of an enumeration."""

    words: type[StrEnum]

    def read(self, value: Any, where: str) -> StrEnum:
        if type(value) is not str:
            raise BadBody(f"{where} is {_kind(value)}, not a word")
        try:
            return self.words(value)
        except ValueError:
            raise BadBody(f"{where} is {value[:WORD_MAX]!r}, not one of {', '.join(self.words)}") from None

    def write(self, value: StrEnum) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Maybe:
    """nil, or what the shape inside says."""

    inside: Shape

    def read(self, value: Any, where: str) -> Any:
        return None if value is None else self.inside.read(value, where)

    def write(self, value: Any) -> Any:
        return None if value is None else self.inside.write(value)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of equal shapes, read as a tuple."""

    inside: Shape
    longest: int

    def read(self, value: Any, where: str) -> tuple[Any, ...]:
        if type(value) is not list and type(value) is not tuple:
            raise BadBody(f"{where} is {_kind(value)}, not a list")
        if len(value) > self.longest:
            raise BadBody(f"{where} has {len(value)} elements, more than {self.longest}")
        return tuple(self.inside.read(item, f"{where}[{at}]") for at, item in enumerate(value))

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.inside.write(item) for item in value]


@dataclass(frozen=True, slots=True)
class Row:
    """A list with a shape for each place. `optional` of the last places may be absent; `made` builds the result."""

    places: tuple[Shape, ...]
    made: Callable[..., Any] = lambda *items: items
    optional: int = 0

    def read(self, value: Any, where: str) -> Any:
        if type(value) is not list and type(value) is not tuple:
            raise BadBody(f"{where} is {_kind(value)}, not a list")
        if not len(self.places) - self.optional <= len(value) <= len(self.places):
            raise BadBody(f"{where} has {len(value)} elements, not {len(self.places)}")
        return self.made(*(self.places[at].read(item, f"{where}[{at}]") for at, item in enumerate(value)))

    def write(self, value: Any) -> list[Any]:
        return [shape.write(item) for shape, item in zip(self.places, value, strict=False)]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map from names to equal shapes."""

    inside: Shape
    longest: int = LENGTH_MAX
    names: Text = Text(NAME_MAX, 1)

    def read(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise BadBody(f"{where} is {_kind(value)}, not a map")
        if len(value) > self.longest:
            raise BadBody(f"{where} has {len(value)} entries, more than {self.longest}")
        return {
            self.names.read(name, f"a name of {where}"): self.inside.read(item, f"{where}.{name}")
            for name, item in value.items()
        }

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.inside.write(item) for name, item in value.items()}


@dataclass(frozen=True, slots=True)
class Nested:
    """A map with the fields of another shaped class. Where `empty` is set, the empty map stands for None."""

    of: "type[Shaped]"
    empty: bool = False

    def read(self, value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise BadBody(f"{where} is {_kind(value)}, not a map")
        return None if self.empty and not value else self.of.from_body(value, where)

    def write(self, value: "Shaped | None") -> dict[str, Any]:
        return value.to_body() if value is not None else {}


def _kind(value: Any) -> str:
    return "nil" if value is None else type(value).__name__


# --- classes made of shapes ----------------------------------------------------------------------------------------


def shaped(shape: Shape, default: Any = dataclasses.MISSING, *, sparse: bool = False) -> Any:
    """A field of a body with its shape. With a default the body may lack it; `dict` stands for an empty map.

    `sparse`: it is not written where it is the default.
    """
    metadata = {"shape": shape, "sparse": sparse}
    if default is dict:
        return field(metadata=metadata, default_factory=dict)
    return field(metadata=metadata, default=default)


class Shaped:
    """A frozen dataclass whose fields are all `shaped`, read from a map and written to one.

    A key that this version does not know is ignored: a later version may add one.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[tuple[str, Shape, bool], ...] | None] = None
    _sparse: ClassVar[Mapping[str, Any] | None] = None

    @classmethod
    def shapes(cls) -> tuple[tuple[str, Shape, bool], ...]:
        """(name, shape, whether it must be there) of each field, found once for each class."""
        if "_fields" not in cls.__dict__ or cls._fields is None:
            cls._fields = tuple(
                (item.name, item.metadata["shape"], item.default is item.default_factory is dataclasses.MISSING)
                for item in dataclasses.fields(cls)  # type: ignore[arg-type]
            )
        return cls._fields

    @classmethod
    def sparse(cls) -> Mapping[str, Any]:
        """The default of each field that is not written where it is the default."""
        if "_sparse" not in cls.__dict__ or cls._sparse is None:
            cls._sparse = {
                item.name: item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
                for item in dataclasses.fields(cls)  # type: ignore[arg-type]
                if item.metadata["sparse"]
            }
        return cls._sparse

    @classmethod
    def from_body(cls, body: Mapping[str, Any], where: str = "") -> Self:
        """Raises BadBody where a field is missing, of another type, or beyond its bound."""
        values: dict[str, Any] = {}
        for name, shape, required in cls.shapes():
            if name in body:
                values[name] = shape.read(body[name], f"{where}.{name}" if where else name)
            elif required:
                raise BadBody(f"{where}.{name} is missing" if where else f"{name} is missing")
        return cls(**values)

    def to_body(self) -> dict[str, Any]:
        """The map whose canonical bytes stand in the event."""
        body = {name: shape.write(getattr(self, name)) for name, shape, _ in self.shapes()}
        for name, default in self.sparse().items():
            if getattr(self, name) == default:
                del body[name]
        return body


COUNT = Whole(0, NUMBER_MAX)
EPOCH = Whole(1, NUMBER_MAX)
EPOCH_OR_NONE = Whole(0, NUMBER_MAX)
MS = Whole(0, MS_MAX)
INDEX = Whole(0, LENGTH_MAX)
NODE = Text(NAME_MAX, 1)
NODE_OR_NONE = Text(NAME_MAX)
NAME = Text(NAME_MAX, 1)
WORD = Text(WORD_MAX)
REASON = Text(REASON_MAX)
SAID = Text(TEXT_MAX)
BLOB = Bytes(BLOB_MAX)
ID = Bytes(32, 32)
RUN = Bytes(8, 8)
RUN_OR_NONE = Bytes(8)
REF = Row((NODE, Whole(1, NUMBER_MAX), Whole(1, NUMBER_MAX)), Ref)
REFS = Listed(REF, LENGTH_MAX)
NODES = Listed(NODE, NODES_MAX)
TRUTH = Truth()
