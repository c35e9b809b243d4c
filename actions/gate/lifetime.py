"""The second best, where there is no gate: an address that the kernel removes by itself when nothing refreshes it.

    keep_for(kernel, "eth0", ip_interface("10.77.0.100/24"), left_ms)       # raises OSError

`valid_lft` counts whole seconds, and the kernel looks a little later: an address is gone 1.0 to 1.2 s after it was kept for one
second, which may be later than its lease. And there is no ticket: an address that ran out comes back when it is kept again,
so the caller looks whether it is still there. `failc status` calls this "valid_lft".
"""

import socket

from actions.rtnetlink import UNIVERSE, Address, Rtnetlink, address_request

LEAST_S = 1
"""A life of zero seconds is refused by the kernel."""


def seconds(left_ms: int) -> int:
    """Rounded down, at least one."""
    return max(LEAST_S, left_ms // 1000)


def keep_for(kernel: Rtnetlink, interface: str, address: Address, left_ms: int, scope: int = UNIVERSE) -> None:
    """Keep an address that stands on the interface with this prefix, or add it."""
    index = socket.if_nametoindex(interface)
    kernel.ask(address_request("add", index, address.ip.packed, address.network.prefixlen, scope, seconds(left_ms)))
