"""Addresses and neighbours of this machine.

    netlink = await Netlink.open()              # its sockets live as long as the process
    await netlink.add("eth0", ip_interface("10.77.0.100/24"))      # idempotent; 0.05 ms
    await netlink.remove("eth0", ip_interface("10.77.0.100/24"))   # False where it was not there
    await netlink.many("add", held)             # hundreds, on another thread

Rules that were learnt the hard way (each was tried):
- Nothing on the event loop's thread may list addresses, or change hundreds of them: the kernel needs milliseconds for that,
  and each change waits for all others that are changing the network. Some sixty in one system call are done there, since a
  client waits for them.
- The kernel performs a request even when its asker is cancelled: what another thread was asked to do is waited for, so a
  cancelled `add` is over before the `remove` that follows it.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Interface, IPv6Interface
from typing import TypeVar

from actions.gate.lifetime import seconds
from actions.guard.kernel import IFA_F_SECONDARY, Carried, keep_secondaries
from actions.netdev import InterfaceLook
from actions.rtnetlink import REQUESTS_MAX, UNIVERSE, Rtnetlink, address_request, neighbour_request
from actions.table import AddressTable, Changed

GONE = frozenset({errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ESRCH})
"""What the kernel answers when there is nothing to remove."""

TIDY_S = 0.005
"""After an address came up, until we see to what matters to ourselves only."""

Address = IPv4Interface | IPv6Interface
Placed = tuple[str, Address]
"""Interface and address."""

T = TypeVar("T")


class Netlink:
    """Made by `open`; every method raises OSError with the kernel's errno."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._kernel = Rtnetlink()
        self._beside = Rtnetlink()
        """Used by the pool's thread alone."""
        self._look = InterfaceLook()
        self._changed: Changed = lambda gone: None
        self._untidy: dict[bytes, None] = {}
        """Requests to forget neighbours, to be made in a moment; in the order of their addresses."""
        self._tidying: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, pool: Pool | None = None) -> "Netlink":
        """`pool` has one thread, for what takes long."""
        netlink = cls(pool or ThreadPoolExecutor(1, "netlink"))
        netlink.table = await AddressTable.open(netlink.every_address, lambda gone: netlink._changed(gone))
        return netlink

    table: AddressTable

    def when_changed(self, changed: Changed) -> None:
        """To be called when addresses have gone (with these) or links have changed (with None)."""
        self._changed = changed

    def close(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        self.table.close()
        self._pool.shutdown(wait=False)
        self._kernel.close()
        self._beside.close()
        self._look.close()

    async def add(self, interface: str, address: Address) -> None:
        """Add or keep; it is ready at once and never chosen as the source of our own connections."""
        self._kernel.ask(self._add(must_have(interface), address))

    async def remove(self, interface: str, address: Address) -> bool:
        """Whether it was there. Other addresses of the interface stay."""
        were_here = [self._ask_unless_gone(request) for request in self._removals(interface, address)]
        return any(were_here)

    async def take_away(self, one: Carried) -> None:
        """An address with whatever prefix. Others of its network stay."""
        self._ask_unless_gone(_removal(one))

    def ours(self, interface: str, address: Address) -> list[Carried]:
        """As it stands on the interface; where the kernel knows no tags, an address that the host does not live by counts as
        ours."""
        index, packed = index_of(interface), address.ip.packed
        here = [one for one in self.table.find(packed) if one.interface == index]
        return [one for one in here if one.ours] or [one for one in here if one not in self.table.hosts_own(packed)]

    def all_at_once(self, word: str, placed: Sequence[Placed]) -> bool:
        """Add or remove ("add", "remove") some in one system call. False where that did not go smoothly with each of them:
        then each is to be asked for by itself, and nothing is lost by that."""
        requests = self._requests(word, placed)
        try:
            return requests is not None and not any(self._kernel.ask_all(requests))
        except OSError:  # an answer was lost: what has become of the request is seen when it is asked again
            return False

    async def many(self, word: str, placed: Sequence[Placed]) -> bool:
        """The same for hundreds, on another thread; also when we are cancelled it is over when this ends."""
        requests = self._requests(word, placed)
        if requests is None:
            return False
        try:
            codes = await self.in_thread(lambda: self._beside.ask_all(requests))
        except OSError:
            return False
        return not any(codes)

    async def put_right(self, placed: Sequence[Placed]) -> None:
        """Each goes to the end of its interface's list, behind the host's own, with the prefix and the scope that it should
        have. It is away for microseconds."""
        requests = []
        for interface, address in placed:
            for one in self.ours(interface, address):
                requests += [_removal(one), self._add(one.interface, address)]
        await self.in_thread(lambda: self._beside.ask_all(requests))

    def keep(self, interface: str, address: Address, left_ms: int) -> None:
        """The kernel takes it away by itself after that, in whole seconds; nothing where it is not here. Where the kernel
        knows no tags it stays: what has a lifetime would look like the host's own."""
        for one in self.ours(interface, address):
            if one.ours:
                index = one.interface
                how = (address.ip.packed, one.prefix, one.scope, seconds(left_ms))
                self._kernel.ask(address_request("add", index, *how))

    def has_any(self, addresses: Sequence[Address]) -> bool:
        """Whether the kernel may have one of these, on any interface and with any prefix. Some microseconds, and it errs
        only towards yes. (Not asked by `bind`: that finds no address that is still tentative, in a VRF or on an interface that
        is switched off, and with ip_nonlocal_bind every one.)"""
        return _has_any(self._kernel, self._look, addresses)

    async def has_any_of_many(self, addresses: Sequence[Address]) -> bool:
        """The same for hundreds, on another thread."""
        return await self.in_thread(lambda: _has_any(self._beside, self._look, addresses))

    def has(self, interface: str, address: Address) -> bool:
        """Whether it is where we put it."""
        return bool(self.ours(interface, address)) or (address.version == 6 and self._has_six(interface, address))

    def _has_six(self, interface: str, address: Address) -> bool:
        index = index_of(interface)
        if index is None:
            return False
        return self._kernel.ask_all([address_request("get", index, address.ip.packed, address.network.prefixlen)]) == [0]

    def is_wrong(self, interface: str, address: Address, newcomers: set[int]) -> bool:
        """Whether it stands before addresses that the host got since, or as the first of a network."""
        if address.version == 6:
            return False
        return any(
            (one.prefix, one.scope) != self._form(one.interface, address)
            or (one.interface in newcomers and not one.flags & IFA_F_SECONDARY and one.scope == UNIVERSE)
            for one in self.ours(interface, address)
        )

    def prepare(self, interface: str, address: Address) -> None:
        """Encode what will be asked about this address."""
        index = index_of(interface)
        if index is not None:
            self._add(index, address)
            neighbour_request(index, address)

    def tidy_soon(self, interface: str, address: Address) -> None:
        """Forget, in a moment, who had this address before."""
        index = index_of(interface)
        if index is not None:
            self._untidy[neighbour_request(index, address)] = None
            if self._tidying is None:
                self._tidying = asyncio.get_running_loop().call_later(TIDY_S, self.tidy)

    def tidy(self) -> None:
        """Do it now, some of them in a turn of the loop. What is not there was never remembered, or went with its interface."""
        piece = list(self._untidy)[:REQUESTS_MAX]
        self._tidying = None
        for request in piece:
            del self._untidy[request]
        self._kernel.ask_all(piece)
        if self._untidy:
            self._tidying = asyncio.get_running_loop().call_later(0, self.tidy)

    def _add(self, index: int, address: Address) -> bytes:
        return address_request("add", index, address.ip.packed, *self._form(index, address))

    def _form(self, index: int, address: Address) -> tuple[int, int]:
        return self.table.form(index, address.ip.packed, address.network.prefixlen)

    def _requests(self, word: str, placed: Sequence[Placed]) -> list[bytes] | None:
        """None where an interface or what is to be removed is missing."""
        indexes = {interface: index_of(interface) for interface, _ in placed}
        if None in indexes.values():
            return None
        if word == "add":
            return [self._add(index, address) for interface, address in placed if (index := indexes[interface]) is not None]
        removals = [self._removals(interface, address) for interface, address in placed]
        return [request for each in removals for request in each] if all(removals) else None

    def _removals(self, interface: str, address: Address) -> list[bytes]:
        """An IPv6 address is removed without a look first: the table may not know it yet."""
        here = self.ours(interface, address)
        if not here and address.version == 6 and not self.table.hosts_own(address.ip.packed):
            index = index_of(interface)
            return [] if index is None else [address_request("remove", index, address.ip.packed, address.network.prefixlen)]
        return [_removal(one) for one in here]

    def _ask_unless_gone(self, request: bytes) -> bool:
        """False where there was nothing to remove."""
        try:
            self._kernel.ask(request)
        except OSError as error:
            if error.errno in GONE:
                return False
            raise
        return True

    async def every_address(self) -> list[Carried]:
        """As the kernel lists them now, on another thread."""
        return await self.in_thread(self._beside.every_address)

    def in_thread(self, work: Callable[[], T]) -> Awaitable[T]:
        """Done by the other thread, which does one thing at a time; also when we are cancelled it is over when this ends."""
        return _to_its_end(asyncio.get_running_loop().run_in_executor(self._pool, work))


async def _to_its_end(work: "asyncio.Future[T]") -> T:
    """Cancelled, it still waits for the end: what the thread was asked to do happens all the same."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return work.result()


def _removal(one: Carried) -> bytes:
    if one.is_primary:
        keep_secondaries(one.interface)
    return address_request("remove", one.interface, one.address, one.prefix)


def _has_any(kernel: Rtnetlink, look: InterfaceLook, addresses: Sequence[Address]) -> bool:
    four = {address.ip.packed for address in addresses if address.version == 4}
    six = [address_request("get", 0, one.ip.packed, one.network.prefixlen) for one in addresses if one.version == 6]
    if not four.isdisjoint(look.addresses() if four else ()):
        return True
    try:
        return bool(six) and any(code != errno.EADDRNOTAVAIL for code in kernel.ask_all(six))
    except OSError:
        return True


def must_have(interface: str) -> int:
    index = index_of(interface)
    if index is None:
        raise OSError(errno.ENODEV, f"there is no interface {interface}")
    return index


def name_of(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def index_of(interface: str) -> int | None:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None
