"""The event: one entry of a feed, and the bytes that are hashed, signed and stored.

    raw = encode(event)              # canonical msgpack, docs/formats/event.md
    name = event_id(raw)             # RFC 6962 leaf hash: SHA-256 of 0x00 and the bytes
    entry = Entry.of(event)          # the event with its bytes and id, not signed yet

The id is the chain link (`previous` of the next event), the signing input and the leaf of a transparency log.
Wall and boot clock are labels for people: no decision reads them and no event is refused for its clock.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from protocol.canonical import DEPTH_MAX, INT_MAX, NotCanonical, is_ordered, pack, pack_ordered, read, unpack
from protocol.names import NAME_MAX as NAME_MAX
from protocol.names import NUMBER_MAX as NUMBER_MAX
from protocol.names import Head as Head
from protocol.names import Ref as Ref

T = TypeVar("T", bytes, str)

FORMAT_VERSION = 1
EVENT_BYTES_MAX = 65_535
"""C2SP tlog-tiles prefix an entry with a 16-bit length; a larger event could never be proved to others."""

NO_PREVIOUS = bytes(32)
"""`previous` of the first event of an incarnation."""


@dataclass(frozen=True, slots=True)
class Event:
    cluster: bytes
    """32 bytes: the hash of the cluster's name and of the random id that `failc init` wrote."""
    node: str
    incarnation: int
    number: int
    previous: bytes
    wall_ms: int
    """Milliseconds since 1970 by the author's wall clock; a label."""
    boot_ms: int
    """Milliseconds since the author's machine started (CLOCK_BOOTTIME); a label."""
    kind: str
    service: str
    """Empty where the event is about no service."""
    body: Mapping[str, Any]
    causes: tuple[Ref, ...]
    """The events it rests on: `why` walks along them."""
    heads: tuple[Head, ...]
    """What the author knew of other feeds, only where it changed since the author's previous event."""

    @property
    def ref(self) -> Ref:
        return Ref(self.node, self.incarnation, self.number)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as stored: the bytes are what counts, the event is their reading."""

    event: Event
    raw: bytes
    id: bytes
    signature: bytes | None = None
    """Ed25519 over the domain and the id; None where the signature of a later entry covers it by the chain."""

    @classmethod
    def of(cls, event: Event, signature: bytes | None = None) -> "Entry":
        raw = encode(event)
        return cls(event, raw, event_id(raw), signature)

    @classmethod
    def read(cls, raw: bytes, signature: bytes | None) -> "Entry":
        """Raises NotCanonical where `raw` is not an event; looks at no signature."""
        return cls(decode(raw), raw, event_id(raw), signature)

    @classmethod
    def known(cls, raw: bytes, signature: bytes | None) -> "Entry":
        """`read` for bytes that this process has read before: they are an event, and that is not proved a second time."""
        return cls(known(raw), raw, event_id(raw), signature)

    @property
    def ref(self) -> Ref:
        return self.event.ref

    @property
    def head(self) -> Head:
        return Head(self.event.node, self.event.incarnation, self.event.number, self.id)

    def signed(self, signature: bytes) -> "Entry":
        return replace(self, signature=signature)


def event_id(raw: bytes) -> bytes:
    """RFC 6962, section 2.1: the hash of a leaf."""
    return hashlib.sha256(b"\x00" + raw).digest()


def encode(event: Event) -> bytes:
    """The canonical bytes. Raises ValueError where they would be longer than EVENT_BYTES_MAX."""
    raw = pack(
        {
            "v": FORMAT_VERSION,
            "cluster": event.cluster,
            "node": event.node,
            "incarnation": event.incarnation,
            "number": event.number,
            "previous": event.previous,
            "wall_ms": event.wall_ms,
            "boot_ms": event.boot_ms,
            "kind": event.kind,
            "service": event.service,
            "body": dict(event.body),
            "causes": [list(ref) for ref in event.causes],
            "heads": [list(head) for head in event.heads],
        }
    )
    if len(raw) > EVENT_BYTES_MAX:
        raise ValueError(f"event {event.kind} has {len(raw)} bytes, more than {EVENT_BYTES_MAX}")
    return raw


FIELDS = {
    "v": int,
    "cluster": bytes,
    "node": str,
    "incarnation": int,
    "number": int,
    "previous": bytes,
    "wall_ms": int,
    "boot_ms": int,
    "kind": str,
    "service": str,
    "body": dict,
    "causes": list,
    "heads": list,
}


NAMES = tuple(sorted(FIELDS))
"""In the order in which the canonical encoding has them."""

TYPES = tuple(FIELDS[name] for name in NAMES)

CAUSE = (str, int, int)
HEAD = (str, int, int, bytes)


@lru_cache(maxsize=64)
def _one(value: T) -> T:
    """The same object for the same value: a log names few nodes, kinds and services, and one cluster, a million times."""
    return value


def decode(raw: bytes) -> Event:
    """The event that `raw` is; raises NotCanonical for anything that `encode` would not have written."""
    if len(raw) > EVENT_BYTES_MAX:
        raise NotCanonical(f"an event of {len(raw)} bytes; at most {EVENT_BYTES_MAX}")
    value = read(raw)
    if not _is_event(value, raw):
        _refuse(raw)
    return _built(value)


def _is_event(value: Any, raw: bytes) -> bool:
    """Whether this reading of `raw` is an event, and `raw` what `encode` makes of it. No field is looked at twice: of all but
    the body the types and the order of the names say that they are plain and in order."""
    if type(value) is not dict or tuple(value) != NAMES or tuple(map(type, value.values())) != TYPES:
        return False
    number, incarnation, previous = value["number"], value["incarnation"], value["previous"]
    return (
        value["v"] == FORMAT_VERSION
        and len(value["cluster"]) == len(previous) == 32
        and 0 <= value["wall_ms"] <= INT_MAX
        and 0 <= value["boot_ms"] <= INT_MAX
        and 1 <= number <= NUMBER_MAX
        and 1 <= incarnation <= NUMBER_MAX
        and (number == 1) is (previous == NO_PREVIOUS)
        and 0 < len(value["node"]) <= NAME_MAX
        and 0 < len(value["kind"]) <= NAME_MAX
        and len(value["service"]) <= NAME_MAX
        and all(_has(item, CAUSE) and _counts(item) for item in value["causes"])
        and all(_has(item, HEAD) and _counts(item) and len(item[3]) == 32 for item in value["heads"])
        and _is_packed(value, raw)
    )


def _has(item: Any, types: tuple[type, ...]) -> bool:
    return type(item) is list and tuple(map(type, item)) == types


def _counts(name: list[Any]) -> bool:
    """The name of an event, with or without its id: both numbers count from 1."""
    return 0 < len(name[0]) <= NAME_MAX and 1 <= name[1] <= NUMBER_MAX and 1 <= name[2] <= NUMBER_MAX


def _is_packed(value: dict[str, Any], raw: bytes) -> bool:
    try:
        return is_ordered(value["body"], DEPTH_MAX - 1) and pack_ordered(value) == raw
    except (TypeError, ValueError, OverflowError):
        return False


def _refuse(raw: bytes) -> NoReturn:
    """What is wrong with bytes that are no event: one rule after the other, each with its sentence."""
    value = unpack(raw)
    if type(value) is not dict or value.keys() != FIELDS.keys():
        raise NotCanonical("not the fields of an event")
    if tuple(map(type, value.values())) != TYPES:
        wrong = next(name for name, kind in FIELDS.items() if type(value[name]) is not kind)
        raise NotCanonical(f"event field {wrong} is not {FIELDS[wrong].__name__}")
    if value["v"] != FORMAT_VERSION:
        raise NotCanonical(f"event format {value['v']}; this program reads {FORMAT_VERSION}")
    if len(value["cluster"]) != 32 or len(value["previous"]) != 32:
        raise NotCanonical("cluster and previous have 32 bytes")
    if value["wall_ms"] < 0 or value["boot_ms"] < 0:
        raise NotCanonical("clocks count from 0")
    if not (1 <= value["number"] <= NUMBER_MAX and 1 <= value["incarnation"] <= NUMBER_MAX):
        raise NotCanonical("number and incarnation count from 1 to 2^53")
    if (value["number"] == 1) != (value["previous"] == NO_PREVIOUS):
        raise NotCanonical("the first event of an incarnation, and no other, has zeros for its previous")
    if not value["node"] or not value["kind"] or max(len(value[name]) for name in ("node", "kind", "service")) > NAME_MAX:
        raise NotCanonical(f"node and kind are not empty, and they and the service have at most {NAME_MAX} characters")
    if any(not _has(item, CAUSE) for item in value["causes"]):
        raise NotCanonical("a cause is [node, incarnation, number]")
    if any(not _has(item, HEAD) or len(item[3]) != 32 for item in value["heads"]):
        raise NotCanonical("a head is [node, incarnation, number, id of 32 bytes]")
    raise NotCanonical("an event's name has a node and two numbers that count from 1 to 2^53")


def known(raw: bytes) -> Event:
    """`decode` for bytes that this process has read before."""
    return _built(read(raw))


def _built(value: dict[str, Any]) -> Event:
    return Event(
        cluster=_one(value["cluster"]),
        node=_one(value["node"]),
        incarnation=value["incarnation"],
        number=value["number"],
        previous=value["previous"],
        wall_ms=value["wall_ms"],
        boot_ms=value["boot_ms"],
        kind=_one(value["kind"]),
        service=_one(value["service"]),
        body=MappingProxyType(value["body"]),
        causes=tuple([Ref(_one(node), incarnation, number) for node, incarnation, number in value["causes"]]),
        heads=tuple([Head(_one(node), incarnation, number, name) for node, incarnation, number, name in value["heads"]]),
    )
