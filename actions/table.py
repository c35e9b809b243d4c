"""The addresses of this machine as the kernel has them: listed once, on another thread, and kept true by the kernel's events.

    table = await AddressTable.open(listed, changed)
    table.find(packed)              # where the machine has this address; microseconds, however many it has
    table.hosts_own(packed)         # of these, those by which the host itself lives
    await table.settled()           # after `find` may have missed events: until the list has been read again
    table.close()

An event is in our socket's buffer before the change that it tells of is answered: a reader of all that is there knows the
present. There is one exception: of a new IPv6 address the kernel tells a moment later (tried), so where one must certainly not
be here, the kernel itself is asked. Where the buffer overflowed the list is read again. `changed` is called, in a later turn
of the loop, when something has gone or a link has changed, and when the host got or lost an address of its own: with the
addresses that have gone, where that is all.
"""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator

from actions.guard.addresses import the_hosts_own
from actions.guard.kernel import Carried, address_in
from actions.rtnetlink import LINK, RTM_DELADDR, RTM_NEWADDR, RTM_NEWLINK, UNIVERSE

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
HEADER_BYTES = 16
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 4 << 20
"""An event takes about a kilobyte there: some thousand addresses may come and go in one turn of the loop."""

AGAIN_S = 0.1
"""Before a list that could not be read is read again."""


Listed = Callable[[], Awaitable[list[Carried]]]
"""Every address of this machine, listed on another thread."""

Changed = Callable[[frozenset[bytes] | None], None]
"""Told which addresses have gone; None: anything may be otherwise."""

Key = tuple[bytes, int, int]
"""Address, prefix, number of the interface: of these there is one at a time."""


class AddressTable:
    def __init__(self, listed: Listed, changed: Changed) -> None:
        self._listed = listed
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._known: dict[bytes, dict[Key, Carried]] = {}
        self._hosts: dict[int, dict[Key, Carried]] = {}
        """By interface: IPv4 addresses that are not ours and may be a source of the host's connections."""
        self._newcomers: set[int] = set()
        """Interfaces where the host got or lost such an address."""
        self._reading: asyncio.Task[None] | None = None
        self._told = False
        self._gone: set[bytes] = set()
        self._anything = False
        """More than that some have gone."""
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        with contextlib.suppress(OSError):  # without the right to, the usual buffer: it overflows earlier, and that is seen
            self._events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._events.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))

    @classmethod
    async def open(cls, listed: Listed, changed: Changed) -> "AddressTable":
        table = cls(listed, changed)
        await table._read()
        table._newcomers.clear()
        table._loop.add_reader(table._events, table._drain)
        return table

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._loop.remove_reader(self._events)
        self._events.close()

    def find(self, packed: bytes) -> list[Carried]:
        """Wherever this machine has the address now."""
        self._drain()
        return list(self._known.get(packed, {}).values())

    def hosts_own(self, packed: bytes) -> list[Carried]:
        """Those of these by which the host itself lives."""
        found = [one for one in self.find(packed) if not one.ours]
        if not found:
            return []
        own = the_hosts_own(list(self))
        return [one for one in found if one in own]

    def form(self, interface: int, packed: bytes, prefix: int) -> tuple[int, int]:
        """Prefix and scope with which a service address is never the first of a network, nor the host's own source address
        (docs/decisions/0047-a-service-address-is-nobodys-source.md).

        As configured, where the host is in that network already: the kernel makes it a secondary one. Else with a prefix of
        32: it is in no network, and stands behind what the host has. Where the host has nothing there, with the scope `link`:
        it must not be taken for want of a better one.
        """
        if len(packed) == 16:
            return prefix, UNIVERSE
        hosts = self._hosts.get(interface)
        if not hosts:
            return 32, LINK
        network = Carried(packed, prefix, interface, 0, UNIVERSE, True, True).network
        beside = any(one.is_primary and one.network == network for one in hosts.values())
        return (prefix if beside else 32), UNIVERSE

    def take_newcomers(self) -> set[int]:
        """Interfaces on which service addresses may stand in front of the host's own since the last call."""
        self._drain()
        newcomers, self._newcomers = self._newcomers, set()
        return newcomers

    def __iter__(self) -> Iterator[Carried]:
        return (one for entries in self._known.values() for one in entries.values())

    @property
    def is_settled(self) -> bool:
        """Nothing was missed."""
        return self._reading is None

    async def settled(self) -> None:
        self._drain()
        while self._reading is not None:
            await asyncio.shield(self._reading)

    async def _read(self) -> None:
        """Events that come meanwhile wait, and are taken in afterwards: the newest word about each address counts."""
        listed = await self._listed()
        self._known.clear()
        self._hosts.clear()
        for one in listed:
            self._take(RTM_NEWADDR, one)

    async def _read_again(self) -> None:
        while True:
            try:
                await self._read()
                break
            except OSError:
                await asyncio.sleep(AGAIN_S)
        self._reading = None
        self._anything = True
        self._drain()
        self._tell()

    def _drain(self) -> None:
        """Take in every event that is there."""
        if self._reading is not None:
            return
        while True:
            try:
                packet = self._events.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._reading = self._loop.create_task(self._read_again())  # some were lost
                return
            for kind, at, end in _messages(packet):
                if kind == RTM_NEWLINK:
                    self._anything = True
                else:
                    self._take(kind, address_in(packet[at:end]))
        if self._anything or self._gone or self._newcomers:
            self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._loop.call_soon(self._told_now)

    def _told_now(self) -> None:
        everything, gone = self._anything or bool(self._newcomers), frozenset(self._gone)
        self._told = self._anything = False
        self._gone.clear()
        self._changed(None if everything else gone)

    def _take(self, kind: int, one: Carried) -> None:
        key = (one.address, one.prefix, one.interface)
        entries = self._known.setdefault(one.address, {})
        is_source = _may_be_source(one)
        if kind == RTM_DELADDR:
            self._gone.add(one.address)
            if entries.pop(key, None) is not None and is_source:
                self._hosts.get(one.interface, {}).pop(key, None)
                self._newcomers.add(one.interface)
            if not entries:
                del self._known[one.address]
            return
        if is_source and key not in entries:
            self._newcomers.add(one.interface)
        entries[key] = one
        if is_source:
            self._hosts.setdefault(one.interface, {})[key] = one


def _may_be_source(one: Carried) -> bool:
    """A source of the host's own connections? (A lasting /32 may be a service address on a kernel that knows no tags.)"""
    return len(one.address) == 4 and not one.ours and one.scope == UNIVERSE and (one.prefix < 32 or not one.lasting)


def _messages(packet: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, begin and end of the body of each message about links and addresses (netlink(7))."""
    at = 0
    while at + HEADER_BYTES <= len(packet):
        length, kind = struct.unpack_from("IH", packet, at)
        if kind in (RTM_NEWADDR, RTM_DELADDR, RTM_NEWLINK):
            yield kind, at + HEADER_BYTES, at + length
        at += max(HEADER_BYTES, (length + 3) & ~3)
