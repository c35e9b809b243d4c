"""The addresses of this machine as the kernel has them, by rtnetlink(7). Plain bytes: the guard has no library for it.

    for one in every_address():         # raises OSError
        code = delete(one.address, one.prefix, one.interface)       # 0, or the kernel's errno
"""

import contextlib
import os
import socket
import struct
from typing import NamedTuple

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLM_F_REQUEST_ACK, NLM_F_REQUEST_DUMP, NLM_F_DUMP_INTR = 0x5, 0x301, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 6, 8, 11
IFA_F_SECONDARY, IFA_F_DEPRECATED = 0x01, 0x20
FOR_EVER = 0xFFFF_FFFF
OWNER_TAG = b"\xfa"
"""The tag of every address that `faild` adds (actions/rtnetlink.py)."""

KERNEL_S_MAX = 2
"""Limit for one answer of the kernel: it waits for others that change the network."""

Answers = list[tuple[int, bytes]]


class Carried(NamedTuple):
    """One address that this machine has (rtnetlink(7))."""

    address: bytes
    prefix: int
    interface: int
    """Its number."""
    flags: int
    scope: int
    ours: bool
    """It carries our tag."""
    lasting: bool
    """It was not lent for a time, as DHCP and routers do."""

    @property
    def network(self) -> tuple[int, int, int]:
        bits = len(self.address) * 8
        return self.interface, self.prefix, int.from_bytes(self.address, "big") >> (bits - self.prefix)

    @property
    def is_primary(self) -> bool:
        """The first IPv4 address of a network that the interface is in: without it the host is not in that network."""
        return len(self.address) == 4 and self.prefix < 32 and not self.flags & IFA_F_SECONDARY


def every_address(kernel: socket.socket | None = None) -> list[Carried]:
    """On every interface. Raises OSError."""
    code, answers = ask(RTM_GETADDR, NLM_F_REQUEST_DUMP, bytes(8), kernel)
    if code:
        raise OSError(code, os.strerror(code))
    return [address_in(body) for kind, body in answers if kind == RTM_NEWADDR]


def address_in(body: bytes) -> Carried:
    """What an ifaddrmsg says."""
    _, prefix, flags, scope, index = struct.unpack_from("BBBBI", body)
    found = attributes_of(body)
    if IFA_FLAGS in found:
        (flags,) = struct.unpack("I", found[IFA_FLAGS])
    lasting = struct.unpack_from("II", found[IFA_CACHEINFO])[1] == FOR_EVER if IFA_CACHEINFO in found else True
    address = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    return Carried(address, prefix, index, flags, scope, found.get(IFA_PROTO) == OWNER_TAG, lasting)


def delete(address: bytes, prefix: int, index: int) -> int:
    """RTM_DELADDR (rtnetlink(7)): 0, or the kernel's errno."""
    attributes = b"".join(struct.pack("HH", 4 + len(address), kind) + address for kind in (IFA_LOCAL, IFA_ADDRESS))
    body = struct.pack("BBBBI", family_of(address), prefix, 0, 0, index) + attributes
    return ask(RTM_DELADDR, NLM_F_REQUEST_ACK, body)[0]


def keep_secondaries(index: int) -> None:
    """Ask the kernel to keep a network's other addresses when its first one goes; without that it takes them along."""
    with contextlib.suppress(OSError):
        name = socket.if_indextoname(index)
        with open(f"/proc/sys/net/ipv4/conf/{name}/promote_secondaries", "w") as file:
            file.write("1")


def ask(kind: int, flags: int, body: bytes, kernel: socket.socket | None = None) -> tuple[int, Answers]:
    """0 or the kernel's errno, and every message of the answer: its type and its body. The last one tells how it ended."""
    if kernel is not None:
        return ask_by(kernel, kind, flags, body)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as fresh:
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", KERNEL_S_MAX, 0))
        return ask_by(fresh, kind, flags, body)


def ask_by(kernel: socket.socket, kind: int, flags: int, body: bytes) -> tuple[int, Answers]:
    answers: Answers = []
    changed = False
    kernel.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    while not answers or answers[-1][0] not in (NLMSG_ERROR, NLMSG_DONE):
        packet, at = kernel.recv(65536), 0
        while at < len(packet):
            length, what, how = struct.unpack_from("IHH", packet, at)
            changed = changed or bool(how & NLM_F_DUMP_INTR)
            answers.append((what, packet[at + 16 : at + length]))
            at += (length + 3) & ~3
    if changed:
        return ask_by(kernel, kind, flags, body)  # something changed meanwhile: once more
    return -int(struct.unpack_from("i", answers[-1][1])[0]), answers


def attributes_of(body: bytes) -> dict[int, bytes]:
    """What follows the 8 bytes of an ifaddrmsg."""
    found, at = {}, 8
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("HH", body, at)
        found[kind] = body[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)
    return found


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def family_of(address: bytes) -> int:
    return socket.AF_INET if len(address) == 4 else socket.AF_INET6
