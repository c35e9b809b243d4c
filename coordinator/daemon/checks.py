"""The rounds of a service's checks: each on its own beat, every single run reported; counting is the core's.

    rounds = CheckRounds(service, order, programs, post)
    await rounds.close()    # nothing is reported afterwards; a program that still runs is killed with its group
"""

import asyncio
from collections.abc import Callable

from actions.check import Found, check_exec, check_tcp
from actions.outcome import Order
from actions.process import Programs
from coordinator.core.inputs import CheckFinished, Input
from coordinator.policy import CheckPolicy, ServicePolicy


class CheckRounds:
    def __init__(self, service: ServicePolicy, order: Order, programs: Programs, post: Callable[[Input], None]) -> None:
        self._service = service
        self._order = order
        self._programs = programs
        self._post = post
        self._tasks = [asyncio.create_task(self._rounds(number)) for number in range(len(service.checks))]

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _rounds(self, number: int) -> None:
        """A run that takes longer than `every` delays the next one; none is made up for."""
        policy = self._service.checks[number]
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + policy.every_ms / 1000
            found = await self._run(policy)
            self._post(CheckFinished(self._service.name, number, found.passed, found.text, policy))
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    async def _run(self, policy: CheckPolicy) -> Found:
        timeout_s = policy.timeout_ms / 1000
        if policy.kind == "tcp":
            return await check_tcp(policy.settings["host"], policy.settings["port"], timeout_s)
        return await check_exec(policy.settings["argv"], self._order.environment(), self._programs, timeout_s)
