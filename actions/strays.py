"""What is left of an earlier life: addresses with our tag that no service of this configuration has.

    lines = await strays(netlink)       # after the sweep: everything with our tag is such a one; what was done, in words

State was lost, and the configuration changed meanwhile: nothing else knows of these any more, and this machine would answer for
them for ever.
"""

import asyncio
import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from actions.netlink import Netlink, name_of

GUARD = "faild-guard"


async def strays(netlink: Netlink) -> list[str]:
    """Take them away, unless another `faild` runs in this network: they may be what that one holds."""
    await netlink.table.settled()
    left = [one for one in netlink.table if one.ours]
    if not left:
        return []
    names = {one: f"{ip_address(one.address)}/{one.prefix} on {name_of(one.interface)}" for one in left}
    if await asyncio.to_thread(is_another_here):
        return [f"{name} has our tag and is left alone: another faild runs in this network" for name in names.values()]
    lines = []
    for one, name in names.items():
        try:
            await netlink.take_away(one)
            lines.append(f"{name} had our tag and belongs to no service of this configuration, taken down")
        except OSError as error:
            lines.append(f"{name} has our tag, belongs to no service of this configuration, and stays: {error.strerror}")
    return lines


def is_another_here() -> bool:
    """Whether a guard of another `faild` lives in our network namespace."""
    ours = os.readlink("/proc/thread-self/ns/net")
    return any(_network_of(pid) == ours for pid in _guards() if _parent_of(pid) != os.getpid())


def _guards() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == GUARD:
                yield int(path.parent.name)
        except OSError:
            continue


def _network_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0
