"""Asks the fence devices of the other nodes whether they would do: a broken one is known before it is needed.

    watch = FenceWatch(me, programs, told)      # told("genesis", "level 1 (...): ..."); told("genesis", "") where all would do
    watch.configure(policy)                     # secrets are read now; asking begins
    watch.levels["genesis"]                     # by which a fencing goes
    watch.stand_aside("genesis")                # a fencing begins: devices take one login at a time
    watch.found("genesis")
    await watch.close()

One device at a time, each at its `monitor`, some seconds apart after the start; the nodes of a cluster not in one moment. One
that is broken is asked again within a minute. Nothing is written into the log.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from actions.fencing import Level
from actions.fencing.agent import monitored
from actions.process import Programs
from coordinator.config.fencing import levels
from coordinator.control.fence_view import FenceView
from coordinator.policy import Policy

log = logging.getLogger("failover.fencing")

APART_S = 2.0
"""From one device to the next after a start. An agent takes some tenths of a second of processor time."""

BROKEN_S_MAX = 60.0
"""How long at most until a broken device is asked again: the alarm is to end soon after it was mended."""

SPREAD = 0.1
"""By which part of `monitor` each interval is longer or shorter, so that nodes do not go on meeting at one device."""


class Place(NamedTuple):
    node: str
    level: int
    """From 1."""


class FenceWatch:
    def __init__(self, me: str, programs: Callable[[], Programs], told: Callable[[str, str], None]) -> None:
        self._me, self._programs, self._told = me, programs, told
        self.levels: dict[str, tuple[Level, ...]] = {}
        """Of each node that can be fenced from here."""
        self._every_s: dict[Place, float] = {}
        self._wrong: dict[Place, str] = {}
        """What was found when it was asked last; empty where it would do."""
        self._asked_ms: dict[str, int] = {}
        self._unread: dict[str, str] = {}
        """A node whose secrets cannot be read, and why."""
        self._busy: set[str] = set()
        """Nodes that are being fenced."""
        self._asking: tuple[str, asyncio.Task[str]] | None = None
        self._task: asyncio.Task[None] | None = None

    def configure(self, policy: Policy) -> None:
        """Levels that are as they were keep what was found of them."""
        before, self.levels, self._every_s, self._unread = self.levels, {}, {}, {}
        for name, node in policy.nodes.items():
            if name == self._me or not node.fence:
                continue
            try:
                self.levels[name] = levels(node.fence)
            except (OSError, ValueError) as error:
                self._unread[name] = f"its secret cannot be read: {error}"
            else:
                self._every_s |= {Place(name, n): fence.monitor_ms / 1000 for n, fence in enumerate(node.fence, 1)}
        for name in before.keys() | self.levels.keys() | self._unread.keys():
            if before.get(name) != self.levels.get(name) or name in self._unread:
                self._wrong = {place: wrong for place, wrong in self._wrong.items() if place.node != name}
                self._tell(name)
        self._restart(sorted(policy.nodes).index(self._me) if self._me in policy.nodes else 0)

    def found(self, node: str) -> FenceView | None:
        """None where this node cannot be fenced from here."""
        if node in self._unread:
            return FenceView(False, self._unread[node], None)
        if node not in self.levels:
            return None
        places = [place for place in self._every_s if place.node == node]
        text = self._text(node)
        ok = False if text else True if all(place in self._wrong for place in places) else None
        return FenceView(ok, text, self._asked_ms.get(node))

    def stand_aside(self, node: str) -> None:
        """Its devices are not asked until `come_back`; what is being asked of them is ended."""
        self._busy.add(node)
        if self._asking is not None and self._asking[0] == node:
            self._asking[1].cancel()

    def come_back(self, node: str) -> None:
        self._busy.discard(node)

    async def close(self) -> None:
        tasks = [task for task in (self._task, self._asking and self._asking[1]) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _restart(self, rank: int) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._rounds(rank)) if self._every_s else None

    async def _rounds(self, rank: int) -> None:
        loop = asyncio.get_running_loop()
        begin_s = loop.time() + rank * APART_S
        due_s = {place: begin_s + n * APART_S for n, place in enumerate(self._every_s)}
        while True:
            place = min(due_s, key=due_s.__getitem__)
            await asyncio.sleep(max(0.0, due_s[place] - loop.time()))
            if place.node not in self._busy:
                await self._one(place)
            due_s[place] = loop.time() + self._pause_s(place)

    def _pause_s(self, place: Place) -> float:
        every_s = self._every_s[place] * random.uniform(1 - SPREAD, 1 + SPREAD)
        return min(every_s, BROKEN_S_MAX) if self._wrong.get(place) else every_s

    async def _one(self, place: Place) -> None:
        task = asyncio.create_task(self._ask(self.levels[place.node][place.level - 1]))
        self._asking = place.node, task
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._asking = None
        if task.cancelled():
            return
        self._asked_ms[place.node] = time.time_ns() // 1_000_000
        was, self._wrong[place] = self._wrong.get(place, ""), task.result()
        if was != self._wrong[place]:
            self._tell(place.node)

    async def _ask(self, level: Level) -> str:
        """What is wrong with its devices, one after the other; empty where they would do."""
        for device in level.devices:
            answer = await monitored(device, self._programs())
            if not answer.ok:
                return f"({device.name}): {answer.text}"
        return ""

    def _text(self, node: str) -> str:
        wrong = [f"level {place.level} {text}" for place, text in sorted(self._wrong.items()) if place.node == node and text]
        return "; ".join(wrong)

    def _tell(self, node: str) -> None:
        text = self._unread.get(node) or self._text(node)
        if text:
            log.error("%s could not be fenced: %s", node, text)
        self._told(node, text)
