"""A neighbour of ours: an address for which this machine answers on an interface, or whose hardware address it knows.

    entry = NeighbourEntry(settings)    # what the kind `arp` read

Ours carries the tag of our addresses as its protocol (Linux 5.2 and later; `ip -d neighbour` shows `proto 250`).
"""

import os
import socket
import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from actions.gate.encoding import attributes
from actions.guard.requests import GONE, exchange, with_index
from actions.kernel_entry import Entry
from actions.netlink import index_of, must_have
from actions.rtnetlink import OWNER_TAG, message

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400
NDA_DST, NDA_LLADDR, NDA_PROTOCOL = 1, 2, 12
NUD_PERMANENT, NTF_PROXY = 0x80, 0x08
NDMSG = struct.Struct("=BBHIHBB")
HEADER_BYTES = 16
PROTOCOL = socket.NETLINK_ROUTE

INDEX_AT = HEADER_BYTES + 4
"""Where the number of the interface stands in a message."""

MARK = struct.pack("=HHB", 5, NDA_PROTOCOL, OWNER_TAG)


class NeighbourEntry:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        what = "a static entry" if settings["lladdr"] else "a proxy entry"
        self.spoken = f"{what} for {settings['arp']} on {settings['interface']}"

    def find(self) -> Entry:
        if (index := index_of(self._settings["interface"])) is None:
            return Entry.ABSENT  # what was on it went with it
        code, answer = exchange(PROTOCOL, with_index(question(self._settings), INDEX_AT, struct.pack("=I", index)))
        if code in GONE:
            return Entry.ABSENT
        if code:
            raise OSError(code, os.strerror(code))
        _, _, _, _, state, _, _ = NDMSG.unpack_from(answer, HEADER_BYTES)
        found = attributes(answer[HEADER_BYTES + NDMSG.size :])
        if self._settings["lladdr"] and not state & NUD_PERMANENT:
            return Entry.ABSENT  # it was learnt, and may be forgotten
        if found.get(NDA_PROTOCOL) != bytes([OWNER_TAG]):
            return Entry.FOREIGN
        return Entry.OURS if found.get(NDA_LLADDR, b"") == _hardware(self._settings) else Entry.CHANGED

    def add(self) -> int:
        hardware = _hardware(self._settings)
        where = [(NDA_LLADDR, hardware)] if hardware else []
        it = _about(RTM_NEWNEIGH, self._settings, NLM_F_CREATE | NLM_F_REPLACE, NUD_PERMANENT, *where, (NDA_PROTOCOL, MARK[4:]))
        return exchange(PROTOCOL, self._here(it))[0]

    def delete(self) -> int:
        return exchange(PROTOCOL, self._here(deletion(self._settings)))[0]

    def _here(self, request: bytes) -> bytes:
        """Raises OSError where the interface is missing."""
        return with_index(request, INDEX_AT, struct.pack("=I", must_have(self._settings["interface"])))


def question(settings: Mapping[str, Any]) -> bytes:
    """Whether it is there; the number of the interface is still to be written."""
    return _about(RTM_GETNEIGH, settings)


def deletion(settings: Mapping[str, Any]) -> bytes:
    return _about(RTM_DELNEIGH, settings)


def _about(kind: int, settings: Mapping[str, Any], how: int = 0, state: int = 0, *more: tuple[int, bytes]) -> bytes:
    packed = ip_address(settings["arp"]).packed
    family, proxy = socket.AF_INET if len(packed) == 4 else socket.AF_INET6, 0 if settings["lladdr"] else NTF_PROXY
    header = NDMSG.pack(family, 0, 0, 0, 0 if proxy else state, proxy, 0)
    return message(kind, how, header, [(NDA_DST, packed), *more])


def _hardware(settings: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(settings["lladdr"].replace(":", ""))
