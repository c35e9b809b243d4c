"""A service address: added without duplicate-address detection, tagged as ours, announced, and taken away again.

    action = AddressAction("eth0", ip_interface("10.77.0.100/24"), netlink, announcer)
    await action.up(order)      # with its first announcement

Up and reclaim are one thing: see that the address is here, tell the neighbours, forget who had it before. What this
cannot guarantee is in docs/actions.md.
"""

from collections.abc import Sequence

from actions.action import DONE, Ending, Order, Result, Seen, failed
from actions.announce import Announcer
from actions.guard.addresses import counts, the_hosts_own
from actions.guard.kernel import Carried
from actions.netlink import Address, Netlink, name_of

AT_ONCE_MAX = 64
"""Addresses that one turn of the event loop may add or remove: some 30 us each, with their announcement."""


def at_once(actions: Sequence["AddressAction"], word: str) -> list[Result] | None:
    """`word` for all of them, in their order and without a turn of the event loop; None where it did not go smoothly.

    Then each is to be done by itself: every word can be said twice. What a client of the second address waits for is
    otherwise mostly the way from the first one's end to the second one's beginning.
    """
    if len(actions) > AT_ONCE_MAX or not _may(actions, word):
        return None
    netlink, addresses = actions[0].netlink, [action.address for action in actions]
    if not netlink.all_at_once("remove" if word == "down" else "add", _placed(actions)):
        return None
    if word == "down" and netlink.has_any(addresses):
        return None
    return _results(actions, word)


async def many(actions: Sequence["AddressAction"], word: str) -> list[Result] | None:
    """The same for hundreds: the kernel is asked on another thread, and turns of the loop lie between."""
    results: list[Result] = []
    for at in range(0, len(actions), AT_ONCE_MAX):
        piece = actions[at : at + AT_ONCE_MAX]
        await piece[0].netlink.table.settled()
        if not _may(piece, word) or not await piece[0].netlink.many("remove" if word == "down" else "add", _placed(piece)):
            return None
        done = _results(piece, word)
        if done is None:
            return None
        results += done
    if word == "down" and await actions[0].netlink.has_any_of_many([action.address for action in actions]):
        return None
    return results


def _may(actions: Sequence["AddressAction"], word: str) -> bool:
    for action in actions:
        action.hush()
    return word == "down" or not any(action.hosts_own() for action in actions)


def _placed(actions: Sequence["AddressAction"]) -> list[tuple[str, Address]]:
    return [(action.interface, action.address) for action in actions]


def _results(actions: Sequence["AddressAction"], word: str) -> list[Result] | None:
    """The results where all are as they should be; None where one cannot be announced."""
    for action in actions:
        action.is_here = word != "down"
    results = [DONE if word == "down" else action.tell() for action in actions]
    return results if all(result.ending is Ending.DONE for result in results) else None


class AddressAction:
    def __init__(self, interface: str, address: Address, netlink: Netlink, announcer: Announcer) -> None:
        self.interface = interface
        self.address = address
        self.netlink = netlink
        self._announcer = announcer
        self.is_here = False
        """We put it here, and have not taken it away."""
        self.is_wrong = False
        """It stands where it could be a source of the host's own connections."""
        netlink.prepare(interface, address)
        announcer.prepare(interface, address)

    async def up(self, order: Order) -> Result:
        added = await self.put()
        if added.ending is not Ending.DONE:
            return added
        told = self.tell()
        return told if told.ending is Ending.DONE else await self.undone(told)

    async def reclaim(self, order: Order) -> Result:
        """The same, but what cannot be announced stays: we hold it, and go on holding it."""
        added = await self.put()
        return self.tell() if added.ending is Ending.DONE else added

    async def down(self, order: Order) -> Result:
        """Done means certain: people add it once more with another prefix, and to remove one does not remove the other."""
        self.hush()
        await self.netlink.table.settled()
        was_here = self.is_here or self._is_ours()
        await self.netlink.remove(self.interface, self.address)
        if not self.netlink.has_any([self.address]):
            self.is_here = False
            return DONE
        for held in await self._listed(own=was_here):
            await self.netlink.take_away(held)
        left = [self._named(held) for held in await self._listed(own=was_here)]
        self.is_here = bool(left)
        return failed(f"still here: {', '.join(left)}") if left else DONE

    def hush(self) -> None:
        """Stop announcing it: we must not go on about what we give up."""
        self._announcer.hush(self.interface, self.address)

    async def probe(self, order: Order) -> Seen:
        await self.netlink.table.settled()
        if any(map(self._counts, self.netlink.table.find(self.address.ip.packed))):
            return Seen.UP
        if self.address.version == 4 or not self.netlink.has_any([self.address]):
            return Seen.DOWN
        return Seen.UP if await self._listed(own=True) else Seen.DOWN

    def hosts_own(self) -> str:
        """Where this host lives by the address itself, in words: it is no service address here. Empty where it does not."""
        if self.is_here or self._is_ours():
            return ""
        own = [held for held in self.netlink.table.hosts_own(self.address.ip.packed) if self._counts(held)]
        if not own:
            return ""
        return f"{self._named(own[0])} is this host's own address, and faild leaves it alone. Give the service another one"

    async def _listed(self, *, own: bool) -> list[Carried]:
        """The address wherever this machine would answer for it, whatever its prefix and whatever added it. `own`: also where
        the host seems to live by it, as where it was typed beside ours."""
        everything = await self.netlink.every_address()
        hosts = set[Carried]() if own else the_hosts_own(everything)
        mine = [held for held in everything if held.address == self.address.ip.packed and self._counts(held)]
        return [held for held in mine if held not in hosts]

    def _is_ours(self) -> bool:
        return any(held.ours for held in self.netlink.table.find(self.address.ip.packed))

    def _counts(self, held: Carried) -> bool:
        return held.ours or counts(held.address, self.interface, held.interface)

    def _named(self, held: Carried) -> str:
        return f"{self.address.ip}/{held.prefix} on {name_of(held.interface)}"

    async def put(self) -> Result:
        """The address is here, and no neighbour is told yet."""
        await self.netlink.table.settled()
        if own := self.hosts_own():
            return failed(own)
        try:
            await self.netlink.add(self.interface, self.address)
        except OSError as error:
            return failed(f"{self.address} on {self.interface}: {error.strerror}")
        self.is_here = True
        return DONE

    def tell(self) -> Result:
        """The address is here: all neighbours shall know."""
        try:
            took_us = self._announcer.announce(self.interface, self.address)
        except OSError as error:
            return failed(f"{self.address} on {self.interface} cannot be announced: {error.strerror}")
        self.netlink.tidy_soon(self.interface, self.address)
        return Result(Ending.DONE, announce_us=took_us)

    @property
    def is_missing(self) -> bool:
        """It is not where we put it."""
        return not self.netlink.has(self.interface, self.address)

    @property
    def told(self) -> bool:
        """All neighbours have heard where it is now."""
        return self._announcer.has_told(self.interface, self.address)

    def tell_anew(self) -> None:
        """Neighbours that have heard may have forgotten."""
        self._announcer.forget(self.interface, self.address)

    async def undone(self, told: Result) -> Result:
        """A take-over of which no neighbour hears, or that the gate keeps shut, does not help: the address goes again, and the
        next node may try."""
        try:
            await self.netlink.remove(self.interface, self.address)
        except OSError as error:
            return Result(Ending.UNKNOWN, f"{told.text}; nor removed again: {error.strerror}")
        self.is_here = False
        return told
