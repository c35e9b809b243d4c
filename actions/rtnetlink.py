"""The one request that a take-over waits for: add or remove an address, sent and answered in one system call each.

    kernel = Rtnetlink()
    kernel.ask(address_request("add", index, address))      # raises OSError with the kernel's errno

The kernel carries such a request out before `send` returns, and its answer is there: nobody needs an event loop for it.
With pyroute2's own asynchronous socket the same took 0.4 ms on a quiet machine and 2 ms on a busy one, four times in
every planned move. Several requests go in one system call; each is answered by a packet of its own. The messages are still
encoded by pyroute2, once for each address, and kept.
"""

import errno
import os
import socket
import struct
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST
from pyroute2.netlink.rtnl import RTM_DELADDR, RTM_DELNEIGH, RTM_GETADDR, RTM_NEWADDR
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg

OWNER_TAG = 0xFA
"""IFA_PROTO of every address that we add (kernel 5.18 and later): ours are recognised after a crash."""

IFA_F_NODAD = 0x02
"""No duplicate-address detection: it takes 1.9 s, and a service address is meant to have been elsewhere before."""

FOR_EVER = 0xFFFF_FFFF
ANSWER_BYTES_MAX = 65_536
REQUESTS_MAX = 64
"""In one system call. The answers to all of them must find room in the socket's buffer, or the kernel drops some."""

ANSWER_S_MAX = 2
"""The answer is there when `send` returns. Were it lost all the same, nobody may wait for it for ever."""

NLMSG_ERROR = 2
ERROR = struct.Struct("=IHHIIi")
"""nlmsghdr (length, type, flags, sequence, port) and the first field of nlmsgerr: minus the errno, or 0."""

SEQUENCE_AT = 8

REMEMBERED_MAX = 4096
"""Encoded requests: to encode one takes a millisecond, and an address has up to four."""


class Rtnetlink:
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
def address_request(word: str, index: int, address: IPv4Interface | IPv6Interface) -> bytes:
    """`word` is "add" (or keep), "remove" or "get" (which index 0 asks of all interfaces, and the kernel knows for IPv6 only).
    An IPv6 address is ready at once and never the source of our own connections."""
    message: Any = ifaddrmsg()
    message["family"] = socket.AF_INET if address.version == 4 else socket.AF_INET6
    message["prefixlen"] = address.network.prefixlen
    message["index"] = index
    attributes: list[list[Any]] = [["IFA_ADDRESS", str(address.ip)]]
    if address.version == 4:
        attributes.append(["IFA_LOCAL", str(address.ip)])
    if word == "add":
        attributes.append(["IFA_PROTO", OWNER_TAG])
    if word == "add" and address.version == 6:
        times = {"ifa_preferred": 0, "ifa_valid": FOR_EVER, "cstamp": 0, "tstamp": 0}
        attributes += [["IFA_FLAGS", IFA_F_NODAD], ["IFA_CACHEINFO", times]]
    message["attrs"] = attributes
    message["header"]["type"] = {"add": RTM_NEWADDR, "remove": RTM_DELADDR, "get": RTM_GETADDR}[word]
    how = NLM_F_CREATE | NLM_F_REPLACE if word == "add" else 0
    return _encoded(message, how)


@lru_cache(maxsize=REMEMBERED_MAX)
def neighbour_request(index: int, address: IPv4Interface | IPv6Interface) -> bytes:
    """Forget which hardware address this one had."""
    message: Any = ndmsg()
    message["family"] = socket.AF_INET if address.version == 4 else socket.AF_INET6
    message["ifindex"] = index
    message["attrs"] = [["NDA_DST", str(address.ip)]]
    message["header"]["type"] = RTM_DELNEIGH
    return _encoded(message, 0)


def _encoded(message: Any, how: int) -> bytes:
    message["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | how
    message.encode()
    return bytes(message.data)
