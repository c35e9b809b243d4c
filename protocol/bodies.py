"""What stands in the frames and in the sealed datagrams: bytes to values and back.

    body = signed_body(raw, signature)              # heartbeat, relayed heartbeat, last word: 64 bytes and the message
    raw, signature = read_signed(body)
    body = batch_body(pairs)                        # entries with their signatures
    hello = Hello.decode(body)

Every reader raises Refused with the reason; none looks at a signature. docs/formats/frames.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from protocol.canonical import NotCanonical, pack, unpack
from protocol.event import NUMBER_MAX, Head
from protocol.refusals import Reason, Refused

VERSION = 2
"""The version of everything that goes over a link. A peer of another version is refused with a sentence. It rises with each
kind of frame, and each place of a message, that an older release cannot read (docs/formats/frames.md)."""

SIGNATURE_BYTES = 64

BATCH_ENTRIES_MAX = 4096
"""A commit of thousands of events may carry one signature; where there are more of them, 64 entries are sent at a time."""

HEADS_MAX = 4096
"""What canonical lists hold: 16 nodes times 256 incarnations."""

REPLY_CHARACTERS_MAX = 900
"""A sentence; of the longest letters they still fit into one frame."""

Pair = tuple[bytes, bytes | None]
"""An entry as it travels: the event's bytes, and its signature or None."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame in both directions: the sender's name and run, what it knows, and the key that seals its datagrams."""

    cluster: bytes
    node: str
    link: str
    run: bytes
    heads: tuple[Head, ...]
    key_id: bytes
    """8 random bytes that name the key below in each datagram."""
    key: bytes
    """32 random bytes: the sender of this hello seals with it; its secrecy is that of this TLS connection."""

    def encode(self) -> bytes:
        return pack([VERSION, self.cluster, self.node, self.link, self.run, _listed(self.heads), self.key_id, self.key])

    @classmethod
    def decode(cls, body: bytes) -> "Hello":
        value = _unpack(body, "hello")
        if type(value) is list and value and type(value[0]) is int and value[0] != VERSION:
            raise Refused(Reason.GARBAGE, f"the peer speaks version {value[0]}, this program {VERSION}; run the same release")
        _, cluster, node, link, run, heads, key_id, key = _items(
            value, (int, bytes, str, str, bytes, list, bytes, bytes), "hello"
        )
        if [len(cluster), len(run), len(key_id), len(key)] != [32, 8, 8, 32]:
            raise Refused(Reason.NOT_CANONICAL, "a hello with a field of another length")
        return cls(cluster, node, link, run, tuple(_head(item) for item in heads), key_id, key)


class Want(NamedTuple):
    """Send me this feed from this number on."""

    node: str
    incarnation: int
    first: int

    def encode(self) -> bytes:
        return pack(list(self))

    @classmethod
    def decode(cls, body: bytes) -> "Want":
        want = cls(*_items(_unpack(body, "want"), (str, int, int), "want"))
        if not (1 <= want.incarnation <= NUMBER_MAX and 1 <= want.first <= NUMBER_MAX):
            raise Refused(Reason.NOT_CANONICAL, "numbers count from 1 to 2^53")
        return want


class Ping(NamedTuple):
    """A question for the round trip; the answer has the same token. Small enough to need no msgpack."""

    token: int
    """The asker's clock in ns, opaque to others; 64 bits."""
    datagrams: bool
    """Whether datagrams of the receiver have reached the sender lately."""

    def encode(self) -> bytes:
        return self.token.to_bytes(8, "big") + bytes([self.datagrams])

    @classmethod
    def decode(cls, body: bytes) -> "Ping":
        if len(body) != 9 or body[8] > 1:
            raise Refused(Reason.GARBAGE, "not the fields of a ping")
        return cls(int.from_bytes(body[:8], "big"), body[8] == 1)


class Reply(NamedTuple):
    """What became of a command that was passed on: from the node that was to act, to the one that passed it on."""

    nonce: bytes
    admitted: bool
    authority: bool
    """False where it was refused for lack of authority."""
    text: str

    def encode(self) -> bytes:
        return pack([self.nonce, self.admitted, self.authority, self.text[:REPLY_CHARACTERS_MAX]])

    @classmethod
    def decode(cls, body: bytes) -> "Reply":
        reply = cls(*_items(_unpack(body, "reply"), (bytes, bool, bool, str), "reply"))
        if len(reply.nonce) != 16 or len(reply.text) > REPLY_CHARACTERS_MAX:
            raise Refused(Reason.NOT_CANONICAL, f"a reply has 16 bytes of nonce and at most {REPLY_CHARACTERS_MAX} characters")
        return reply


