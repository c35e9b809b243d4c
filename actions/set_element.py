"""An element of ours in a set of the user's own packet filter, by the messages of nf_tables.

    entry = SetElement(settings)        # what the kind `nft` read

Ours has the comment "failover", as `nft list set` shows it. Sets of ranges, maps and joined keys are not changed.
"""

import errno
import os
import re
import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from actions.gate.encoding import (
    ACK,
    CREATE,
    DELSETELEM,
    EXCL,
    GETSET,
    GETSETELEM,
    HEADER,
    NEWSETELEM,
    NFGENMSG,
    NFPROTO_ARP,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    Message,
    attribute,
    attributes,
    nested,
    request,
    text,
    transaction,
)
from actions.guard.requests import GONE, exchange, is_marked
from actions.kernel_entry import Entry

PROTOCOL = 12
FAMILIES = {"ip": NFPROTO_IPV4, "ip6": NFPROTO_IPV6, "inet": NFPROTO_INET, "arp": NFPROTO_ARP, "netdev": 5, "bridge": 7}

SET_TABLE, SET_NAME, SET_FLAGS, SET_KEY_TYPE, SET_TIMEOUT = 1, 2, 3, 4, 11
LIST_TABLE, LIST_SET, LIST_ELEMENTS, ELEM, KEY, VALUE, USERDATA = 1, 2, 3, 1, 1, 1, 6

FIXED = {0x2: "is constant", 0x4: "is one of ranges", 0x8: "is a map", 0x40: "is a map of objects", 0x80: "has joined keys"}
"""What a set can be that takes no single element (NFT_SET_ flags)."""

KEY_TYPES = {4: 7, 16: 8, 6: 9, 2: 13}
"""By the length of a key, what nft calls ipv4_addr, ipv6_addr, ether_addr and inet_service."""

COMMENT = b"failover\0"
MARK = attribute(USERDATA, bytes([0, len(COMMENT)]) + COMMENT)
"""As nft writes the comment of an element: its type, its length, the text."""

MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", re.ASCII)


class SetElement:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.spoken = f"{settings['element']} in the set {settings['nft']}"

    def find(self) -> Entry:
        code, answer = exchange(PROTOCOL, question(self._settings))
        if code in GONE:
            return Entry.ABSENT
        if code and code != errno.EINVAL:  # that a key does not fit is said by `add`
            raise OSError(code, os.strerror(code))
        return Entry.ABSENT if code else Entry.OURS if is_marked(answer, MARK) else Entry.FOREIGN

    def add(self) -> int:
        if wrong := self._misfit():
            raise OSError(errno.EINVAL, wrong)
        return exchange(PROTOCOL, _change(NEWSETELEM, self._settings, CREATE | EXCL, MARK))[0]

    def delete(self) -> int:
        return exchange(PROTOCOL, deletion(self._settings))[0]

    def _misfit(self) -> str:
        """Why the set takes no such element, or empty."""
        family, table, name = _place(self._settings)
        named = f"the set {self._settings['nft']}"
        asked = Message(GETSET, family, text(SET_TABLE, table) + text(SET_NAME, name))
        code, answer = exchange(PROTOCOL, request(asked, 1, ACK))
        if code:
            return f"{named} is not there" if code in GONE else f"{named}: {os.strerror(code)}"
        found = attributes(answer[HEADER.size + NFGENMSG.size :])
        flags, key_type = _number(found.get(SET_FLAGS)), _number(found.get(SET_KEY_TYPE))
        for flag, what in FIXED.items():
            if flags & flag:
                return f"{named} {what}: make one of single elements for this service"
        if SET_TIMEOUT in found:
            return f"{named} forgets its elements after a time: make one without a timeout for this service"
        if key_type != KEY_TYPES[len(key_of(self._settings["element"]))]:
            return f"{named} is of another type than {self._settings['element']}"
        return ""


def key_of(element: str) -> bytes:
    """As the kernel compares it. Raises ValueError for what is no address, no hardware address and no port."""
    if MAC.fullmatch(element):
        return bytes.fromhex(element.replace(":", ""))
    if re.fullmatch("[0-9]{1,5}", element, re.ASCII):
        return struct.pack("!H", int(element)) if int(element) < 65_536 else _no_key(element)
    return ip_address(element).packed


def _no_key(element: str) -> bytes:
    raise ValueError(f"{element} is no port")


def question(settings: Mapping[str, Any]) -> bytes:
    family, table, name = _place(settings)
    return request(Message(GETSETELEM, family, _listed(table, name, settings["element"])), 1, ACK)


def deletion(settings: Mapping[str, Any]) -> bytes:
    return _change(DELSETELEM, settings)


def _change(kind: int, settings: Mapping[str, Any], how: int = 0, more: bytes = b"") -> bytes:
    family, table, name = _place(settings)
    return transaction([Message(kind, family, _listed(table, name, settings["element"], more), how)], 1)


def _listed(table: str, name: str, element: str, more: bytes = b"") -> bytes:
    one = nested(ELEM, nested(KEY, attribute(VALUE, key_of(element))), more)
    return text(LIST_TABLE, table) + text(LIST_SET, name) + nested(LIST_ELEMENTS, one)


def _place(settings: Mapping[str, Any]) -> tuple[int, str, str]:
    family, table, name = settings["nft"].split()
    return FAMILIES[family], table, name


def _number(data: bytes | None) -> int:
    return int.from_bytes(data or b"", "big")
