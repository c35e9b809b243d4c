"""Held addresses stay, and their neighbours know where they are: what is looked at, and what is ordered where one is not right.

    upkeep = AddressUpkeep(deeds, gates, mend, busy, alarmed)
    upkeep.begin(netlink)
    upkeep.monitor.holds("web", 0)      # its action 0 is an address, and up
    upkeep.carrier_changed(CarrierChanged("eth0", True))
    upkeep.announce("web")              # another node may have announced them meanwhile
    await upkeep.mend(...)              # the order that `mend` gave has its turn
    upkeep.held_addresses               # {(interface, address): service}

One look is for all that is held; `mend` orders the rest, in the queue of each service.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from actions.action import Ending, Result
from actions.address_action import AT_ONCE_MAX, AddressAction
from actions.netlink import Netlink
from coordinator.core.inputs import CarrierChanged
from coordinator.policy import WITH_IPV6
from coordinator.services.action_factory import ServiceActions
from coordinator.services.address_gates import AddressGates
from coordinator.services.address_monitor import AddressMonitor, Held
from coordinator.services.address_repair import mended
from protocol.invariant import InvariantBroken

KEEP_MAX = 64
"""Held addresses that are looked at in one turn of the event loop: some 2 ms."""


class AddressUpkeep:
    def __init__(
        self,
        deeds: Mapping[str, ServiceActions],
        gates: AddressGates,
        order: Callable[[str, tuple[int, ...]], None],
        busy: Callable[[str], bool],
        alarmed: Callable[[], None],
    ) -> None:
        """`order` puts the mending of some actions of a service into its queue; `busy`: it has an order that is not done."""
        self._deeds = deeds
        self._gates = gates
        self._order = order
        self._busy = busy
        self._netlink: Netlink | None = None
        self.monitor = AddressMonitor(self._keep, alarmed)
        self._addressed: dict[bytes, list[Held]] | None = None
        """Each address to the actions that it is of; None until it is asked for."""
        self._held_addresses: tuple[tuple[int, int], dict[tuple[str, str], str]] = ((0, 0), {})
        """As they were after so many changes of what is held, and of what answers."""

    def begin(self, netlink: Netlink) -> None:
        self._netlink = netlink
        netlink.when_changed(self._addresses_changed)

    def actions_changed(self) -> None:
        """Some service has other actions now."""
        self._addressed = None

    def close(self) -> None:
        self.monitor.close()

    def mark(self, service: str, actions: Sequence[int], *, held: bool) -> None:
        """Whether these are to stay."""
        for index in actions:
            (self.monitor.holds if held else self.monitor.lets_go)(service, index)

    def ended(self, service: str, index: int, word: str, result: Result) -> None:
        """A reclaim that went wrong gives nothing up: it must be tried again."""
        if word != "down" and result.ending is Ending.DONE:
            self.monitor.holds(service, index)
        elif word == "reclaim":
            self.monitor.look_soon()

    def carrier_changed(self, change: CarrierChanged) -> None:
        """A switch that had lost us does not know where our addresses are, nor do neighbours who asked meanwhile."""
        again = []
        for service, index in self.monitor.held:
            action = self._deeds[service].actions[index]
            if change.up and isinstance(action, AddressAction) and action.interface == change.interface.removesuffix(WITH_IPV6):
                action.tell_anew()
                again.append((service, index))
        self._keep(again)

    def announce(self, service: str) -> None:
        """Another node may have announced them meanwhile: the addresses of this service that are held, once more."""
        actions = self._deeds[service].actions if service in self._deeds else ()
        again = [(service, index) for index in range(len(actions)) if self.monitor.is_held(service, index)]
        for _, index in again:
            action = actions[index]
            if isinstance(action, AddressAction):
                action.tell_anew()
        self._keep(again)

    @property
    def held_addresses(self) -> dict[tuple[str, str], str]:
        """Interface and address of each that is held and answers, and its service."""
        changes = self.monitor.changes, self._gates.changes
        if self._held_addresses[0] != changes:
            open_ones = [(service, index) for service, index in self.monitor.held if self._gates.is_open(service)]
            held = ((service, self._deeds[service].actions[index]) for service, index in open_ones)
            places = {(one.interface, str(one.address.ip)): service for service, one in held if isinstance(one, AddressAction)}
            self._held_addresses = (changes, places)
        return self._held_addresses[1]

    async def mend(self, service: str, addresses: Sequence[AddressAction]) -> None:
        """The first of several addresses that we remove ourselves wakes the monitor: then a down came first, all is well."""
        await addresses[0].netlink.table.settled()
        numbers = {action: index for index, action in enumerate(self._deeds[service].actions)}
        for at in range(0, len(addresses), AT_ONCE_MAX):
            piece = [one for one in addresses[at : at + AT_ONCE_MAX] if self._is_kept(service, numbers[one])]
            found = await mended(service, piece)
            still = {numbers[one]: text for one, text in found.items() if self.monitor.is_held(service, numbers[one])}
            self.monitor.found(service, still)

    def _is_kept(self, service: str, index: int) -> bool:
        return self.monitor.is_held(service, index) and self._gates.is_open(service)

    def _addresses_changed(self, gone: frozenset[bytes] | None) -> None:
        """What we have taken away ourselves is no reason to look at a thousand others."""
        if gone is None or any(self._concerns(packed) for packed in gone):
            self.monitor.look_soon()

    def _concerns(self, packed: bytes) -> bool:
        """Whether the address is held, or an order about it is on its way."""
        if self._addressed is None:
            self._addressed = {}
            for service, deeds in self._deeds.items():
                for index, action in enumerate(deeds.actions):
                    if isinstance(action, AddressAction):
                        self._addressed.setdefault(action.address.ip.packed, []).append((service, index))
        return any(self.monitor.is_held(*held) or self._busy(held[0]) for held in self._addressed.get(packed, ()))

    def _keep(self, held: Sequence[Held]) -> None:
        """One look at all of these, and an order for each service that has something to mend."""
        if self._netlink is None:
            raise InvariantBroken("the upkeep of addresses begins before there are any")
        self._keep_some(held, self._netlink.table.take_newcomers())

    def _keep_some(self, held: Sequence[Held], newcomers: set[int]) -> None:
        """So many in this turn of the loop; the others, as far as they are held then, in the next."""
        rest = held[KEEP_MAX:]
        if rest:
            asyncio.get_running_loop().call_soon(self._keep_some, rest, newcomers)
        to_mend: dict[str, list[int]] = {}
        for service, index in held[:KEEP_MAX]:
            if not self.monitor.is_held(service, index):
                continue
            if not self._gates.is_open(service):
                self.monitor.look_soon()  # another node may have it: nothing is put back or announced before it is open again
                continue
            action = self._deeds[service].actions[index]
            if isinstance(action, AddressAction):
                action.is_wrong |= action.netlink.is_wrong(action.interface, action.address, newcomers)
                if action.is_missing or not action.told or action.is_wrong:
                    to_mend.setdefault(service, []).append(index)
                else:
                    self.monitor.found(service, {index: ""})
        for service, indexes in to_mend.items():
            self._order(service, tuple(indexes))
