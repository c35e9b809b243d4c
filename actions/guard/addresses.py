"""The addresses of what is held: where this machine has them, which are the host's own, and how they are taken away.

    look(downs)                 # before anything goes: where each address is now
    remove_address(down)        # True where it is not there any more
    nothing_left(downs)         # after all: True where none of them is anywhere
"""

import errno
import os
import socket
from typing import Any

from .complaints import complain
from .kernel import IFA_F_DEPRECATED, Carried, delete, every_address, family_of, keep_secondaries, packed

Down = dict[str, Any]
"""How one thing is taken down; an address: {address, interface}. `look` adds where it is, as `here`."""

GONE = (0, errno.EADDRNOTAVAIL, errno.ENODEV)
"""What the kernel answers when the address is not there (any more) as we know it."""


def look(downs: list[Down]) -> bool:
    """Where each address is now (`here`). Interfaces are renamed, people add an address once more with another prefix, and
    an IPv4 address of ours has the one that fits. False where that cannot be told."""
    wanted = addresses_of(downs)
    for down in downs:
        down["here"] = []
    try:
        everything = every_address() if wanted else []
    except OSError as error:
        complain(f"the addresses that are here cannot be listed: {error}")
        return False
    for one in carried(everything, wanted):
        claimed_by(one, wanted)[0]["here"].append(one)
    return True


def nothing_left(downs: list[Down]) -> bool:
    """Addresses that came meanwhile go as well. One by which the host itself lives stays; then this machine answers for it."""
    wanted = addresses_of(downs)
    if look(downs):
        for down in downs:
            if down["here"]:
                remove_address(down)
    try:
        left = [one for one in every_address() if claimed_by(one, wanted)] if wanted else []
    except OSError as error:
        complain(f"the addresses that are still here cannot be listed: {error}")
        return False
    for one in left:
        complain(f"{socket.inet_ntop(family_of(one.address), one.address)} is still here, on interface {one.interface}")
    return not left


def remove_address(down: Down) -> bool:
    """From wherever it was when we looked. True where it is not there any more."""
    codes = [take_away(one) for one in down["here"]]
    for code in codes:
        if code not in GONE:
            complain(f"{down['address']} on {down['interface']}: {os.strerror(code)}")
    return all(code in GONE for code in codes)


def addresses_of(downs: list[Down]) -> dict[bytes, list[Down]]:
    """A link-local address may be there for several interfaces."""
    wanted: dict[bytes, list[Down]] = {}
    for down in downs:
        if "address" in down:
            wanted.setdefault(packed(down["address"]), []).append(down)
    return wanted


def carried(everything: list[Carried], wanted: dict[bytes, list[Down]]) -> list[Carried]:
    """Where this machine has one of these addresses and would not have it without us: where ours is, all of them."""
    own, ours = the_hosts_own(everything), {one.address for one in everything if one.ours}
    return [one for one in everything if claimed_by(one, wanted) and (one not in own or one.address in ours)]


def claimed_by(one: Carried, wanted: dict[bytes, list[Down]]) -> list[Down]:
    """The services that claim it."""
    named = wanted.get(one.address, [])
    return [down for down in named if counts(one.address, down["interface"], one.interface)] or (named if one.ours else [])


def counts(address: bytes, interface: str, index: int) -> bool:
    """On `lo` people put an address on purpose; a link-local one is another on every interface (as in address_action.py)."""
    try:
        name = socket.if_indextoname(index)
    except OSError:
        name = ""
    link_local = address[:2] == b"\xa9\xfe" if len(address) == 4 else address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return name == interface or (name != "lo" and not link_local)


def the_hosts_own(everything: list[Carried]) -> set[Carried]:
    """The addresses by which the host itself lives: lent to it for a time, or all that it has in their network; and without
    our tag.

    A person who types a service address in an emergency adds it beside the host's own, or with no network (/32, /128).
    """
    strange = [one for one in everything if not one.ours]
    beside: dict[tuple[int, int, int], int] = {}
    for one in strange:
        beside[one.network] = beside.get(one.network, 0) + one.lasting
    return {one for one in strange if not one.lasting or one.is_primary or is_alone(one, beside)}


def is_alone(one: Carried, beside: dict[tuple[int, int, int], int]) -> bool:
    """An IPv6 address knows no first of its network; a deprecated one is no connection's source, and no host lives by it."""
    return len(one.address) == 16 and one.prefix < 128 and not one.flags & IFA_F_DEPRECATED and beside[one.network] < 2


def take_away(one: Carried) -> int:
    if one.is_primary:
        keep_secondaries(one.interface)
    return delete(one.address, one.prefix, one.interface)
