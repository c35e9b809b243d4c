"""A neighbour that is known, or answered for, while the service is up: ARP, and IPv6 as well. docs/actions.md"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import INTERFACE, ActionKind, Machine, Made, Odd, Setting, no_interface, odd_interface
from protocol import endpoints
from protocol.stored.table import Table, need, text
from protocol.stored.values import host_address, interface

if TYPE_CHECKING:
    from actions.workshop import Workshop

MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", re.ASCII)


class Arp(ActionKind):
    name, spoken = "arp", "a neighbour"
    settings = (
        Setting("arp", str, "An address that this node answers for, or with lladdr knows.", "10.77.0.100"),
        INTERFACE,
        Setting("lladdr", str, "A hardware address: where that neighbour is, without asking.", "02:00:00:00:00:01"),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        address, name, mac = it.take("arp", text), it.take("interface", interface), it.take("lladdr", text, "")
        need("%" not in address, "an address with an interface")
        host_address(address)
        need(not mac or _is_hosts(mac), "no hardware address of a host")
        return MappingProxyType({"arp": address, "interface": name, "lladdr": mac})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_interface("arp", written)
        address, mac = written["arp"], written.get("lladdr")
        try:
            endpoints.address(address)
        except endpoints.BadEndpoint as error:
            yield Odd("arp", error.what, 'Write one such as "10.77.0.100", without a prefix')
        else:
            if "%" in address:
                yield Odd("arp", f'"{address}" names its interface', "Write it behind interface")
        if mac is not None and not _is_hosts(mac):
            what = "is that of a group or of nobody" if MAC.fullmatch(mac) else "is not a hardware address"
            yield Odd("lladdr", f'"{mac[:40]}" {what}', 'Write one of an interface, such as "02:00:00:00:00:01"')

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        yield from no_interface(written, machine)
        if "lladdr" in written or written.get("interface") not in machine.interfaces:
            return
        if not machine.answers_for_others(written["interface"], ipaddress.ip_address(written["arp"]).version):
            instead = "Let it forward packets (sysctl net.ipv4.ip_forward=1; for IPv6 also proxy_ndp=1 of the interface)"
            yield Odd("arp", f"nothing answers for others on {written['interface']}", instead)

    def named(self, settings: Mapping[str, Any]) -> str:
        how = f"at {settings['lladdr']}" if settings["lladdr"] else "answered for"
        return f"the neighbour {settings['arp']} {how} on {settings['interface']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.kernel_entry import EntryAction
        from actions.neighbour_entry import NeighbourEntry

        return Made(EntryAction(NeighbourEntry(settings), workshop.netlink))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        from actions import neighbour_entry as neighbour
        from actions.kernel_entry import for_the_guard

        look, on = neighbour.question(settings), (settings["interface"], neighbour.INDEX_AT)
        return for_the_guard(self.named(settings), neighbour.PROTOCOL, neighbour.deletion(settings), look, neighbour.MARK, on)


def _is_hosts(mac: str) -> bool:
    """The lowest bit of the first byte is that of groups."""
    return MAC.fullmatch(mac) is not None and not int(mac[:2], 16) & 1 and mac.strip("0:") != ""
