"""A route of ours: how it is asked for, added and deleted, by rtnetlink(7).

    entry = RouteEntry(settings)        # what the kind `route` read
    guarded = guard_request(settings)   # how the guard deletes it

Ours carries the tag of our addresses as its protocol (`proto 0xfa`), by which the kernel deletes it and no other.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from actions.gate.encoding import attributes
from actions.guard.requests import exchange
from actions.kernel_entry import Entry
from actions.netlink import index_of, must_have
from actions.rtnetlink import OWNER_TAG, message

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP = 0x200, 0x400, 0x300
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 1, 4, 5, 6, 15
RTN_UNICAST = 1
UNIVERSE, LINK, NOWHERE = 0, 253, 255
"""Scopes. A deletion from `nowhere` takes a route of any."""

RTMSG = struct.Struct("=BBBBBBBBI")
NUMBER = struct.Struct("=I")
HEADER_BYTES = 16
PROTOCOL = socket.NETLINK_ROUTE


class Route(NamedTuple):
    """By what the kernel tells routes apart, and where it leads."""

    network: bytes
    prefix: int
    metric: int
    gateway: bytes
    interface: int
    """Its number."""


class RouteEntry:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.spoken = f"a route to {settings['route']} with metric {settings['metric']} in table {settings['table']}"

    def find(self) -> Entry:
        """Ours alone are listed. One of others is met by `add`."""
        wanted = self._wanted(index_of(self._settings["interface"]) or 0)
        for found in self._ours():
            if found[:3] == wanted[:3]:
                return Entry.OURS if found == wanted else Entry.CHANGED
        return Entry.ABSENT

    def add(self) -> int:
        it = self._wanted(must_have(self._settings["interface"]))
        scope = LINK if not it.gateway and len(it.network) == 4 else UNIVERSE
        header = RTMSG.pack(_family(it.network), it.prefix, 0, 0, 0, OWNER_TAG, scope, RTN_UNICAST, 0)
        where = [(RTA_OIF, NUMBER.pack(it.interface)), *([(RTA_GATEWAY, it.gateway)] if it.gateway else [])]
        which = _which(it.network, it.prefix, it.metric, self._settings["table"])
        return exchange(PROTOCOL, message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header, [*which, *where]))[0]

    def delete(self) -> int:
        return exchange(PROTOCOL, deletion(self._settings))[0]

    def _wanted(self, index: int) -> Route:
        network, via = ip_network(self._settings["route"]), self._settings["via"]
        gateway = ip_address(via).packed if via else b""
        return Route(network.network_address.packed, network.prefixlen, self._settings["metric"], gateway, index)

    def _ours(self) -> Iterator[Route]:
        family = _family(ip_network(self._settings["route"]).network_address.packed)
        header = RTMSG.pack(family, 0, 0, 0, 0, OWNER_TAG, 0, 0, 0)
        table = [(RTA_TABLE, NUMBER.pack(self._settings["table"]))]
        code, answer = exchange(PROTOCOL, message(RTM_GETROUTE, NLM_F_DUMP, header, table))
        if code == errno.ENOENT:
            return  # no such table yet
        if code:
            raise OSError(code, os.strerror(code))
        yield from _routes(answer, self._settings["table"])


def deletion(settings: Mapping[str, Any]) -> bytes:
    """Of ours alone; needs no number of an interface, so that the guard can have it long before."""
    network = ip_network(settings["route"])
    packed = network.network_address.packed
    header = RTMSG.pack(_family(packed), network.prefixlen, 0, 0, 0, OWNER_TAG, NOWHERE, 0, 0)
    return message(RTM_DELROUTE, 0, header, _which(packed, network.prefixlen, settings["metric"], settings["table"]))


def _which(packed: bytes, prefix: int, metric: int, table: int) -> list[tuple[int, bytes]]:
    target = [(RTA_DST, packed)] if prefix else []
    return [*target, (RTA_PRIORITY, NUMBER.pack(metric)), (RTA_TABLE, NUMBER.pack(table))]


def _routes(answer: bytes, table: int) -> Iterator[Route]:
    at = 0
    while at < len(answer):
        (length,) = struct.unpack_from("=I", answer, at)
        family, prefix, _, _, _, protocol, *_ = RTMSG.unpack_from(answer, at + HEADER_BYTES)
        found = attributes(answer[at + HEADER_BYTES + RTMSG.size : at + length])
        at += (length + 3) & ~3
        if protocol == OWNER_TAG and _number(found, RTA_TABLE) == table:  # kernels that do not filter list all of them
            packed = found.get(RTA_DST, bytes(4 if family == socket.AF_INET else 16))
            yield Route(packed, prefix, _number(found, RTA_PRIORITY), found.get(RTA_GATEWAY, b""), _number(found, RTA_OIF))


def _number(found: Mapping[int, bytes], name: int) -> int:
    return int(NUMBER.unpack(found[name])[0]) if name in found else 0


def _family(packed: bytes) -> int:
    return socket.AF_INET if len(packed) == 4 else socket.AF_INET6
