"""An entry in one of the kernel's tables that comes and goes with a service: a route, a neighbour, an element of a set.

    action = EntryAction(RouteEntry(settings), netlink)
    await action.up(order)

An entry of ours carries a mark. One that is there without it was made by others: it is not changed and not removed, and `up`
fails beside it. The kernel is asked on another thread, since each change waits for all others that are changing the network;
such a call is waited for even when its order is cancelled, so a `down` never passes an `up`.
"""

import base64
import errno
import os
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol, TypeVar

from actions.action import DONE, Order, Result, Seen, failed
from actions.guard.requests import GONE
from actions.netlink import Netlink

T = TypeVar("T")


class Entry(Enum):
    """What is there."""

    ABSENT = "absent"
    OURS = "ours"
    CHANGED = "ours, but not as it should be"
    FOREIGN = "made by others"


class KernelEntry(Protocol):
    """Each raises OSError; `add` and `delete` return 0 or the kernel's errno."""

    @property
    def spoken(self) -> str: ...

    def find(self) -> Entry: ...

    def add(self) -> int: ...

    def delete(self) -> int: ...


class EntryAction:
    def __init__(self, entry: KernelEntry, netlink: Netlink) -> None:
        self._entry, self._netlink = entry, netlink

    async def up(self, order: Order) -> Result:
        return await self._asked(self._up)

    async def down(self, order: Order) -> Result:
        return await self._asked(self._down)

    async def reclaim(self, order: Order) -> Result:
        return await self._asked(self._up)

    async def probe(self, order: Order) -> Seen:
        found = await self._netlink.in_thread(self._entry.find)
        return Seen.UP if found in (Entry.OURS, Entry.CHANGED) else Seen.DOWN

    async def _asked(self, work: Callable[[], Result]) -> Result:
        return await self._netlink.in_thread(work)

    def _up(self) -> Result:
        found = self._entry.find()
        if found is Entry.OURS:
            return DONE
        if found is Entry.CHANGED and (code := self._entry.delete()) and code not in GONE:
            return failed(f"{self._entry.spoken}: {os.strerror(code)}")
        code = errno.EEXIST if found is Entry.FOREIGN else self._entry.add()
        if code == errno.EEXIST:
            return failed(f"{self._entry.spoken} is there already, and was not made by faild: it is left alone")
        return failed(f"{self._entry.spoken}: {os.strerror(code)}") if code else DONE

    def _down(self) -> Result:
        if self._entry.find() not in (Entry.OURS, Entry.CHANGED):
            return DONE
        code = self._entry.delete()
        if code and code not in GONE:
            return failed(f"{self._entry.spoken} stays: {os.strerror(code)}")
        return DONE


def for_the_guard(
    what: str, protocol: int, deletion: bytes, look: bytes = b"", mark: bytes = b"", on: tuple[str, int] = ("", 0)
) -> dict[str, Any]:
    """How the guard deletes an entry of ours (actions/guard/requests.py). `look` and `mark`: where the kernel cannot be told
    to delete only ours. `on`: an interface, and where its number goes in both requests."""
    encoded = {"kernel": deletion, "look": look, "mark": mark}
    name, at = on
    return {
        "what": what,
        "protocol": protocol,
        "interface": name,
        "index_at": at,
        **{key: base64.b64encode(data).decode() for key, data in encoded.items()},
    }
