"""A record of a name server that leads to the node which has the service: by a signed update. docs/actions.md"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Machine, Made, Odd, Setting, not_absolute
from protocol import endpoints
from protocol.stored.table import Table, Unreadable, need, number, text
from protocol.stored.values import endpoint, host_address, program

if TYPE_CHECKING:
    from actions.workshop import Workshop

PORT = 53
NAME = re.compile(r"(?=.{1,240}\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?", re.ASCII)
TTLS, TTL = range(1, 86_401), 5


class Dns(ActionKind):
    name, spoken = "dns", "a record of a name server"
    settings = (
        Setting("dns", str, "The name whose address is changed.", "www.example"),
        Setting("zone", str, "The zone that the name is in.", "example"),
        Setting("server", str, "The address of the zone's primary server; port 53 unless written.", "10.77.0.53"),
        Setting("records", dict[str, str], "Each candidate's address.", {"lukretia": "10.77.0.11", "genesis": "10.77.0.12"}),
        Setting("ttl", int, "Seconds for which others may remember it; 5 unless written.", 5),
        Setting("key_file", str, "The key that signs, as tsig-keygen prints it; of mode 0600.", "/etc/failover/dns.key"),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        name, zone = it.take("dns", text), it.take("zone", text)
        host, port = it.take("server", lambda value: endpoint(text(value), PORT))
        host_address(host)
        need(NAME.fullmatch(name) is not None and is_in(name, zone), "no name in its zone")
        settings = {
            "dns": name,
            "zone": zone,
            "host": host,
            "port": port,
            "records": it.take("records", _records),
            "ttl": it.take("ttl", number(TTLS), TTL),
            "key_file": it.take("key_file", program),
        }
        return MappingProxyType(settings)

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        for setting in self.settings:
            if setting.key not in written and setting.key != "ttl":
                example = f'"{setting.example}"' if isinstance(setting.example, str) else '{ lukretia = "10.77.0.11" }'
                yield Odd("dns", f"has no {setting.key}", f"Write {setting.key} = {example} beside it")
        name, zone = written["dns"], written.get("zone", "")
        if not NAME.fullmatch(name):
            yield Odd("dns", f'"{name[:60]}" is not a name of DNS', 'Write one such as "www.example"')
        elif zone and not is_in(name, zone):
            yield Odd("zone", f'"{name}" is not in the zone "{zone[:60]}"', "Write the zone that the name is in")
        if "server" in written and (wrong := _wrong_server(written["server"])):
            yield Odd("server", wrong, 'Write the address of a server, such as "10.77.0.53"')
        if "records" in written:
            yield from _odd_records(written["records"])
        if written.get("ttl", TTL) not in TTLS:
            yield Odd("ttl", f"{written['ttl']} is out of range", "Write seconds, from 1 to 86400")
        if "key_file" in written:
            yield from not_absolute("key_file", written["key_file"], "/etc/failover/dns.key")

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        missing = [node for node in written.get("nodes", []) if node not in written.get("records", {})]
        if missing:
            yield Odd("records", f"has no address of {', '.join(missing)}", "Write one for each candidate")
        if "key_file" in written and (wrong := machine.unreadable(written["key_file"])):
            yield Odd("key_file", *wrong)

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"the record {settings['dns']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.dns_action import DnsAction

        return Made(DnsAction(settings))


def is_in(name: str, zone: str) -> bool:
    return f".{name.rstrip('.').lower()}".endswith(f".{zone.rstrip('.').lower()}") and bool(zone.strip("."))


def _records(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise Unreadable("not a table")
    versions = {host_address(text(address)).version for address in value.values()}
    need(len(versions) == 1 and not any("%" in address for address in value.values()), "no addresses of one family")
    return tuple(sorted(value.items()))


def _wrong_server(written: str) -> str:
    try:
        endpoints.address(endpoints.endpoint(written, PORT)[0])
    except endpoints.BadEndpoint as error:
        return error.what
    return ""


def _odd_records(records: Mapping[str, str]) -> Iterator[Odd]:
    versions = set()
    for node, address in records.items():
        try:
            versions.add(endpoints.address(address).version)
        except endpoints.BadEndpoint as error:
            yield Odd("records", f"{node}: {error.what}", 'Write one such as "10.77.0.11"')
            return
        if "%" in address:
            yield Odd("records", f"{node}: {address} holds on one interface only", "Write an address that clients reach")
            return
    if not records:
        yield Odd("records", "names no node", "Write each candidate's address")
    elif len(versions) > 1:
        yield Odd("records", "has addresses of IPv4 and of IPv6", "Write two actions, one for each")
