"""Small datagrams beside each TLS connection: a stream stalls when a segment is lost, a datagram does not.

    sealer = Sealer()                               # a fresh key; it goes to the peer inside this link's TLS (Hello)
    data = sealer.seal(Inside.HEARTBEAT, body)      # at most DATAGRAM_BYTES_MAX, else None: then TLS alone carries it
    check_outside(data), key_id_of(data)            # which key opens it; raises Refused
    inside, body = opener.open(data)                # raises Refused (BAD_SIGNATURE, REPLAYED, ...)

ChaCha20-Poly1305 (RFC 8439) under a key that serves one direction of one link's connection, with a 64-bit counter as
nonce. The receiver keeps a window of counters, so a repeated datagram is refused. A last word travels in clear: its
signature is all that it needs, and the guard, who sends it, has no key. docs/formats/datagram.md.
"""

import os
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.bodies import signed_body
from protocol.refusals import Reason, Refused
from protocol.window import Window

DATAGRAM_BYTES_MAX = 1400
"""Fits an Ethernet frame with IPv6 and one tunnel around it: a fragment that is lost loses all."""

MAGIC_SEALED = b"FO1S"
MAGIC_LAST_WORD = b"FO1L"

HEADER_BYTES = 20
"""Magic, key id, counter."""

TAG_BYTES = 16

SEALED_BYTES_MAX = DATAGRAM_BYTES_MAX - HEADER_BYTES - 1 - TAG_BYTES
"""The longest body that is sealed into one."""

WINDOW = 256
"""How far behind the newest a counter may arrive: 12 s of two datagrams per heartbeat at the default timing."""


class Inside(IntEnum):
    """What is sealed in a datagram; the first byte inside."""

    HEARTBEAT = 1
    BATCH = 2
    RELAYED = 3
    KNOCK = 4
    """Dial this link anew: your stream is silent here while your datagrams arrive."""


INSIDES = {int(inside): inside for inside in Inside}


class Sealer:
    """One direction of one link, as its sender: a key that was never used before, and a counter that never returns."""

    def __init__(self, key_id: bytes | None = None, key: bytes | None = None) -> None:
        """Random, unless a test wants its own."""
        self.key_id = key_id or os.urandom(8)
        self.key = key or os.urandom(32)
        self._aead = ChaCha20Poly1305(self.key)
        self._counter = 0

    def seal(self, inside: Inside, body: bytes) -> bytes | None:
        """The datagram, or None where it would be longer than DATAGRAM_BYTES_MAX."""
        if len(body) > SEALED_BYTES_MAX:
            return None
        self._counter += 1
        counter = self._counter.to_bytes(8, "big")
        header = MAGIC_SEALED + self.key_id + counter
        return header + self._aead.encrypt(b"\0\0\0\0" + counter, inside.to_bytes(1, "big") + body, header)


class Opener:
    """One direction of one link, as its receiver."""

    def __init__(self, key_id: bytes, key: bytes) -> None:
        self.key_id = key_id
        self._aead = ChaCha20Poly1305(key)
        self._window = Window()

    def open(self, data: bytes) -> tuple[Inside, bytes]:
        """The counter is looked at before the seal is opened, and remembered only afterwards: a forger moves no window."""
        written = data[12:HEADER_BYTES]
        counter = int.from_bytes(written, "big")
        if not self._window.is_new(counter, WINDOW):
            raise Refused(Reason.REPLAYED, f"a datagram with the counter {counter}, seen or too old")
        try:
            plain = self._aead.decrypt(b"\0\0\0\0" + written, data[HEADER_BYTES:], data[:HEADER_BYTES])
        except InvalidTag:
            raise Refused(Reason.BAD_SIGNATURE, "a datagram whose seal is broken") from None
        self._window.remember(counter, WINDOW)
        inside = INSIDES.get(plain[0]) if plain else None
        if inside is None:
            raise Refused(Reason.GARBAGE, "a sealed datagram of an unknown kind")
        return inside, plain[1:]


def check_outside(data: bytes) -> bool:
    """True for a sealed datagram, False for a last word in clear; raises Refused for anything else."""
    if len(data) > DATAGRAM_BYTES_MAX:
        raise Refused(Reason.OVERSIZED, f"a datagram of more than {DATAGRAM_BYTES_MAX} bytes")
    magic = data[:4]
    if magic == MAGIC_SEALED:
        if len(data) < HEADER_BYTES + TAG_BYTES + 1:
            raise Refused(Reason.TRUNCATED, f"a sealed datagram of {len(data)} bytes")
        return True
    if magic == MAGIC_LAST_WORD:
        return False
    raise Refused(Reason.TRUNCATED if len(data) < 4 else Reason.GARBAGE, "a datagram that is not ours")


def key_id_of(data: bytes) -> bytes:
    """Which key opens a sealed datagram."""
    return data[4:12]


def last_word_datagram(raw: bytes, signature: bytes) -> bytes:
    """What the guard sends, byte for byte, when the actions are down: to every address of every peer."""
    return MAGIC_LAST_WORD + signed_body(raw, signature)


def last_word_body(data: bytes) -> bytes:
    """The signed body (`bodies.read_signed`) of a last word in clear."""
    return data[4:]
