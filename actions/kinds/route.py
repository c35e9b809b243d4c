"""A route that is there while the service is up. docs/actions.md"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import INTERFACE, ActionKind, Machine, Made, Odd, Setting, no_interface, odd_interface
from protocol.stored.table import Table, Unreadable, need, number, text
from protocol.stored.values import host_address, interface

if TYPE_CHECKING:
    from actions.workshop import Workshop

METRICS, TABLES = range(1, 1 << 32), range(1, 1 << 32)
METRIC, MAIN = 20, 254


class Route(ActionKind):
    name, spoken = "route", "a route"
    settings = (
        Setting("route", str, "A network that is reached; 0.0.0.0/0 is every one.", "10.88.0.0/16"),
        INTERFACE,
        Setting("via", str, "The gateway; without one the network is on the interface itself.", "10.77.0.254"),
        Setting("metric", int, "The least one wins; 20 unless written.", 20),
        Setting("table", int, "Of routes; 254, the main one, unless written.", 254),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        target, name, via = it.take("route", _network), it.take("interface", interface), it.take("via", _gateway, "")
        versions = {ipaddress.ip_network(target).version, *([ipaddress.ip_address(via).version] if via else [])}
        need(len(versions) == 1, "a gateway of the other family")
        metric, table = it.take("metric", number(METRICS), METRIC), it.take("table", number(TABLES), MAIN)
        return MappingProxyType({"route": target, "interface": name, "via": via, "metric": metric, "table": table})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_interface("route", written)
        yield from _odd_network(written["route"])
        via = written.get("via")
        if via is not None and (wrong := _wrong_gateway(via, written["route"])):
            yield Odd("via", wrong, 'Write the address of a router on that interface, such as "10.77.0.254"')
        for key in ("metric", "table"):
            if written.get(key, 1) not in METRICS:
                yield Odd(key, f"{written[key]} is out of range", "Write a whole number from 1 to 4294967295")

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        yield from no_interface(written, machine)

    def named(self, settings: Mapping[str, Any]) -> str:
        via = f" by {settings['via']}" if settings["via"] else ""
        return f"the route to {settings['route']}{via} on {settings['interface']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.kernel_entry import EntryAction
        from actions.route_entry import RouteEntry

        return Made(EntryAction(RouteEntry(settings), workshop.netlink))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        from actions.kernel_entry import for_the_guard
        from actions.route_entry import PROTOCOL, deletion

        return for_the_guard(self.named(settings), PROTOCOL, deletion(settings))


def _network(value: object) -> str:
    written = text(value)
    try:
        ipaddress.ip_network(written)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    need("/" in written, "a network without a prefix")
    return written


def _gateway(value: object) -> str:
    written = text(value)
    host_address(written)
    need("%" not in written, "a gateway with an interface")
    return written


def _odd_network(written: str) -> Iterator[Odd]:
    try:
        found = ipaddress.ip_network(written, strict=False)
    except ValueError:
        yield Odd("route", f'"{written[:60]}" is not a network', 'Write one such as "10.88.0.0/16"')
        return
    if "/" not in written:
        yield Odd("route", f'"{written}" has no prefix', f'Write "{found}", or the prefix of a network')
    elif str(found.network_address) != str(ipaddress.ip_address(written.partition("/")[0])):
        yield Odd("route", f'"{written}" is an address in the network {found}', f'Write "{found}"')


def _wrong_gateway(via: str, target: str) -> str:
    try:
        gateway = ipaddress.ip_address(_gateway(via))
    except (Unreadable, ValueError):
        return f'"{via[:60]}" is not the address of a router'
    try:
        network = ipaddress.ip_network(target, strict=False)
    except ValueError:
        return ""
    return "" if gateway.version == network.version else f"{via} is IPv{gateway.version}, and {target} is not"
