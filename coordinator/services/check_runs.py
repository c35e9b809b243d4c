"""The rounds of a service's checks: each on its own beat, every single run reported; counting is the core's.

A run that could not be begun is not reported: it says nothing about the service. The first of a row is logged.

    rounds = CheckRounds(service, order, programs, post)
    await rounds.close()    # nothing is reported afterwards; a program that still runs is killed with its group
"""

import asyncio
import logging
import random
from collections.abc import Callable

from actions.action import Order
from actions.checks import CHECKS
from actions.checks.kind import Unasked
from actions.process import Programs
from coordinator.core.inputs import CheckFinished, Input
from coordinator.policy import ServicePolicy

log = logging.getLogger("failover.actions")


class CheckRounds:
    def __init__(
        self,
        service: ServicePolicy,
        order: Order,
        programs: Programs,
        post: Callable[[Input], None],
        patience_ms: int = 0,
    ) -> None:
        """`patience_ms`: so long at least from one run to the next."""
        self._patience_ms = patience_ms
        self._service = service
        self._order = order
        self._checks = [CHECKS[policy.kind].make(policy.settings, programs) for policy in service.checks]
        self._post = post
        self._unasked: set[int] = set()
        """Checks whose last run could not be begun."""
        self._tasks = [asyncio.create_task(self._rounds(number)) for number in range(len(service.checks))]

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for check in self._checks:
            await check.close()

    async def _rounds(self, number: int) -> None:
        """A run that takes longer than `every` delays the next one; none is made up for."""
        policy = self._service.checks[number]
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + max(policy.every_ms, self._patience_ms) / 1000
            await asyncio.sleep(random.uniform(0, policy.jitter_ms) / 1000)
            try:
                found = await self._checks[number].run(self._order.environment(), policy.timeout_ms / 1000)
            except Unasked as why:
                self._not_begun(number, why)
            else:
                self._unasked.discard(number)
                self._post(CheckFinished(self._service.name, number, found.passed, found.text, policy))
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    def _not_begun(self, number: int, why: Unasked) -> None:
        if number not in self._unasked:
            self._unasked.add(number)
            log.error("%s: check %d cannot be begun: %s. That says nothing about the service", self._service.name, number, why)
