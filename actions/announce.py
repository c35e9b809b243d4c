"""Telling everybody on the wire where an address lives now: at once, and a few times more in the background.

    announcer = Announcer()
    took_us = announcer.announce("eth0", ip_interface("10.77.0.100/24"))
    announcer.hush(address)         # before the address goes: we must not announce what we gave up

Frames go out raw over AF_PACKET (CAP_NET_RAW): no route, no gate and no tentative address can hold them back. Closing such
a socket waits for the kernel to forget it, 9 to 20 ms (tried). That would be most of a take-over, and where `faild` is
killed it would hold up the end that its guard waits for: so another thread closes it, right after each burst.
"""

import asyncio
import contextlib
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

from actions.frames import ETHERTYPE_ARP, ETHERTYPE_IPV6, arp_reply, arp_request, neighbour_advertisement
from actions.interface import InterfaceLook

log = logging.getLogger("failover.announce")

AGAIN_S = (0.05, 0.25, 1.1, 3.0)
"""A frame can be lost, and a switch port that just came up drops the first ones. Older kernels ignore a second ARP within
`locktime`, 1 s, of the last update: one of these comes after it."""


CLOSE_S = 0.005
"""After a burst: another thread that wakes would take the interpreter from the next address of the same service."""


class Announcer:
    """Lives in one event loop; owns the repeats that are still to come."""

    def __init__(self) -> None:
        self._used: list[socket.socket] = []
        """To be closed."""
        self._coming: dict[IPv4Interface | IPv6Interface, list[asyncio.Handle]] = {}
        self._told: dict[IPv4Interface | IPv6Interface, bytes | None] = {}
        """What was last announced, and with which hardware address."""
        self._routers: dict[str, bool] = {}
        """Whether we forward on an interface, as we last saw it: hosts that use the address as their gateway must know."""
        self._look = InterfaceLook()
        self._closing = ThreadPoolExecutor(1, "announce")
        self._closing.submit(int)  # its thread is born now: that may take milliseconds on a busy machine

    def announce(self, interface: str, address: IPv4Interface | IPv6Interface) -> int:
        """Microseconds that the first burst took. Raises OSError where nothing can be sent (interface down, no right)."""
        began = time.monotonic_ns()
        self.forget(address)
        self._told[address] = self._send(interface, address)
        took_us = (time.monotonic_ns() - began) // 1000
        self.hush(address)
        self._coming[address] = [asyncio.get_running_loop().call_soon(self._repeat, interface, address)]
        return took_us

    def _repeat(self, interface: str, address: IPv4Interface | IPv6Interface) -> None:
        """In the loop's next turn: the next address of the service is announced first."""
        loop = asyncio.get_running_loop()
        self._coming[address] = [loop.call_later(delay, self._again, interface, address) for delay in AGAIN_S]

    def hush(self, address: IPv4Interface | IPv6Interface) -> None:
        for timer in self._coming.pop(address, ()):
            timer.cancel()

    def has_told(self, interface: str, address: IPv4Interface | IPv6Interface) -> bool:
        """Whether it was announced from the interface as it is now: one that was made anew has another hardware address."""
        try:
            return address in self._told and self._told[address] == self._look.hardware_address(interface)
        except OSError:
            return False

    def forget(self, address: IPv4Interface | IPv6Interface) -> None:
        """It counts as not announced."""
        self._told.pop(address, None)

    def close(self) -> None:
        for address in list(self._coming):
            self.hush(address)
        self._close_used()
        self._closing.shutdown(wait=False)
        self._look.close()

    def prepare(self, interface: str, address: IPv4Interface | IPv6Interface) -> None:
        """Make the frames now that will be needed in a hurry; where the interface is missing they are made then."""
        self._routers[interface] = _forwards(interface)
        with contextlib.suppress(OSError):
            _frames(self._look.hardware_address(interface), address, self._routers[interface])

    def _again(self, interface: str, address: IPv4Interface | IPv6Interface) -> None:
        self._routers[interface] = _forwards(interface)  # it may have become one since
        try:
            self._send(interface, address)
        except OSError as error:
            log.warning("announcing %s on %s again: %s", address.ip, interface, error)

    def _send(self, interface: str, address: IPv4Interface | IPv6Interface) -> bytes | None:
        """The hardware address that was announced."""
        mac = self._look.hardware_address(interface)
        kind, frames = _frames(mac, address, self._routers.get(interface, False))
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: it hears nothing
        if not self._used:
            asyncio.get_running_loop().call_later(CLOSE_S, self._close_used)
        self._used.append(wire)
        for frame in frames:
            wire.sendto(frame, (interface, kind))
        return mac

    def _close_used(self) -> None:
        while self._used:
            self._closing.submit(self._used.pop().close)


@lru_cache(maxsize=256)
def _frames(mac: bytes | None, address: IPv4Interface | IPv6Interface, router: bool) -> tuple[int, list[bytes]]:
    """One burst, with its ethertype. An interface without Ethernet addresses (lo, tun) has no neighbours to tell."""
    if mac is None:
        return 0, []
    if isinstance(address, IPv4Interface):
        return ETHERTYPE_ARP, [arp_request(mac, address.ip), arp_reply(mac, address.ip)]
    return ETHERTYPE_IPV6, [neighbour_advertisement(mac, address.ip, router)]


def _forwards(interface: str) -> bool:
    try:
        return Path(f"/proc/sys/net/ipv6/conf/{interface}/forwarding").read_text().strip() != "0"
    except OSError:
        return False
