"""The gate of addresses that are down: taken away by a transaction of nf_tables that `faild` encoded long before.

    take_gate_away(transaction)     # the addresses are gone from this machine

Until then it keeps an address silent, whatever becomes of us. It stays where an address could not be taken down. The table
stays as well, and does nothing: the next `faild` finds it.
"""

import errno
import os
import socket
import struct

from .complaints import complain
from .kernel import KERNEL_S_MAX, NLMSG_ERROR

NETLINK_NETFILTER = 12

NO_GATE = (0, errno.ENOENT, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPERM, errno.EINVAL)
"""What the kernel answers when there is no gate, or when it never let us have one."""


def take_gate_away(transaction: bytes) -> None:
    try:
        code = carried_out(transaction)
    except OSError as error:
        code = error.errno or errno.EIO
    if code not in NO_GATE:
        complain(f"the gate of what is down stays: {os.strerror(code)}")


def carried_out(transaction: bytes) -> int:
    """0, or the kernel's errno."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", KERNEL_S_MAX, 0))
        kernel.send(transaction)
        while True:
            packet = kernel.recv(65536)
            if struct.unpack_from("IH", packet)[1] == NLMSG_ERROR:
                return -int(struct.unpack_from("i", packet, 16)[0])
