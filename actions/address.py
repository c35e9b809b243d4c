"""A service address: added without duplicate-address detection, tagged as ours, announced, and taken away again.

    action = AddressAction("eth0", ip_interface("10.77.0.100/24"), netlink, announcer)
    await action.up(order)      # with its first announcement

Up and reclaim are one thing: see that the address is here, tell the neighbours, forget who had it before. What this
cannot guarantee is in docs/actions.md.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from actions.announce import Announcer
from actions.netlink import Address, Held, Netlink, promote_secondaries
from actions.outcome import DONE, Ending, Order, Result, Seen, failed

TIDY_S = 0.005
"""After an address came up, until we see to what matters to ourselves only."""


def at_once(actions: Sequence["AddressAction"], word: str) -> list[Result] | None:
    """`word` for all of them, in their order and without a turn of the event loop; None where it did not go smoothly.

    Then each is to be done by itself: every word can be said twice. What a client of the second address waits for is
    otherwise mostly the way from the first one's end to the second one's beginning.
    """
    for action in actions:
        action.hush()
    held = [(action.interface, action.address) for action in actions]
    netlink = actions[0].netlink
    if not netlink.all_at_once("remove" if word == "down" else "add", held):
        return None
    if word == "down" and netlink.has_any([action.address for action in actions]):
        return None
    results = [DONE if word == "down" else action.tell() for action in actions]
    return results if all(result.ending is Ending.DONE for result in results) else None


class AddressAction:
    def __init__(self, interface: str, address: Address, netlink: Netlink, announcer: Announcer) -> None:
        self.interface = interface
        self.address = address
        self.netlink = netlink
        self._announcer = announcer
        self._tidying: asyncio.TimerHandle | None = None
        """Nobody waits for it: clients are answered without it."""
        netlink.prepare(interface, address)
        announcer.prepare(interface, address)

    async def up(self, order: Order) -> Result:
        added = await self.put()
        if added.ending is not Ending.DONE:
            return added
        told = self.tell()
        return told if told.ending is Ending.DONE else await self._undone(told)

    async def reclaim(self, order: Order) -> Result:
        """The same, but what cannot be announced stays: we hold it, and go on holding it."""
        added = await self.put()
        return self.tell() if added.ending is Ending.DONE else added

    async def down(self, order: Order) -> Result:
        """Done means certain: people add it once more with another prefix, and who removes one has not removed the other."""
        self.hush()
        if await self.netlink.remove(self.interface, self.address) and not self.netlink.has_any([self.address]):
            return DONE
        for held in await self._found():
            await self.netlink.remove(_name(held.index), held.address)
        left = [f"{held.address} on {_name(held.index)}" for held in await self._found()]
        return failed(f"still here: {', '.join(left)}") if left else DONE

    def hush(self) -> None:
        """Stop announcing it: we must not go on about what we give up."""
        self._announcer.hush(self.address)

    async def probe(self, order: Order) -> Seen:
        return Seen.UP if await self._found() else Seen.DOWN

    async def _found(self) -> list[Held]:
        """The address wherever this machine would answer for it, whatever its prefix and whoever added it."""
        mine = [held for held in await self.netlink.addresses(self.address.version) if held.address.ip == self.address.ip]
        return [held for held in mine if held.ours or self._counts_on(_name(held.index))]

    def _counts_on(self, interface: str) -> bool:
        """On `lo` people put it on purpose; a link-local address is another one on every interface."""
        return interface == self.interface or (interface != "lo" and not self.address.ip.is_link_local)

    async def put(self) -> Result:
        """Here, and nobody is told yet."""
        try:
            await self.netlink.add(self.interface, self.address)
        except OSError as error:
            return failed(f"{self.address} on {self.interface}: {error.strerror}")
        return DONE

    def tell(self) -> Result:
        """It is here: everybody on the wire shall know."""
        try:
            took_us = self._announcer.announce(self.interface, self.address)
        except OSError as error:
            return failed(f"{self.address} on {self.interface} cannot be announced: {error.strerror}")
        self._tidy_soon()
        return Result(Ending.DONE, announce_us=took_us)

    @property
    def told(self) -> bool:
        """Everybody has heard where it is now."""
        return self._announcer.has_told(self.interface, self.address)

    def tell_anew(self) -> None:
        """Whoever has heard may have forgotten."""
        self._announcer.forget(self.address)

    def settle(self) -> None:
        """Do at once what would be done in a moment."""
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidy()

    def _tidy_soon(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        self._tidying = asyncio.get_running_loop().call_later(TIDY_S, self._tidy)

    def _tidy(self) -> None:
        """Forget who had it before; and see that the guard, which removes without looking, removes nothing else."""
        self._tidying = None
        if self.address.version == 4:
            promote_secondaries(self.interface)
        with contextlib.suppress(OSError):  # an interface that has gone meanwhile: and what we remember with it
            self.netlink.forget_neighbour(self.interface, self.address)

    async def _undone(self, told: Result) -> Result:
        """A take-over that nobody hears of is none: the address goes again, and the next node may try."""
        try:
            await self.netlink.remove(self.interface, self.address)
        except OSError as error:
            return Result(Ending.UNKNOWN, f"{told.text}; nor removed again: {error.strerror}")
        return told


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""
