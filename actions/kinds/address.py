"""A service address, IPv4 or IPv6: on one interface, announced to the neighbours. docs/actions.md"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import INTERFACE, ActionKind, Machine, Made, Odd, Setting, no_interface, odd_interface
from protocol import endpoints
from protocol.stored.table import Table, text
from protocol.stored.values import interface, service_address

if TYPE_CHECKING:
    from actions.workshop import Workshop

_read = lru_cache(maxsize=4096)(ipaddress.ip_interface)
"""Reading an address costs 15 us, and a claim waits for the guard."""


class Address(ActionKind):
    name, spoken, instant = "address", "an address", True
    settings = (
        Setting("address", str, "An address with its prefix.", "10.77.0.100/24"),
        INTERFACE,
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        address, name = it.take("address", text), it.take("interface", interface)
        service_address(address)
        return MappingProxyType({"address": address, "interface": name})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from _odd_address(written["address"])
        yield from odd_interface("address", written)

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        if written.get("interface") is None:
            return
        name, address = written["interface"], ipaddress.ip_interface(written["address"])
        if name not in machine.interfaces:
            yield from no_interface(written, machine)
        elif address.version == 6 and not machine.has_ipv6(name):
            instead = f"Switch it on: sysctl net.ipv6.conf.{name}.disable_ipv6=0; or take {address.ip} out here"
            yield Odd("address", f"IPv6 is switched off on {name}", instead)
        else:
            nets = [net for net in machine.networks(name, address.version) if net.is_link_local == address.ip.is_link_local]
            if nets and not any(address.ip in net for net in nets):
                what = f"{address.ip} is in no network of {name}, which has {', '.join(map(str, nets[:4]))}"
                instead = "Write an address of one of them, or the interface that is in its network"
                yield Odd("address", what, f"{instead}; or give {name} a route to it first")

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"{settings['address']} on {settings['interface']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.address_action import AddressAction

        address = ipaddress.ip_interface(settings["address"])
        return Made(AddressAction(settings["interface"], address, workshop.netlink, workshop.announcer))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        return {"address": str(_read(settings["address"]).ip), "interface": settings["interface"]}


def _odd_address(text: str) -> Iterator[Odd]:
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        yield Odd("address", *_no_address(text))
        return
    try:
        endpoints.address(str(found.ip))
    except endpoints.BadEndpoint as error:
        yield Odd("address", error.what, 'Write one such as "10.77.0.100/24"')
    else:
        if "/" not in text:
            instead = f'Write "{text}/{24 if found.version == 4 else 64}", with the prefix of its network'
            yield Odd("address", f'"{text}" has no prefix', instead)
    if wrong := _nobodys(found):
        yield Odd("address", *wrong)


def _no_address(text: str) -> tuple[str, str]:
    """What is wrong with it, and what to write."""
    host, slash, _ = text.partition("/")
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return f'"{text}" is not an address', 'Write one such as "10.77.0.100/24"'
    most, usual = (32, 24) if found.version == 4 else (128, 64)
    what = f'"{text}" has no prefix of IPv{found.version}' if slash else f'"{text}" is not an address'
    return what, f'Write a number from 1 to {most} behind the slash, such as "{host}/{usual}"'


def _nobodys(address: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> tuple[str, str] | None:
    """What the kernel would take and no client could use."""
    ip, network = address.ip, address.network
    several = network.prefixlen < network.max_prefixlen - 1  # one or two addresses are all hosts: RFC 3021, RFC 6164
    if ip.is_loopback:
        return f"{ip} is a loopback address of every machine", "Write an address of the network that clients are in"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return f"{ip} is an IPv4 address written as IPv6", f'Write "{ip.ipv4_mapped}/24", with the prefix of its network'
    if network.prefixlen == 0:
        return f'"{address}" makes a network of all addresses there are', f'Write the prefix of its network, such as "{ip}/24"'
    if str(ip) == "255.255.255.255":
        return f"{ip} is the broadcast address of every network", 'Write one such as "10.77.0.100/24"'
    inside = f'Write an address inside it, such as "{network[several]}/{network.prefixlen}"'
    if several and ip == network.network_address:
        return f"{ip} is the address of the network {network} itself", inside
    if several and ip.version == 4 and ip == network.broadcast_address:
        return f"{ip} is the broadcast address of {network}, which all its hosts hear", inside
    return None
