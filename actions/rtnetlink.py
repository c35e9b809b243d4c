"""Requests to the kernel about addresses and neighbours: sent and answered in one system call each.

    kernel = Rtnetlink()
    kernel.ask(address_request("add", index, address))      # raises OSError with the kernel's errno
    kernel.ask_all([...])                                   # 0 or an errno for each; 64 in one system call
    kernel.every_address()                                  # of this machine; never on the event loop's thread

The kernel carries such a request out before `send` returns, and its answer is there: no event loop is needed for it. The
messages are those of rtnetlink(7), made here: a library took a millisecond for each, and four are needed for an address.
"""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface

from actions.guard import kernel
from actions.guard.kernel import Carried

OWNER_TAG = kernel.OWNER_TAG[0]
"""IFA_PROTO of every address that we add (kernel 5.18 and later): ours are recognised after a crash."""

IFA_F_NODAD = 0x02
"""No duplicate-address detection: it takes 1.9 s, and a service address is meant to have been elsewhere before."""

FOR_EVER = 0xFFFF_FFFF
ANSWER_BYTES_MAX = 65_536
REQUESTS_MAX = 64
"""In one system call. The answers to all of them must find room in the socket's buffer, or the kernel drops some."""

ANSWER_S_MAX = 2
"""The answer is there when `send` returns. If it were lost all the same, `faild` must not wait for it for ever."""

RTM_NEWLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR, RTM_DELNEIGH = 16, 20, 21, 22, 29
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x400
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 6, 8, 11
NDA_DST = 1
UNIVERSE, LINK = 0, 253
"""Scopes (RFC 3549 says what they mean; `link` is never chosen as a source towards anything behind a router)."""

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port."""
IFADDRMSG = struct.Struct("=BBBBI")
CACHEINFO = struct.Struct("=IIII")
"""ifa_cacheinfo: seconds for which it is preferred and valid, and two labels."""
NDMSG = struct.Struct("=BBHiHBB")
NLMSG_ERROR = 2
ERROR = struct.Struct("=IHHIIi")
"""nlmsghdr and the first field of nlmsgerr: minus the errno, or 0."""

SEQUENCE_AT = 8

REMEMBERED_MAX = 8192
"""Encoded requests: some 80 bytes each, and a thousand addresses have several."""

Address = IPv4Interface | IPv6Interface


class Rtnetlink:
    """One socket; used by one thread at a time."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_S_MAX, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> None:
        """Send, and read the acknowledgement. Raises OSError where the kernel refuses."""
        (code,) = self.ask_all([request])
        if code:
            raise OSError(code, os.strerror(code), errno.errorcode.get(code))

    def ask_all(self, requests: Sequence[bytes]) -> list[int]:
        """The same for several, 64 in one system call: for each 0, or the errno with which the kernel refused it."""
        pieces = [requests[at : at + REQUESTS_MAX] for at in range(0, len(requests), REQUESTS_MAX)]
        return [code for piece in pieces for code in self._ask_piece(piece)]

    def every_address(self) -> list[Carried]:
        """On every interface of this machine. Raises OSError. The kernel needs milliseconds for some hundred of them."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("the addresses of this machine are listed on the event loop's thread, which would stand still")
        return kernel.every_address(self._socket)

    def _ask_piece(self, requests: Sequence[bytes]) -> list[int]:
        first = self._sequence + 1
        self._sequence += len(requests)
        numbered = [
            request[:SEQUENCE_AT] + struct.pack("=I", number) + request[SEQUENCE_AT + 4 :]
            for number, request in enumerate(requests, first)
        ]
        self._socket.send(b"".join(numbered))
        codes: dict[int, int] = {}
        while len(codes) < len(requests):
            answer = self._socket.recv(ANSWER_BYTES_MAX)
            _, kind, _, sequence, _, code = ERROR.unpack_from(answer)
            if kind == NLMSG_ERROR and sequence >= first:
                codes[sequence] = -code
        return [codes[number] for number in range(first, first + len(requests))]


@lru_cache(maxsize=REMEMBERED_MAX)
def address_request(
    word: str, index: int, packed: bytes, prefix: int, scope: int = UNIVERSE, valid_s: int = FOR_EVER
) -> bytes:
    """`word` is "add" (or keep), "remove" or "get" (which index 0 asks of all interfaces, and the kernel knows for IPv6 only).

    An IPv6 address is deprecated from the start: never the source of our own connections. For IPv4 that is a matter of its
    prefix and scope (`AddressTable.form`). With `valid_s` the kernel removes the address after so many seconds.
    """
    attributes = [(IFA_ADDRESS, packed)]
    if len(packed) == 4:
        attributes.append((IFA_LOCAL, packed))
    if word == "add":
        attributes.append((IFA_PROTO, kernel.OWNER_TAG))
    if word == "add" and len(packed) == 16:
        attributes.append((IFA_FLAGS, struct.pack("=I", IFA_F_NODAD)))
        attributes.append((IFA_CACHEINFO, CACHEINFO.pack(0, valid_s, 0, 0)))
    elif word == "add" and valid_s != FOR_EVER:
        attributes.append((IFA_CACHEINFO, CACHEINFO.pack(valid_s, valid_s, 0, 0)))
    body = IFADDRMSG.pack(_family(packed), prefix, 0, scope if len(packed) == 4 else UNIVERSE, index)
    kind = {"add": RTM_NEWADDR, "remove": RTM_DELADDR, "get": RTM_GETADDR}[word]
    return message(kind, NLM_F_CREATE | NLM_F_REPLACE if word == "add" else 0, body, attributes)


@lru_cache(maxsize=REMEMBERED_MAX)
def neighbour_request(index: int, address: Address) -> bytes:
    """Forget which hardware address this one had."""
    packed = address.ip.packed
    return message(RTM_DELNEIGH, 0, NDMSG.pack(_family(packed), 0, 0, index, 0, 0, 0), [(NDA_DST, packed)])


def _family(packed: bytes) -> int:
    return socket.AF_INET if len(packed) == 4 else socket.AF_INET6


def message(kind: int, how: int, body: bytes, attributes: Sequence[tuple[int, bytes]]) -> bytes:
    tail = b"".join(struct.pack("=HH", 4 + len(data), name) + data + bytes(-len(data) % 4) for name, data in attributes)
    length = HEADER.size + len(body) + len(tail)
    return HEADER.pack(length, kind, NLM_F_REQUEST | NLM_F_ACK | how, 0, 0) + body + tail
