"""An element that is in a set of the user's own packet filter while the service is up. docs/actions.md"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Made, Odd, Setting
from protocol.stored.table import Table, Unreadable, need, text
from protocol.stored.values import host_address

if TYPE_CHECKING:
    from actions.workshop import Workshop

SET = re.compile(r"(ip|ip6|inet|arp|netdev|bridge)( [A-Za-z_][A-Za-z0-9_./\\-]{0,127}){2}", re.ASCII)
MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", re.ASCII)
OURS = "failover"
"""The name of our own tables: the kernel's lease stands there."""


class Nft(ActionKind):
    name, spoken = "nft", "an element of a set"
    settings = (
        Setting("nft", str, "A set of the packet filter: family, table and name.", "inet firewall active"),
        Setting("element", str, "What is in it: an address, a hardware address or a port.", "10.77.0.100"),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        place, element = it.take("nft", text), it.take("element", text)
        need(SET.fullmatch(place) is not None and place.split()[1] != OURS, "no set of the packet filter")
        need(_is_element(element), "no single element")
        return MappingProxyType({"nft": place, "element": element})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        place, element = written["nft"], written.get("element")
        if not SET.fullmatch(place):
            what = f'"{place[:60]}" is not a set of the packet filter'
            yield Odd("nft", what, 'Write family, table and name with one space between, such as "inet firewall active"')
        elif place.split()[1] == OURS:
            yield Odd("nft", f'the table "{OURS}" is that of faild itself', "Write a table of your own")
        if element is None:
            yield Odd("nft", "has no element", 'Write element = "10.77.0.100" beside it')
        elif not _is_element(element):
            what = f'"{element[:60]}" is not an address, a hardware address or a port'
            yield Odd("element", what, "Write a single one: ranges, networks and joined keys are not for this")

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"{settings['element']} in the set {settings['nft']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.kernel_entry import EntryAction
        from actions.set_element import SetElement

        return Made(EntryAction(SetElement(settings), workshop.netlink))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        from actions import set_element as one
        from actions.kernel_entry import for_the_guard

        look, deletion = one.question(settings), one.deletion(settings)
        return for_the_guard(self.named(settings), one.PROTOCOL, deletion, look, one.MARK)


def _is_element(element: str) -> bool:
    if MAC.fullmatch(element):
        return True
    if re.fullmatch("[0-9]{1,5}", element, re.ASCII):
        return int(element) < 65_536
    try:
        host_address(element)
    except Unreadable:
        return False
    return "%" not in element
