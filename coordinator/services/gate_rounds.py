"""The runs of one service's gate, each on its beat: every run is answered, also one that could not be begun.

    rounds = GateRounds(gate, order, programs, post)
    await rounds.close()    # nothing is answered afterwards; a script that still runs is killed with its group

The script is asked as a check is, without arguments and with the same environment: exit 0 opens. All else refuses, and the
last line that it printed is the reason that `failc status` shows.
"""

import asyncio
from collections.abc import Callable

from actions.action import Order
from actions.checks.kind import Found, Unasked
from actions.exec_check import ExecCheck
from actions.process import Programs
from coordinator.core.inputs import GateAnswered, Input
from coordinator.policy import GatePolicy


class GateRounds:
    def __init__(self, gate: GatePolicy, order: Order, programs: Programs, post: Callable[[Input], None]) -> None:
        self._gate, self._order, self._post = gate, order, post
        self._script = ExecCheck([gate.script], programs)
        self._task = asyncio.create_task(self._rounds())

    def cancel(self) -> None:
        self._task.cancel()

    async def close(self) -> None:
        self.cancel()
        await asyncio.wait([self._task])
        await self._script.close()

    async def _rounds(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + self._gate.every_ms / 1000
            found = await self._run()
            self._post(GateAnswered(self._order.service, found.passed, found.text, self._gate))
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    async def _run(self) -> Found:
        """A gate that cannot be asked has not said that the node may have the service."""
        try:
            return await self._script.run(self._order.environment(), self._gate.timeout_ms / 1000)
        except Unasked as why:
            return Found(False, f"{self._gate.script} cannot be begun: {why}")
