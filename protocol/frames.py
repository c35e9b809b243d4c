"""Frames: how messages stand in a TLS stream, and the limit of each kind.

    data = frame(Kind.HEARTBEAT, body)
    reader = FrameReader()
    for kind, body in reader.feed(data): ...        # raises Refused(OVERSIZED) before the body is read

A frame is one byte of kind, three bytes of length (big-endian) and the body. A kind that is not known here is refused
when its header is seen: the stream ends there, since a peer that speaks otherwise must not be half understood.
What stands in the bodies: `protocol.bodies`. docs/formats/frames.md.
"""

from enum import IntEnum

from protocol.refusals import Reason, Refused

HEADER_BYTES = 4


class Kind(IntEnum):
    """What a frame carries. The number is on the wire."""

    HELLO = 1
    HEARTBEAT = 2
    RELAYED = 3
    BATCH = 4
    WANT = 5
    COMMAND = 6
    LAST_WORD = 7
    PING = 8
    PONG = 9
    HEADS = 10
    REPLY = 11
    REMOVED = 12


BODY_BYTES_MAX = {
    Kind.HELLO: 512 * 1024,  # 4096 heads of some 110 bytes
    Kind.HEARTBEAT: 512 * 1024,  # 16 nodes need 1.3 KiB; a thousand services under a lease 10 to 70, with long names
    Kind.RELAYED: 512 * 1024,
    Kind.BATCH: 1024 * 1024,  # an event has 64 KiB at most, and a commit's events are served up to its signature
    Kind.WANT: 256,
    Kind.COMMAND: 6 * 1024,  # a command of 4 KiB and its signature
    Kind.LAST_WORD: 1024,
    Kind.PING: 9,
    Kind.PONG: 9,
    Kind.HEADS: 512 * 1024,
    Kind.REPLY: 4 * 1024,  # a nonce and a sentence
    Kind.REMOVED: 4 * 1024 * 1024,  # a command, and the longest file; read only on a connection that we have made
}

LIMITS = {int(kind): limit for kind, limit in BODY_BYTES_MAX.items()}
KINDS = {int(kind): kind for kind in Kind}


def frame(kind: Kind, body: bytes) -> bytes:
    """The bytes of one frame. Raises ValueError where we ourselves would exceed the limit."""
    if len(body) > LIMITS[kind]:
        raise ValueError(f"a {kind.name} of {len(body)} bytes; at most {LIMITS[kind]}")
    return (kind << 24 | len(body)).to_bytes(HEADER_BYTES, "big") + body


class FrameReader:
    """Cuts a byte stream into frames; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """The frames that are complete now. Raises Refused (OVERSIZED, GARBAGE); the stream is of no use afterwards.

        Frames before the offending header are lost with it: its sender does not follow the protocol.
        """
        data = self._rest + data if self._rest else data
        frames, at, end = [], 0, len(data)
        while end - at >= HEADER_BYTES:
            length = _checked_length(data[at], int.from_bytes(data[at + 1 : at + HEADER_BYTES], "big"))
            body = at + HEADER_BYTES
            if end - body < length:
                break
            frames.append((KINDS[data[at]], data[body : body + length]))
            at = body + length
        self._rest = data[at:] if at else data
        return frames

    def end(self) -> None:
        """The stream is over. Raises Refused(TRUNCATED) where it stopped inside a frame."""
        if self._rest:
            raise Refused(Reason.TRUNCATED, f"the stream ended inside a frame, after {len(self._rest)} bytes of it")


def _checked_length(kind: int, length: int) -> int:
    limit = LIMITS.get(kind)
    if limit is None:
        raise Refused(Reason.GARBAGE, f"a frame of the unknown kind {kind}")
    if length > limit:
        raise Refused(Reason.OVERSIZED, f"a {KINDS[kind].name} of {length} bytes; at most {limit}")
    return length
