"""Messages of nfnetlink(7) for nf_tables: attributes, messages, transactions. Pure: bytes from values, and back.

    message = Message(NEWTABLE, NFPROTO_INET, text(TABLE_NAME, "failover"), CREATE)
    data = transaction([message], first=1)      # the first message has sequence 2, after the one that begins the batch
    attributes(body)                            # {number: bytes}
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

NFPROTO_INET, NFPROTO_IPV4, NFPROTO_ARP, NFPROTO_IPV6 = 1, 2, 3, 10

NEWTABLE, GETTABLE, DELTABLE = 0, 1, 2
NEWCHAIN, GETCHAIN = 3, 4
NEWRULE, GETRULE = 6, 7
NEWSET, GETSET = 9, 10
NEWSETELEM, GETSETELEM, DELSETELEM = 12, 13, 14
GETGEN = 16

REQUEST, ACK, EXCL, CREATE, APPEND, DUMP = 0x1, 0x4, 0x200, 0x400, 0x800, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
DUMP_INTERRUPTED = 0x10

SUBSYSTEM = 10
"""nf_tables among those of nfnetlink."""
BATCH_BEGIN, BATCH_END = 16, 17
BATCH_GENERATION = 1

NESTED = 0x8000
"""A flag in the attribute's number: the kernel sets it in some of its answers and leaves it out in others."""

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port."""
NFGENMSG = struct.Struct("!BBH")
ATTRIBUTE = struct.Struct("=HH")


class Message(NamedTuple):
    kind: int
    family: int
    body: bytes
    how: int = 0


def transaction(messages: Sequence[Message], first: int, generation: int | None = None) -> bytes:
    """All of them or none; an answer is asked for the last one, and refusals are told in any case. With a generation: only
    if the rules of this machine have not changed since."""
    since = b"" if generation is None else number(BATCH_GENERATION, generation)
    parts = [_whole(BATCH_BEGIN, NFGENMSG.pack(0, 0, SUBSYSTEM) + since, REQUEST, first)]
    for sequence, message in enumerate(messages, first + 1):
        last = ACK if sequence == first + len(messages) else 0
        parts.append(request(message, sequence, last))
    parts.append(_whole(BATCH_END, NFGENMSG.pack(0, 0, SUBSYSTEM), REQUEST, first + len(messages) + 1))
    return b"".join(parts)


def request(message: Message, sequence: int, how: int) -> bytes:
    body = NFGENMSG.pack(message.family, 0, 0) + message.body
    return _whole(SUBSYSTEM << 8 | message.kind, body, REQUEST | message.how | how, sequence)


def _whole(kind: int, body: bytes, flags: int, sequence: int) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def attribute(name: int, data: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(data), name) + data + bytes(-len(data) % 4)


def nested(name: int, *parts: bytes) -> bytes:
    return attribute(name | NESTED, b"".join(parts))


def text(name: int, value: str) -> bytes:
    return attribute(name, value.encode() + b"\0")


def number(name: int, value: int) -> bytes:
    return attribute(name, struct.pack("!I", value & 0xFFFF_FFFF))


def long_number(name: int, value: int) -> bytes:
    return attribute(name, struct.pack("!Q", value))


def each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """In their order; raises ValueError where the lengths do not fit."""
    at = 0
    while at < len(data):
        if len(data) - at < ATTRIBUTE.size:
            raise ValueError(f"{len(data) - at} bytes are left over")
        length, name = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size or at + length > len(data):
            raise ValueError(f"an attribute of {length} bytes in {len(data) - at}")
        yield name & ~NESTED, data[at + ATTRIBUTE.size : at + length]
        at += length + -length % 4


def attributes(data: bytes) -> dict[int, bytes]:
    return dict(each_attribute(data))


def string(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