class Removal(NamedTuple):
    """Why a node is not let in: the signed `apply` of a file that does not name it, and that file. All of it is empty where the
    sender's file came without an administrator's signature: then it is no more than the sender's word."""

    command: bytes
    signature: bytes
    text: str

    def encode(self) -> bytes:
        return pack(list(self))

    @classmethod
    def decode(cls, body: bytes) -> "Removal":
        return cls(*_items(_unpack(body, "removal"), (bytes, bytes, str), "removal"))


def signed_body(raw: bytes, signature: bytes) -> bytes:
    """A message and who vouches for it: the 64 bytes of the signature come first."""
    return signature + raw


def read_signed(body: bytes) -> tuple[bytes, bytes]:
    """The message and its signature; raises Refused (TRUNCATED, UNSIGNED)."""
    signature, raw = body[:SIGNATURE_BYTES], body[SIGNATURE_BYTES:]
    if not raw:
        raise Refused(Reason.TRUNCATED, f"a signed message of {len(body)} bytes")
    if not any(signature):
        raise Refused(Reason.UNSIGNED, "a message with zeros for a signature")
    return raw, signature


def batch_body(pairs: Sequence[Pair]) -> bytes:
    """Entries of one feed, in order."""
    return pack([[raw, signature] for raw, signature in pairs])


def read_batch(body: bytes) -> list[Pair]:
    value = _unpack(body, "batch")
    if type(value) is not list or not value:
        raise Refused(Reason.NOT_CANONICAL, "not the fields of a batch")
    if len(value) > BATCH_ENTRIES_MAX:
        raise Refused(Reason.OVERSIZED, f"a batch of {len(value)} entries; at most {BATCH_ENTRIES_MAX}")
    return [_pair(item) for item in value]


def heads_body(heads: Sequence[Head]) -> bytes:
    """How far the sender knows every feed, all incarnations."""
    return pack(_listed(heads))


def read_heads(body: bytes) -> tuple[Head, ...]:
    value = _unpack(body, "heads")
    if type(value) is not list:
        raise Refused(Reason.NOT_CANONICAL, "not a list of heads")
    return tuple(_head(item) for item in value)


def command_body(raw: bytes, signature: bytes) -> bytes:
    """A command and its SSHSIG blob."""
    return pack([raw, signature])


def read_command(body: bytes) -> tuple[bytes, bytes]:
    raw, signature = _items(_unpack(body, "command"), (bytes, bytes), "command")
    return raw, signature


def _pair(item: Any) -> Pair:
    if type(item) is not list or len(item) != 2 or type(item[0]) is not bytes or type(item[1]) not in (bytes, type(None)):
        raise Refused(Reason.NOT_CANONICAL, "an entry of a batch is [bytes, signature or nil]")
    if item[1] is not None and len(item[1]) != SIGNATURE_BYTES:
        raise Refused(Reason.BAD_SIGNATURE, f"an entry with a signature of {len(item[1])} bytes")
    return item[0], item[1]


def _listed(heads: Sequence[Head]) -> list[list[Any]]:
    return [list(head) for head in heads]


def _head(item: Any) -> Head:
    head = Head(*_items(item, (str, int, int, bytes), "head"))
    if not (1 <= head.incarnation <= NUMBER_MAX and 1 <= head.number <= NUMBER_MAX and len(head.id) == 32):
        raise Refused(Reason.NOT_CANONICAL, "a head is [node, incarnation, number, id of 32 bytes], its numbers from 1 to 2^53")
    return head


def _unpack(body: bytes, what: str) -> Any:
    try:
        return unpack(body)
    except NotCanonical as error:
        raise Refused(Reason.NOT_CANONICAL, f"{what}: {error}") from None


def _items(value: Any, kinds: tuple[type, ...], what: str) -> list[Any]:
    if type(value) is not list or tuple(type(item) for item in value) != kinds:
        raise Refused(Reason.NOT_CANONICAL, f"not the fields of a {what}")
    return value
