"""What the kernel alone can take down, by a request that `faild` encoded long before: a route, a neighbour, a set's element.

    carry_out(down)                     # True where nothing of ours is there any more
    exchange(NETLINK_ROUTE, message)    # the kernel's errno or 0, and what it answered before

Ours is what carries our mark. Where the kernel cannot be told to delete only that, it is asked first, and what has no mark
stays.
"""

import errno
import os
import socket
import struct
from binascii import a2b_base64
from typing import Any

from .complaints import complain
from .kernel import KERNEL_S_MAX, NLMSG_DONE, NLMSG_ERROR

ANSWER_BYTES_MAX = 65536

SOL_NETLINK, NETLINK_GET_STRICT_CHK = 270, 12
"""Lists only what was asked for, where a list is asked for (Linux 4.20 and later)."""

GONE = (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL)
"""What the kernel answers when there is nothing to delete, or nothing that it could be in."""


def carry_out(down: dict[str, Any]) -> bool:
    """Raises OSError."""
    protocol, look, mark = down["protocol"], a2b_base64(down["look"]), a2b_base64(down["mark"])
    at, request = down["index_at"], a2b_base64(down["kernel"])
    if at:
        try:
            index = struct.pack("I", socket.if_nametoindex(down["interface"]))
        except OSError:
            return True  # what was on it went with it
        look, request = with_index(look, at, index), with_index(request, at, index)
    if look:
        code, answer = exchange(protocol, look)
        if code in GONE or (not code and not is_marked(answer, mark)):
            return True
    code, _ = exchange(protocol, request)
    if code and code not in GONE:
        complain(f"{down['what']} cannot be taken down: {os.strerror(code)}")
    return not code or code in GONE


def with_index(message: bytes, at: int, index: bytes) -> bytes:
    return message[:at] + index + message[at + len(index) :] if message else message


def is_marked(answer: bytes, mark: bytes) -> bool:
    """Attributes begin at every fourth byte; the mark is one of them, whole."""
    return any(answer.startswith(mark, at) for at in range(0, len(answer), 4))


def exchange(protocol: int, message: bytes) -> tuple[int, bytes]:
    """0 or an errno, and the messages that came before, one behind the other. Raises OSError where no answer comes."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as kernel:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", KERNEL_S_MAX, 0))
        if protocol == socket.NETLINK_ROUTE:
            kernel.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        kernel.send(message)
        answer = b""
        while True:
            packet, at = kernel.recv(ANSWER_BYTES_MAX), 0
            while at < len(packet):
                length, kind = struct.unpack_from("IH", packet, at)
                if kind == NLMSG_ERROR:
                    return -int(struct.unpack_from("i", packet, at + 16)[0]), answer
                if kind == NLMSG_DONE:
                    return 0, answer
                answer += packet[at : at + length] + bytes(-length % 4)
                at += (length + 3) & ~3
