"""Sees that an address that we hold stays: people, network services and a switched-off interface remove it without asking.

    keeper = Keeper(keep)
    keeper.start()
    keeper.holds("web", 0)          # its action 0 is an address, and up
    keeper.found("web", 0, "it cannot be put back: ...")    # what came of a look; "" where all is well
    keeper.troubles                 # what people should see, until it is over
    keeper.lets_go("web", 0)        # before its down begins
    keeper.close()

`keep(service, action)` is called for each held address after the kernel has removed any address, or a link has changed, and as
long as there is trouble with any: whoever gets it looks, puts back what is missing, announces what nobody knows, and says what
it found. At most once a second: with somebody who goes on removing we would else fight.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable

log = logging.getLogger("failover.actions")

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
RTM_NEWLINK, RTM_DELADDR = 16, 21
HEADER_BYTES = 16

PAUSE_S = 1.0


class Keeper:
    def __init__(self, keep: Callable[[str, int], None], alarmed: Callable[[], None] = lambda: None) -> None:
        """`alarmed` is called when the troubles have changed."""
        self._keep = keep
        self._alarmed = alarmed
        self._held: set[tuple[str, int]] = set()
        self._troubles: dict[tuple[str, int], str] = {}
        self._events: socket.socket | None = None
        self._looked_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._events.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        asyncio.get_running_loop().add_reader(self._events, self._woken)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._events is not None:
            asyncio.get_running_loop().remove_reader(self._events)
            self._events.close()

    def holds(self, service: str, action: int) -> None:
        self._held.add((service, action))
        self._set(service, action, "")

    def lets_go(self, service: str, action: int) -> None:
        self._held.discard((service, action))
        self._set(service, action, "")

    def forgets(self, service: str) -> None:
        """Its list of actions has changed: the numbers mean others now."""
        for held in [held for held in self._held if held[0] == service]:
            self.lets_go(*held)

    def is_held(self, service: str, action: int) -> bool:
        return (service, action) in self._held

    @property
    def held(self) -> list[tuple[str, int]]:
        return sorted(self._held)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Service and what is wrong with one of its addresses."""
        return [(service, trouble) for (service, _), trouble in self._troubles.items()]

    def found(self, service: str, action: int, trouble: str) -> None:
        """Of one that is held: `trouble` is logged when it is new, and looked at again after a pause."""
        if trouble and trouble != self._troubles.get((service, action)):
            log.error("%s", trouble)
        self._set(service, action, trouble)
        if trouble:
            self.look_soon()

    def look_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._looked_s + PAUSE_S - loop.time()), self._look)

    def _set(self, service: str, action: int, trouble: str) -> None:
        if trouble == self._troubles.get((service, action), ""):
            return
        if trouble:
            self._troubles[service, action] = trouble
        else:
            del self._troubles[service, action]
        self._alarmed()

    def _woken(self) -> None:
        assert self._events is not None, "events wake only a keeper that was started"
        kinds: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    kinds |= _kinds(self._events.recv(65536))
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    kinds.add(RTM_DELADDR)  # ENOBUFS: some were lost, and any of them may have been that
        if self._held and kinds & {RTM_NEWLINK, RTM_DELADDR}:
            self.look_soon()

    def _look(self) -> None:
        self._timer = None
        self._looked_s = asyncio.get_running_loop().time()
        for service, action in self.held:
            self._keep(service, action)


def _kinds(packet: bytes) -> set[int]:
    """The types of the messages in one packet (netlink(7))."""
    found, at = set(), 0
    while at + HEADER_BYTES <= len(packet):
        length, kind = struct.unpack_from("IH", packet, at)
        found.add(kind)
        at += max(HEADER_BYTES, (length + 3) & ~3)
    return found
