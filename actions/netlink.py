"""Addresses and neighbours of this machine: the few words of pyroute2 that we use, with types.

    netlink = await Netlink.open()              # one socket for the life of the process
    await netlink.add("eth0", ip_interface("10.77.0.100/24"))      # idempotent; 0.3 ms
    await netlink.remove("eth0", ip_interface("10.77.0.100/24"))   # False where it was not there

Rules that were learnt the hard way (each was tried):
- The kernel performs a request even when its asker is cancelled, and the answer then stays in a queue: every request is
  shielded and one runs at a time. So a cancelled `add` is over before the `remove` that follows it.
- `get` requests leak an acknowledgement each; dumps, `replace` and `del` do not. Only those are used here.
- Removing the first IPv4 address of a subnet removes all others of it, unless `promote_secondaries` is set.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import Any, TypeVar

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from actions.interface import InterfaceLook
from actions.rtnetlink import OWNER_TAG, Rtnetlink, address_request, neighbour_request

GONE = frozenset({errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ESRCH})
"""What the kernel answers when there is nothing to remove."""

NOBODYS = IPv6Interface("100::1/128")
"""Of the discard prefix (RFC 6666): nobody has it."""

Address = IPv4Interface | IPv6Interface
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """One address that the kernel has."""

    index: int
    address: Address
    ours: bool
    """It carries our tag."""


class Netlink:
    """Made by `open`; every method raises OSError with the kernel's errno."""

    def __init__(self, socket_: Any) -> None:
        self._socket = socket_
        self._turn = asyncio.Lock()
        self._kernel = Rtnetlink()
        self._look = InterfaceLook()

    @classmethod
    async def open(cls) -> "Netlink":
        """pyroute2 opens at the first request, and is slow at the first of each kind: we pay now, not in a take-over."""
        netlink = cls(AsyncIPRoute())
        await netlink.addresses(4)
        with contextlib.suppress(OSError):  # without the right to, a node can still run scripts
            await netlink.remove("lo", NOBODYS)
        return netlink

    def close(self) -> None:
        self._socket.close()
        self._kernel.close()
        self._look.close()

    async def add(self, interface: str, address: Address) -> None:
        """Add or keep; an IPv6 address is ready at once and never chosen as the source of our own connections."""
        self._kernel.ask(address_request("add", _index(interface), address))

    async def remove(self, interface: str, address: Address) -> bool:
        """Whether it was there. Other addresses of the subnet stay."""
        lost = [] if address.version == 6 or promote_secondaries(interface) else await self._secondaries(interface, address)
        index = _index_or_none(interface)
        if index is None:
            return False
        removed = self._ask_unless_gone(address_request("remove", index, address))
        for other in lost:
            await self.add(interface, other)
        return removed

    def all_at_once(self, word: str, held: Sequence[tuple[str, Address]]) -> bool:
        """Add or remove ("add", "remove") several in one system call. False where that did not go smoothly with each of them,
        or would take others of its subnet along: then each is to be asked for by itself, and nothing is lost by that."""
        requests = []
        for interface, address in held:
            index = _index_or_none(interface)
            if index is None or (word == "remove" and address.version == 4 and not promote_secondaries(interface)):
                return False
            requests.append(address_request(word, index, address))
        try:
            return not any(self._kernel.ask_all(requests))
        except OSError:  # an answer was lost: what has become of the request is seen when it is asked again
            return False

    def has_any(self, addresses: Sequence[Address]) -> bool:
        """Whether the kernel may have one of these, on any interface and with any prefix. Some microseconds, and it errs
        only towards yes. (Not asked by `bind`: that finds no address that is still tentative, in a VRF or on an interface that
        is switched off, and with ip_nonlocal_bind every one.)"""
        four = {address.ip.packed for address in addresses if address.version == 4}
        six = [address_request("get", 0, address) for address in addresses if address.version == 6]
        if not four.isdisjoint(self._look.addresses() if four else ()):
            return True
        try:
            return bool(six) and any(code != errno.EADDRNOTAVAIL for code in self._kernel.ask_all(six))
        except OSError:
            return True

    async def addresses(self, version: int) -> list[Held]:
        """All of one IP version, on every interface."""
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        return await self._request(lambda: self._dump(family))

    def prepare(self, interface: str, address: Address) -> None:
        """Encode what will be asked about this address: the first time takes a millisecond, and a client would wait for it."""
        index = _index_or_none(interface)
        if index is not None:
            address_request("add", index, address)
            address_request("remove", index, address)
            neighbour_request(index, address)
            address_request("get", 0, address)

    def forget_neighbour(self, interface: str, address: Address) -> None:
        """Remove what we remember of who had this address."""
        index = _index_or_none(interface)
        if index is not None:
            self._ask_unless_gone(neighbour_request(index, address))

    def _ask_unless_gone(self, request: bytes) -> bool:
        """False where there was nothing to remove."""
        try:
            self._kernel.ask(request)
        except OSError as error:
            if error.errno in GONE:
                return False
            raise
        return True

    async def _dump(self, family: int) -> list[Held]:
        return [_held(message) async for message in await self._socket.get_addr(family=family)]

    async def _secondaries(self, interface: str, address: Address) -> list[Address]:
        index = _index_or_none(interface)
        mine = [held for held in await self.addresses(4) if held.index == index and held.address.network == address.network]
        return [held.address for held in mine if held.address != address]

    async def _request(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await asyncio.shield(self._one_by_one(ask))

    async def _one_by_one(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            try:
                return await ask()
            except NetlinkError as error:
                raise OSError(error.code, error.args[-1]) from None


def promote_secondaries(interface: str) -> bool:
    """Ask the kernel to keep a subnet's other addresses when its first one goes; False where we may not."""
    setting = Path("/proc/sys/net/ipv4/conf") / interface / "promote_secondaries"
    try:
        if setting.read_text().strip() == "0":
            setting.write_text("1")
    except OSError:
        return False
    return True


def _held(message: Any) -> Held:
    text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    address = ip_interface(f"{text}/{message['prefixlen']}")
    return Held(message["index"], address, message.get_attr("IFA_PROTO") == OWNER_TAG)


def _index(interface: str) -> int:
    index = _index_or_none(interface)
    if index is None:
        raise OSError(errno.ENODEV, f"there is no interface {interface}")
    return index


def _index_or_none(interface: str) -> int | None:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None
