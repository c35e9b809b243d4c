"""What hooks and scripts are told of a service's states here: each of them in its own lane, so that none waits for another.

    hooks = Hooks()
    hooks.changed("RECOVER", "UP", order, deeds)    # to every hook of the service, and to its scripts as their words
    await hooks.close()                             # the newest state of each is told first, within its own timeout

In a lane one call follows the other, in the order of the changes. A call that does not end within its `timeout` is killed, and
only the newest of what waited behind it is told: a hook that is late shall at least end with the state that is true.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from actions.action import Order
from coordinator.services.action_factory import ServiceActions

log = logging.getLogger("failover.actions")

WAITING_MAX = 64
"""Changes that one hook may be behind; more history than that is of no use."""


class Call(NamedTuple):
    """One state or word, and how to tell it."""

    word: str
    tell: Callable[[], Awaitable[None]]
    timeout_s: float


class Hooks:
    def __init__(self) -> None:
        self._lanes: dict[tuple[str, str], HookLane] = {}
        """By service and path."""

    def changed(self, was: str, state: str, order: Order, deeds: ServiceActions) -> None:
        for told, timeout_s in deeds.told:
            for word, tell in told.calls(was, state, order):
                self._lane(order.service, told.path).put(Call(word, tell, timeout_s))

    async def close(self) -> None:
        """Each in its own time, all side by side."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    def _lane(self, service: str, path: str) -> "HookLane":
        return self._lanes.setdefault((service, path), HookLane(f"{service}: {path}"))


class HookLane:
    """The calls of one program. It has a task only while it has work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Call] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, call: Call) -> None:
        if len(self._waiting) == WAITING_MAX:
            self._drop(self._waiting.popleft())
        self._waiting.append(call)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """What waits is told, and begun within the time of one call; after that only the newest of it."""
        if self._task is None:
            return
        patience_s = self._waiting[-1].timeout_s if self._waiting else None
        if patience_s is not None:
            await asyncio.wait([self._task], timeout=patience_s)
            self._only_the_newest()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._one(self._waiting.popleft())
        finally:
            self._task = None

    async def _one(self, call: Call) -> None:
        try:
            async with asyncio.timeout(call.timeout_s):
                await call.tell()
        except TimeoutError:
            log.warning("%s %s: no end after %g s, killed", self._name, call.word, call.timeout_s)
            self._only_the_newest()
        except Exception:
            log.exception("a bug: %s %s could not be told", self._name, call.word)

    def _only_the_newest(self) -> None:
        while len(self._waiting) > 1:
            self._drop(self._waiting.popleft())

    def _drop(self, call: Call) -> None:
        log.warning("%s is late, and is not told %s: a newer state waits", self._name, call.word)
