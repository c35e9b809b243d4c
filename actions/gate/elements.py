"""The elements of the gate's sets: addresses and tickets, added with a life and deleted, encoded once for each group.

    web = Gated([ip_address("10.77.0.100")])
    held((web, 480))        # the messages that add its elements for 480 ms
    unheld(web)             # those that delete them

An IPv4 address has two elements, since ARP is filtered in a table of its own and a set belongs to one table.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from actions.gate.encoding import (
    ATTRIBUTE,
    CREATE,
    DELSETELEM,
    EXCL,
    NESTED,
    NEWSETELEM,
    NFPROTO_ARP,
    NFPROTO_INET,
    Message,
    attribute,
    attributes,
    each_attribute,
    long_number,
    nested,
    text,
    transaction,
)
from actions.gate.span import TICKET_MS
from protocol.invariant import must

NAME = "failover"
"""Of our table, in both families: what `nft list ruleset` shows is recognised by it."""

LIST_TABLE, LIST_SET, LIST_ELEMENTS = 1, 2, 3
ELEM = 1
KEY, TIMEOUT, EXPIRATION = 1, 4, 5
VALUE = 1

MESSAGE_ELEMENTS_MAX = 1000
"""Of 40 bytes each: the length of an attribute has 16 bits."""

ENCODED_MAX = 256
"""Remembered messages: each service has a few, and there is one more for all of them together."""

LIFE = struct.Struct("!Q")
TICKET_NUMBER = struct.Struct("=I")

Address = IPv4Address | IPv6Address


class Place(NamedTuple):
    """A set of ours."""

    family: int
    name: str


Places = dict[int, tuple[Place, ...]]

GATED: Places = {4: (Place(NFPROTO_INET, "gated4"), Place(NFPROTO_ARP, "gated4")), 6: (Place(NFPROTO_INET, "gated6"),)}
HELD: Places = {4: (Place(NFPROTO_INET, "held4"), Place(NFPROTO_ARP, "held4")), 6: (Place(NFPROTO_INET, "held6"),)}
TICKETS = Place(NFPROTO_INET, "tickets")


class Gated:
    """Addresses that are opened, refreshed and closed together: those of one service."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self.addresses = tuple(dict.fromkeys(addresses))


Span = tuple[Gated, int]
"""Addresses, and the milliseconds that their elements shall live."""


def gated(kind: int, addresses: Gated) -> list[Message]:
    """Add (NEWSETELEM) to the gate, or delete (DELSETELEM)."""
    return _without_life(kind, GATED, CREATE if kind == NEWSETELEM else 0, (addresses,))


def unheld(*addresses: Gated) -> list[Message]:
    """Delete the elements; refused where one is not there, or has run out."""
    return _without_life(DELSETELEM, HELD, 0, addresses)


def held(*spans: Span) -> list[Message]:
    """Add the elements, each for its own span: one message for a set, whatever the number of services."""
    lives = [_life(span_ms) for _, span_ms in spans]
    return [Message(NEWSETELEM, form.family, form.filled(lives), CREATE) for form in _forms(tuple(of for of, _ in spans))]


def _life(span_ms: int) -> bytes:
    must(span_ms > 0, f"an element of {span_ms} ms: zero means for ever")
    return LIFE.pack(span_ms)


class Form(NamedTuple):
    """A message that was encoded once, with a hole for the life of each element: a heartbeat fills in hundreds."""

    family: int
    parts: tuple[bytes, ...]
    """What stands before the first hole, between two, and behind the last one (nothing)."""
    owners: tuple[int, ...]
    """For each hole, the number of the service that its address belongs to."""

    def filled(self, lives: Sequence[bytes]) -> bytes:
        if len(set(lives)) == 1:
            return lives[0].join(self.parts)
        return b"".join([part + lives[owner] for part, owner in zip(self.parts, self.owners)])


