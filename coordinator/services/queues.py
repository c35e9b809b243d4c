"""The queue of a service's orders: one after the other, in the order in which they were put.

    orders = OrderQueue(perform, report)     # a `down` does not wait for an `up`
    orders.put(run)

A lane has a task only while it has work. `close` ends what runs and forgets what waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from actions.action import Ending, Result
from coordinator.core.effects import Run
from protocol.invariant import must

NOT_BEGUN = "not begun, a down came first"
CUT = Result(Ending.UNKNOWN, "ended, a down came")

log = logging.getLogger("failover.actions")

T = TypeVar("T")


class Performed(NamedTuple):
    """What became of one action."""

    result: Result
    took_us: int


class OrderQueue:
    """The orders for one service. A `down` ends an `up` or `reclaim` that runs, and those that wait have not happened.

    One task works through all that wait: addresses that were ordered together follow each other without a turn of the loop.
    """

    def __init__(
        self,
        perform: Callable[[Run, int], Coroutine[Any, Any, Result]],
        whole: Callable[[Run], Coroutine[Any, Any, Sequence[Performed] | None]],
        report: Callable[[Run, Sequence[Performed]], None],
    ) -> None:
        """`perform` does one action of an order; `whole` does all of it, or says None: then its actions are done one by one.
        `report` is told every order, with what became of each of its actions."""
        self._perform = perform
        self._whole = whole
        self._report = report
        self._waiting: deque[Run] = deque()
        self._task: asyncio.Task[None] | None = None
        self._running: Run | None = None
        self._closing = False

    @property
    def busy(self) -> bool:
        """An order runs or waits."""
        return self._task is not None

    def put(self, order: Run) -> None:
        must(order.actions, f"{order.service}: an order names an action at least")
        if order.word == "down":
            self._clear_the_way()
        self._waiting.append(order)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        self._waiting.clear()
        self._closing = True
        await _end(self._task)

    def cut(self, ticket: int) -> None:
        """End this order, where it runs or waits."""
        if self._running is not None and self._running.ticket == ticket and self._task is not None:
            self._task.cancel()
        for order in [order for order in self._waiting if order.ticket == ticket]:
            self._waiting.remove(order)
            self._report(order, [_not_begun(order)] * len(order.actions))

    def _clear_the_way(self) -> None:
        waiting = list(self._waiting)
        self._waiting = deque(order for order in waiting if order.word == "down")
        for order in waiting:
            if order.word != "down":
                self._report(order, [_not_begun(order)] * len(order.actions))
        if self._running is not None and self._running.word != "down" and self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._one(self._waiting.popleft())
        finally:
            self._task = None

    async def _one(self, order: Run) -> None:
        done = await self._until_cut(order, self._whole(order))
        if isinstance(done, Result):
            done = [Performed(done, 0)] * len(order.actions)
        self._report(order, await self._each(order) if done is None else done)

    async def _each(self, order: Run) -> list[Performed]:
        done: list[Performed] = []
        cut = False
        for action in order.actions:
            began_ns = time.monotonic_ns()
            result = None if cut else await self._until_cut(order, self._perform(order, action))
            cut = cut or result is CUT
            took_us = (time.monotonic_ns() - began_ns) // 1000
            done.append(Performed(result or _not_begun(order).result, took_us))
        return done

    async def _until_cut(self, order: Run, work: Coroutine[Any, Any, T]) -> T | Result:
        self._running = order
        try:
            return await work
        except asyncio.CancelledError:
            if self._closing or self._task is None:
                raise
            self._task.uncancel()
            return CUT
        except Exception as error:
            log.exception("a bug: %s of %s, actions %s", order.word, order.service, order.actions)
            return Result(Ending.UNKNOWN, f"{order.word}: a bug in faild: {error!r}")  # else its end would never be heard of
        finally:
            self._running = None


def _not_begun(order: Run) -> Performed:
    return Performed(Result(Ending.FAILED, f"{order.word}: {NOT_BEGUN}"), 0)


async def _end(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
