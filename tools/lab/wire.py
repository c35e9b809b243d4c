"""Frames that the prober and the bystander send and read: echo, ARP, neighbour solicitation; and the record they keep.

A record is 24 bytes: when the answer came (monotonic, by the kernel's stamp on the packet, so that our own slowness
does not count), when the question was due, the family (4, 6; 0 for a note that we were late ourselves) and the hardware
address that answered. Standard library only.
"""

import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator

RECORD = struct.Struct("<qqBx6s")
LATE = 0
"""The family of a note: `received` is when we came to send, `asked` when it was due."""
ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0800, 0x0806, 0x86DD
SO_TIMESTAMPNS = 35
SIOCGIFHWADDR = 0x8927
TIMESPEC = struct.Struct("qq")
ANCILLARY = socket.CMSG_SPACE(TIMESPEC.size)


def packet_socket(interface: str, protocol: int) -> socket.socket:
    """A raw socket for one kind of frame on one interface; not blocking, with a kernel stamp on each frame."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((interface, protocol))
    sock.setblocking(False)
    return sock


def frames(sock: socket.socket) -> Iterator[tuple[bytes, int]]:
    """Every frame that waits, with the monotonic nanosecond at which the kernel got it."""
    while True:
        try:
            frame, extra, _, _ = sock.recvmsg(2048, ANCILLARY)
        except BlockingIOError:
            return
        yield frame, _monotonic(extra)


def _monotonic(extra: list[tuple[int, int, bytes]]) -> int:
    """The stamp is in wall time: we take how long ago it was, so a clock that is set does not matter for long."""
    now = time.monotonic_ns()
    for _, kind, value in extra:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack(value[: TIMESPEC.size])
            ago = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
            return now - ago if 0 <= ago < 1_000_000_000 else now
    return now


def hardware_address(interface: str) -> bytes:
    """Asked of the kernel, not of /sys, which may be another namespace's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer: bytes = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("256s", interface.encode()))
    return answer[18:24]


def be_punctual() -> None:
    """Ask for the processor at once when it is our time. An ordinary user may not; the notes on lateness then tell."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request_v4(identity: int, number: int, payload: bytes) -> bytes:
    """ICMP echo (RFC 792); the payload has an even length."""
    body = struct.pack("!HH", identity, number & 0xFFFF) + payload
    return struct.pack("!BBH", 8, 0, checksum(b"\x08\x00" + body)) + body


def echo_request_v6(identity: int, number: int, payload: bytes) -> bytes:
    """ICMPv6 echo (RFC 4443); the kernel fills in the checksum."""
    return struct.pack("!BBHHH", 128, 0, 0, identity, number & 0xFFFF) + payload


def arp_request(mac: bytes, asker: str, target: str) -> bytes:
    """RFC 826: who has `target`? A broadcast, so that every owner answers."""
    head = b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP)
    ask = struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, 1)
    return head + ask + mac + socket.inet_aton(asker) + bytes(6) + socket.inet_aton(target)


def neighbour_solicitation(mac: bytes, asker: str, target: str) -> bytes:
    """RFC 4861, 4.3, to the solicited-node group, with our own hardware address as the answer's way back."""
    source, wanted = (socket.inet_pton(socket.AF_INET6, address) for address in (asker, target))
    group = bytes.fromhex("ff0200000000000000000001ff") + wanted[-3:]
    body = bytes(4) + wanted + b"\x01\x01" + mac
    pseudo = source + group + struct.pack("!IHBB", 4 + len(body), 0, 0, 58)
    message = struct.pack("!BBH", 135, 0, checksum(pseudo + b"\x87\x00\x00\x00" + body)) + body
    header = struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + source + group
    return b"\x33\x33" + group[-4:] + mac + struct.pack("!H", ETH_P_IPV6) + header + message
