"""Whether the interfaces of our services have a carrier: told at the start, and at every change.

    watch = CarrierWatch(["eth0"], post, clock_ms)
    await watch.start()             # one CarrierChanged for each interface
    watch.glance(now_ms)            # from code that is awake anyway
    watch.configure(["eth0", "eth1"])
    await watch.close()

Link events wake us at once when they come, but the kernel sends at most about one batch a second for all interfaces
together; so each interface is also looked at by one timer. A missing interface has no carrier. Nothing here waits out a
flapping one: the core decides what a change means.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterable

from actions.netdev import InterfaceLook
from actions.networks import has_ipv6
from coordinator.core.inputs import CarrierChanged
from coordinator.policy import WITH_IPV6
from protocol.invariant import InvariantBroken

log = logging.getLogger("failover.carrier")

LOOK_EVERY_MS = 110
"""Only the second loss within a second needs it. A look costs 10 us with its timer, a wake-up some 150 on a cold cache: so
code that is awake anyway glances, and as long as heartbeats come and go every 100 ms, such a loss is seen some 40 ms late on
average and no timer wakes us for it."""

GLANCE_EVERY_MS = 30
"""The copies of one heartbeat arrive together: one look for all of them. With seven peers one comes every 14 ms."""

RTMGRP_LINK = 1


class CarrierWatch:
    def __init__(self, interfaces: Iterable[str], post: Callable[[CarrierChanged], None], clock_ms: Callable[[], int]) -> None:
        """`clock_ms` is the decision clock."""
        self._known: dict[str, bool | None] = dict.fromkeys(interfaces)
        self._post = post
        self._clock_ms = clock_ms
        self._look = InterfaceLook()
        self._events: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looked_ms = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._events.bind((0, RTMGRP_LINK))
        loop.add_reader(self._events, self._woken)
        self._tick()

    def glance(self, now_ms: int) -> None:
        """A look by code that is awake anyway, at `now_ms` of the decision clock."""
        if now_ms - self._looked_ms >= GLANCE_EVERY_MS:
            self._look_now(now_ms)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._events is not None:
            asyncio.get_running_loop().remove_reader(self._events)
            self._events.close()
        self._look.close()

    def configure(self, interfaces: Iterable[str]) -> None:
        """Watch these from now on; those that are new are told at once."""
        self._known = {interface: self._known.get(interface) for interface in interfaces}
        self._tick()

    def _tick(self) -> None:
        self._look_now(self._clock_ms())

    def _look_now(self, now_ms: int) -> None:
        self._looked_ms = now_ms
        self._see()
        if self._timer is not None:
            self._timer.cancel()
        if self._known:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_MS / 1000, self._tick)

    def _woken(self) -> None:
        """What the event says is not read: it may be one of many, late, or lost (ENOBUFS). A look tells."""
        if self._events is None:
            raise InvariantBroken("events wake only a watch that was started")
        with contextlib.suppress(OSError):
            while True:
                self._events.recv(65536)
        self._tick()

    def _see(self) -> None:
        for interface, was in self._known.items():
            now = self._carries(interface)
            if now != was:
                self._known[interface] = now
                log.info("%s: %s", interface, "carrier is there" if now else _lost(interface))
                self._post(CarrierChanged(interface, now))


    def _carries(self, interface: str) -> bool:
        """With IPv6, where that is asked for: the kernel takes every IPv6 address away when it is switched off."""
        name = interface.removesuffix(WITH_IPV6)
        return self._look.carrier(name) and (name == interface or has_ipv6(name))


def _lost(interface: str) -> str:
    name = interface.removesuffix(WITH_IPV6)
    if name != interface and not has_ipv6(name):
        return f"IPv6 is switched off there: sysctl net.ipv6.conf.{name}.disable_ipv6=0"
    interface = name
    try:
        socket.if_nametoindex(interface)
    except OSError:
        return "there is no such interface here: is its name right in the configuration?"
    return "carrier lost"