@lru_cache(maxsize=ENCODED_MAX)
def _forms(several: tuple[Gated, ...]) -> tuple[Form, ...]:
    forms = []
    for version in HELD:
        owned = [(owner, one.packed) for owner, of in enumerate(several) for one in of.addresses if one.version == version]
        for at in range(0, len(owned), MESSAGE_ELEMENTS_MAX):
            piece = owned[at : at + MESSAGE_ELEMENTS_MAX]
            heads = [_head_of_element(_key(packed)) for _, packed in piece]
            length = ATTRIBUTE.size + sum(len(head) + LIFE.size for head in heads)
            for place in HELD[version]:
                heads_now = [listing(place) + ATTRIBUTE.pack(length, LIST_ELEMENTS | NESTED) + heads[0], *heads[1:], b""]
                forms.append(Form(place.family, tuple(heads_now), tuple(owner for owner, _ in piece)))
    return tuple(forms)


def _head_of_element(key: bytes) -> bytes:
    """All of it but the eight bytes of its life."""
    life = ATTRIBUTE.pack(ATTRIBUTE.size + LIFE.size, TIMEOUT)
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(key) + len(life) + LIFE.size, ELEM | NESTED) + key + life


def _without_life(kind: int, places: Places, how: int, several: tuple[Gated, ...]) -> list[Message]:
    return list(_encoded(kind, places is HELD, how, several))


@lru_cache(maxsize=ENCODED_MAX)
def _encoded(kind: int, in_held: bool, how: int, several: tuple[Gated, ...]) -> tuple[Message, ...]:
    messages = []
    for version, places in (HELD if in_held else GATED).items():
        elements = [_element(_key(one.packed)) for of in several for one in of.addresses if one.version == version]
        for at in range(0, len(elements), MESSAGE_ELEMENTS_MAX):
            piece = b"".join(elements[at : at + MESSAGE_ELEMENTS_MAX])
            messages += [_message(kind, place, piece, how) for place in places]
    return tuple(messages)


def ungating(addresses: Gated) -> bytes:
    """A whole transaction that takes the gate of these addresses away, whether they have one or not: for one who has it carried
    out and knows nothing of what it says. Elements of `held` run out by themselves."""
    return transaction([*gated(NEWSETELEM, addresses), *gated(DELSETELEM, addresses)], 1)


def ticket(kind: int, number: int) -> Message:
    """Issue one (NEWSETELEM; refused where the number is still alive), or hand it in (DELSETELEM)."""
    head, tail, how = TICKET[kind]
    return Message(kind, TICKETS.family, head + TICKET_NUMBER.pack(number) + tail, how)


def listing(place: Place) -> bytes:
    """The body of a question about the elements of a set."""
    return text(LIST_TABLE, NAME) + text(LIST_SET, place.name)


def found_in(answers: Sequence[bytes]) -> dict[Address, int]:
    """Each address of a set with the milliseconds that it has left; 0 where it has no end."""
    found: dict[Address, int] = {}
    for answer in answers:
        for _, element in each_attribute(attributes(answer).get(LIST_ELEMENTS, b"")):
            of = attributes(element)
            found[ip_address(attributes(of[KEY])[VALUE])] = int.from_bytes(of.get(EXPIRATION, b""), "big")
    return found


def _key(data: bytes) -> bytes:
    return nested(KEY, attribute(VALUE, data))


def _element(data: bytes) -> bytes:
    return nested(ELEM, data)


def _message(kind: int, place: Place, elements: bytes, how: int) -> Message:
    return Message(kind, place.family, listing(place) + nested(LIST_ELEMENTS, elements), how)


def _ticket_around(kind: int, life: bytes, how: int) -> tuple[bytes, bytes, int]:
    """What stands before and behind the number in a message about a ticket."""
    mark = bytes(TICKET_NUMBER.size)
    body = _message(kind, TICKETS, _element(_key(mark) + life), how).body
    end = len(body) - len(life)
    return body[: end - len(mark)], body[end:], how


TICKET = {
    NEWSETELEM: _ticket_around(NEWSETELEM, long_number(TIMEOUT, TICKET_MS), CREATE | EXCL),
    DELSETELEM: _ticket_around(DELSETELEM, b"", 0),
}
