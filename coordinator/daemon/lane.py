"""Ordered queues: one thing after the other, in the order in which they were put.

    lane = NewsLane("web")          # hooks and words: the oldest is dropped when too many wait
    lane.put(lambda: hook.tell("UP", order))
    orders = OrderLane(perform, report)     # actions: a `down` does not wait for an `up`
    orders.put(run)

A lane has a task only while it has work. `close` ends what runs and forgets what waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from actions.outcome import Ending, Result
from coordinator.core.effects import Run

NOT_BEGUN = "not begun, a down came first"
CUT_SHORT = "ended, a down came"

log = logging.getLogger("failover.actions")

NEWS_WAITING_MAX = 64
"""A hook that hangs for its whole timeout at every change; more history than that helps nobody."""


class NewsLane:
    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, job: Callable[[], Awaitable[None]]) -> None:
        if len(self._waiting) == NEWS_WAITING_MAX:
            self._waiting.popleft()
            log.warning("%s: hooks are %d changes behind; the oldest is not told", self._name, NEWS_WAITING_MAX)
        self._waiting.append(job)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        self._waiting.clear()
        await _end(self._task)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()()
        finally:
            self._task = None


class OrderLane:
    """The orders for one service. A `down` ends an `up` or `reclaim` that runs, and those that wait have not happened."""

    def __init__(
        self, perform: Callable[[Run], Coroutine[Any, Any, Result]], report: Callable[[Run, Result, int], None]
    ) -> None:
        """`report` is told every order with its result and the time when it began, in ns."""
        self._perform = perform
        self._report = report
        self._waiting: deque[Run] = deque()
        self._task: asyncio.Task[None] | None = None
        self._running: tuple[Run, asyncio.Task[Result]] | None = None

    def put(self, order: Run) -> None:
        if order.word == "down":
            self._clear_the_way()
        self._waiting.append(order)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        self._waiting.clear()
        await _end(self._task)

    def _clear_the_way(self) -> None:
        waiting = list(self._waiting)
        self._waiting = deque(order for order in waiting if order.word == "down")
        for order in waiting:
            if order.word != "down":
                self._report(order, Result(Ending.FAILED, f"{order.word}: {NOT_BEGUN}"), time.monotonic_ns())
        if self._running is not None and self._running[0].word != "down":
            self._running[1].cancel()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._one(self._waiting.popleft())
        finally:
            self._task = None

    async def _one(self, order: Run) -> None:
        began_ns = time.monotonic_ns()
        task = asyncio.create_task(self._perform(order))
        self._running = (order, task)
        try:
            await asyncio.wait([task])
        finally:
            self._running = None
            if not task.done():
                await _end(task)
        result = Result(Ending.UNKNOWN, f"{order.word}: {CUT_SHORT}") if task.cancelled() else task.result()
        self._report(order, result, began_ns)


async def _end(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
