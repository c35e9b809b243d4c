"""Whether a table of our name is ours: left by an earlier life of `faild`, or made or changed by others.

    strange(channel)    # None where there is no table; "" where it is ours; else what is strange in it

What the kernel lists is compared with what we would send, by the same reading of both. Elements are not looked at: these are
addresses that were gated when `faild` ended.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from actions.gate import table
from actions.gate.channel import Channel
from actions.gate.elements import NAME
from actions.gate.encoding import (
    GETCHAIN,
    GETRULE,
    GETSET,
    GETTABLE,
    NEWCHAIN,
    NEWRULE,
    NEWSET,
    NFPROTO_ARP,
    NFPROTO_INET,
    Message,
    attributes,
    each_attribute,
    string,
    text,
)

FAMILIES = {NFPROTO_INET: "inet", NFPROTO_ARP: "arp"}

COMPARED = {
    NEWCHAIN: (table.CHAIN_NAME, table.CHAIN_HOOK, table.CHAIN_POLICY, table.CHAIN_TYPE),
    NEWSET: (table.SET_NAME, table.SET_FLAGS, table.SET_KEY_TYPE, table.SET_KEY_LENGTH, table.SET_TIMEOUT),
    NEWRULE: (table.RULE_CHAIN, table.RULE_EXPRESSIONS),
}
ASKED = {NEWCHAIN: GETCHAIN, NEWSET: GETSET, NEWRULE: GETRULE}
CALLED = {NEWCHAIN: "chain", NEWSET: "set", NEWRULE: "a rule in chain"}

TABLE_FLAGS, DORMANT = 2, 0x1


def strange(channel: Channel) -> str | None:
    flags = {family: _flags(channel, family) for family in FAMILIES}
    there = [family for family, found in flags.items() if found is not None]
    if not there:
        return None
    for family in FAMILIES:
        if family not in there:
            return f"table {FAMILIES[family]} {NAME} is missing beside the other one"
        if flags[family]:
            return f"table {FAMILIES[family]} {NAME} is dormant or owned by another program"
        for kind in COMPARED:
            if difference := _difference(channel, family, kind):
                return difference
    return ""


def _flags(channel: Channel, family: int) -> int | None:
    """None where this family has no table of our name."""
    for body in channel.dump(Message(GETTABLE, family, b"")):
        of = attributes(body)
        if string(of[table.TABLE_NAME]) == NAME:
            return int.from_bytes(of.get(TABLE_FLAGS, b""), "big")
    return None


def _difference(channel: Channel, family: int, kind: int) -> str:
    """In words; rules are compared with their order in the chain."""
    ours = [_seen(kind, message.body) for message in table.MAKE if (message.kind, message.family) == (kind, family)]
    bodies = channel.dump(Message(ASKED[kind], family, text(1, NAME)))
    theirs = [_seen(kind, body) for body in bodies if string(attributes(body)[1]) == NAME]  # 1 is the table's name in each
    more, less = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    for names, word in ((more, "that is not ours"), (less, "is missing or changed")):
        for seen in names:
            return f"table {FAMILIES[family]} {NAME}: {CALLED[kind]} {_name(seen)} {word}"
    if kind == NEWRULE and sorted(theirs, key=_name) != sorted(ours, key=_name):
        return f"table {FAMILIES[family]} {NAME}: its rules are in another order"
    return ""


def _seen(kind: int, body: bytes) -> tuple[Any, ...]:
    """What of a message is compared; the same for what we send and what the kernel lists."""
    of = attributes(body)
    return tuple(_flat(of.get(name, b"")) for name in COMPARED[kind])


def _name(seen: tuple[Any, ...]) -> str:
    return string(seen[0])


def _flat(data: bytes) -> Any:
    """Attributes as sorted tuples, lists of elements in their order, anything else as it is. The first bytes of a number are
    zero, and those of a name are letters: neither is taken for the length of an attribute."""
    if not data or not any(data):
        return b""
    try:
        parts = [(name, _flat(part)) for name, part in each_attribute(data)]
    except ValueError:
        return data
    return tuple(parts if _is_list(parts) else sorted(parts, key=lambda part: part[0]))


def _is_list(parts: Iterable[tuple[int, Any]]) -> bool:
    return len({name for name, _ in parts}) < 2
