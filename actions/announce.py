"""Telling all neighbours where an address lives now: at once, and a few times more in the background.

    announcer = Announcer(wire)
    took_us = announcer.announce("eth0", ip_interface("10.77.0.100/24"))
    announcer.hush("eth0", address)         # before the address goes: we must not announce what we gave up

Frames go out raw over AF_PACKET (CAP_NET_RAW): no route, no gate and no tentative address can hold them back. All of them go
through the one packet socket of this process (actions/wire.py says why), and what is repeated is repeated in slices: no turn
of the event loop announces hundreds of addresses.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path

from actions.frames import ETHERTYPE_ARP, ETHERTYPE_IPV6, arp_reply, arp_request, neighbour_advertisement
from actions.netdev import InterfaceLook
from actions.wire import Wire

log = logging.getLogger("failover.announce")

AGAIN_S = (0.05, 0.25, 1.1, 3.0)
"""A frame can be lost, and a switch port that just came up drops the first ones. Older kernels ignore a second ARP within
`locktime`, 1 s, of the last update: one of these comes after it."""

SLICE = 32
"""Addresses that are announced again in one turn of the loop: some 30 us each."""

Ip = IPv4Address | IPv6Address
Address = IPv4Interface | IPv6Interface
Placed = tuple[str, Address]
"""Interface and address: a link-local address is another one on each interface."""

Burst = list[Placed]
"""What was announced in one turn of the loop, and is repeated together."""


class Announcer:
    """Lives in one event loop; owns the repeats that are still to come."""

    def __init__(self, wire: Wire, answers: Callable[[Ip], bool] = lambda address: True) -> None:
        """`answers`: whether this machine answers for the address now. One that stood still may have been succeeded
        meanwhile, and is not announced again."""
        self._wire = wire
        self._answers = answers
        self._coming: dict[Placed, Burst] = {}
        """Each address to the burst with which it is announced again."""
        self._next: Burst = []
        """The burst of this turn."""
        self._timers: set[asyncio.TimerHandle] = set()
        self._told: dict[Placed, bytes | None] = {}
        """What was last announced, and with which hardware address."""
        self._routers: dict[str, bool] = {}
        """Whether we forward on an interface, as we last saw it: hosts that use the address as their gateway must know."""
        self._look = InterfaceLook()

    def announce(self, interface: str, address: Address) -> int:
        """Microseconds that the first burst took. Raises OSError where nothing can be sent (interface down, capability
        missing)."""
        began = time.monotonic_ns()
        self.forget(interface, address)
        self._told[interface, address] = self._send(interface, address)
        took_us = (time.monotonic_ns() - began) // 1000
        if not self._next:
            asyncio.get_running_loop().call_soon(self._plan)
        self._next.append((interface, address))
        self._coming[interface, address] = self._next
        return took_us

    def hush(self, interface: str, address: Address) -> None:
        self._coming.pop((interface, address), None)

    def has_told(self, interface: str, address: Address) -> bool:
        """Whether it was announced from the interface as it is now: one that was made anew has another hardware address."""
        try:
            known = (interface, address) in self._told
            return known and self._told[interface, address] == self._look.hardware_address(interface)
        except OSError:
            return False

    def forget(self, interface: str, address: Address) -> None:
        """It counts as not announced."""
        self._told.pop((interface, address), None)

    def close(self) -> None:
        """The wire stays open: it is not ours."""
        self._coming.clear()
        for timer in self._timers:
            timer.cancel()
        self._look.close()

    def prepare(self, interface: str, address: Address) -> None:
        """Make the frames now that will be needed in a hurry; where the interface is missing they are made then."""
        if interface not in self._routers:
            self._routers[interface] = _forwards(interface)
        with contextlib.suppress(OSError):
            _frames(self._look.hardware_address(interface), address, self._routers[interface])

    def _plan(self) -> None:
        """In the loop's next turn: the next address of the service is announced first."""
        burst, self._next = self._next, []
        for delay_s in AGAIN_S:
            self._later(delay_s, burst, 0, last=delay_s == AGAIN_S[-1])

    def _later(self, delay_s: float, burst: Burst, at: int, *, last: bool) -> None:
        def again() -> None:
            self._timers.discard(timer)
            self._again(burst, at, last=last)

        timer = asyncio.get_running_loop().call_later(delay_s, again)
        self._timers.add(timer)

    def _again(self, burst: Burst, at: int, *, last: bool) -> None:
        """A slice of the burst; the next one in another turn of the loop."""
        if at == 0:
            for interface in {interface for interface, _ in burst}:
                self._routers[interface] = _forwards(interface)  # it may have become one since
        mine = [placed for placed in burst[at : at + SLICE] if self._coming.get(placed) is burst]
        self._repeat(mine)
        if last:
            for placed in mine:
                self.hush(*placed)
        if at + SLICE < len(burst):
            self._later(0, burst, at + SLICE, last=last)

    def _repeat(self, burst: Burst) -> None:
        failed: dict[str, list[Address]] = {}
        for interface, address in burst:
            if not self._answers(address.ip):
                continue
            try:
                self._send(interface, address)
            except OSError as error:
                failed.setdefault(f"{interface} again: {error.strerror}", []).append(address)
        for why, addresses in failed.items():
            more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
            log.warning("announcing %s%s on %s", addresses[0].ip, more, why)

    def _send(self, interface: str, address: Address) -> bytes | None:
        """The hardware address that was announced."""
        mac = self._look.hardware_address(interface)
        kind, frames = _frames(mac, address, self._routers.get(interface, False))
        for frame in frames:
            self._wire.send(interface, kind, frame)
        return mac


@lru_cache(maxsize=4096)
def _frames(mac: bytes | None, address: Address, router: bool) -> tuple[int, list[bytes]]:
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
