"""What travels between simulated nodes: over a connection the bytes of one production frame; as a datagram what production
seals into one, or a last word in clear. Only the sealing itself is left out."""

from typing import NamedTuple

from protocol.datagram import Inside


class Sealed(NamedTuple):
    """A datagram whose key both ends have."""

    inside: Inside
    body: bytes


Mail = bytes | Sealed
