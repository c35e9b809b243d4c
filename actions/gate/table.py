"""Our table: what stands in it, as messages that make it. `nft list ruleset` shows it as docs/leases.md prints it.

    MAKE        # one transaction; refused with EEXIST where a table of our name is there
    REMOVE      # both families

Our chains come before every other chain on the way in and after every other on the way out: what others rewrite (a
destination by Docker's rules, a source by masquerading) is seen as the client sees it. A drop in one chain is the end of a
packet, and no `accept` of another chain brings it back. The kernel's own neighbour advertisement leaves through the chain on
the way out, with the target as its source.
"""

import struct

from actions.gate.elements import GATED, HELD, NAME, TICKETS, Place
from actions.gate.encoding import (
    APPEND,
    CREATE,
    DELTABLE,
    EXCL,
    NEWCHAIN,
    NEWRULE,
    NEWSET,
    NEWTABLE,
    NFPROTO_ARP,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    Message,
    attribute,
    long_number,
    nested,
    number,
    text,
)
from actions.gate.span import TICKET_MS

TABLE_NAME = 1
CHAIN_TABLE, CHAIN_NAME, CHAIN_HOOK, CHAIN_POLICY, CHAIN_TYPE = 1, 3, 4, 5, 7
HOOK_NUMBER, HOOK_PRIORITY = 1, 2
RULE_TABLE, RULE_CHAIN, RULE_EXPRESSIONS = 1, 2, 4
SET_TABLE, SET_NAME, SET_FLAGS, SET_KEY_TYPE, SET_KEY_LENGTH, SET_ID, SET_TIMEOUT = 1, 2, 3, 4, 5, 10, 11
EXPRESSION_NAME, EXPRESSION_DATA, LIST_ELEM = 1, 2, 1

ACCEPT, DROP = 1, 0
INET_PRE_ROUTING, INET_POST_ROUTING, ARP_OUT = 0, 4, 1
FIRST, LAST = -(2**31), 2**31 - 1
"""The ends of what a priority can be."""

HAS_TIMEOUT = 0x10
KEYS = {4: (7, 4), 6: (8, 16)}
"""Type, for `nft list` alone, and length: ipv4_addr, ipv6_addr."""
TICKET_KEY = (19, 4)
"""mark: a number."""

UNLESS_TOLD_MS = 1000
"""The life of an element of a held set that was added without one, by hand."""

META_IIF, META_OIF, META_NFPROTO = 4, 5, 15
LOOPBACK = 1
"""The index of `lo` in every network namespace."""

Expression = bytes


def _expression(name: str, *data: bytes) -> Expression:
    return nested(LIST_ELEM, text(EXPRESSION_NAME, name), nested(EXPRESSION_DATA, *data))


def _meta(key: int) -> Expression:
    return _expression("meta", number(2, key), number(1, 1))


def _equals(data: bytes) -> Expression:
    return _expression("cmp", number(1, 1), number(2, 0), nested(3, attribute(1, data)))


def _load(offset: int, length: int) -> Expression:
    """From the network header."""
    return _expression("payload", number(1, 1), number(2, 1), number(3, offset), number(4, length))


def _is_in(name: str, inverted: int = 0) -> Expression:
    return _expression("lookup", text(1, name), number(2, 1), number(5, inverted))


def _verdict(code: int) -> Expression:
    return _expression("immediate", number(1, 0), nested(2, nested(2, number(1, code))))


def _gate(version: int, offset: int) -> tuple[Expression, ...]:
    """Drop what has an address at `offset` that is gated and not held."""
    length = KEYS[version][1]
    look = _load(offset, length)
    return look, _is_in(f"gated{version}"), look, _is_in(f"held{version}", 1), _verdict(DROP)


def _of(family: int) -> tuple[Expression, ...]:
    return _meta(META_NFPROTO), _equals(bytes([family]))


def _on_loopback(key: int) -> tuple[Expression, ...]:
    """What stays on this machine is its own affair."""
    return _meta(key), _equals(struct.pack("=I", LOOPBACK)), _verdict(ACCEPT)


RULES: tuple[tuple[int, str, tuple[Expression, ...]], ...] = (
    (NFPROTO_INET, "inbound", _on_loopback(META_IIF)),
    (NFPROTO_INET, "inbound", (*_of(NFPROTO_IPV4), *_gate(4, 16))),
    (NFPROTO_INET, "inbound", (*_of(NFPROTO_IPV6), *_gate(6, 24))),
    (NFPROTO_INET, "outbound", _on_loopback(META_OIF)),
    (NFPROTO_INET, "outbound", (*_of(NFPROTO_IPV4), *_gate(4, 12))),
    (NFPROTO_INET, "outbound", (*_of(NFPROTO_IPV6), *_gate(6, 8))),
    (NFPROTO_ARP, "outbound", _gate(4, 14)),
)
"""Offsets of the destination and the source in the headers of IPv4 and IPv6, and of the sender's address in ARP."""


def _table(family: int) -> Message:
    return Message(NEWTABLE, family, text(TABLE_NAME, NAME), CREATE | EXCL)


def _chain(family: int, name: str, hook: int, priority: int) -> Message:
    hooked = nested(CHAIN_HOOK, number(HOOK_NUMBER, hook), number(HOOK_PRIORITY, priority))
    named = text(CHAIN_TABLE, NAME) + text(CHAIN_NAME, name)
    return Message(NEWCHAIN, family, named + hooked + number(CHAIN_POLICY, ACCEPT) + text(CHAIN_TYPE, "filter"), CREATE)


def _set(place: Place, number_of_it: int, key: tuple[int, int], life_ms: int = 0) -> Message:
    kind, length = key
    named = text(SET_TABLE, NAME) + text(SET_NAME, place.name) + number(SET_ID, number_of_it)
    life = long_number(SET_TIMEOUT, life_ms) if life_ms else b""
    flags = number(SET_FLAGS, HAS_TIMEOUT if life_ms else 0)
    keys = number(SET_KEY_TYPE, kind) + number(SET_KEY_LENGTH, length)
    return Message(NEWSET, place.family, named + flags + keys + life, CREATE)


def _rule(family: int, chain: str, expressions: tuple[Expression, ...]) -> Message:
    named = text(RULE_TABLE, NAME) + text(RULE_CHAIN, chain)
    return Message(NEWRULE, family, named + nested(RULE_EXPRESSIONS, *expressions), CREATE | APPEND)


SETS: tuple[tuple[Place, tuple[int, int], int], ...] = (
    *((place, KEYS[version], 0) for version in (4, 6) for place in GATED[version]),
    *((place, KEYS[version], UNLESS_TOLD_MS) for version in (4, 6) for place in HELD[version]),
    (TICKETS, TICKET_KEY, TICKET_MS),
)

MAKE = (
    _table(NFPROTO_INET),
    _table(NFPROTO_ARP),
    *(_set(place, index, key, life_ms) for index, (place, key, life_ms) in enumerate(SETS, 1)),
    _chain(NFPROTO_INET, "inbound", INET_PRE_ROUTING, FIRST),
    _chain(NFPROTO_INET, "outbound", INET_POST_ROUTING, LAST),
    _chain(NFPROTO_ARP, "outbound", ARP_OUT, FIRST),
    *(_rule(*rule) for rule in RULES),
)

REMOVE = tuple(Message(DELTABLE, family, text(TABLE_NAME, NAME)) for family in (NFPROTO_INET, NFPROTO_ARP))
