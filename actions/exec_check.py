"""A check by a program: one run, and what it found. Rise and fall are counted by the core.

    check = ExecCheck(["/usr/local/bin/ask", "web"], programs)
    found = await check.run(order.environment(), timeout_s=1)
    found.passed, found.text
"""

import asyncio
from collections.abc import Mapping, Sequence

from actions.checks.kind import Found, Unasked, raise_unasked
from actions.process import Exited, Programs
from actions.starting import Lost
from protocol.moment import lasting


class ExecCheck:
    """One check by a program. It waits for no end longer than it was told: a program that sleeps in the kernel, as on a file
    server that is away, cannot be killed, and its check has failed all the same. Until it is gone no other is begun."""

    def __init__(self, argv: Sequence[str], programs: Programs) -> None:
        self._argv, self._programs = argv, programs
        self._late: asyncio.Task[Exited] | None = None
        """A run that did not end in time, and is being killed."""

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Passed when it exits with 0 in time; else its group is killed. Raises Unasked."""
        if self._late is not None and not self._late.done():
            return Found(False, f"{self._argv[0]}: its last run is killed, and does not end")
        running = asyncio.create_task(self._programs.run(self._argv, environment))
        try:
            await asyncio.wait([running], timeout=timeout_s)
        except asyncio.CancelledError:
            await _killed(running)
            raise
        if running.done():
            return self._found(running)
        running.cancel()
        self._late = running
        return Found(False, f"{self._argv[0]}: no end after {lasting(timeout_s * 1000)}")

    def judged(self, exited: Exited) -> Found:
        if exited.code == 0:
            return Found(True)
        return Found(False, f"{self._argv[0]}: exit {exited.code}" + (f": {exited.line}" if exited.line else ""))

    def _found(self, running: "asyncio.Task[Exited]") -> Found:
        try:
            exited = running.result()
        except OSError as error:
            raise_unasked(error)
            return Found(False, f"{self._argv[0]} cannot be run: {error.strerror or error}")
        except Lost as lost:
            raise Unasked(str(lost)) from None
        return self.judged(exited)

    async def close(self) -> None:
        if self._late is not None:
            await _killed(self._late)


async def check_exec(argv: Sequence[str], environment: Mapping[str, str], programs: Programs, timeout_s: float) -> Found:
    """One run alone, to its very end. Raises Unasked."""
    check = ExecCheck(argv, programs)
    try:
        return await check.run(environment, timeout_s)
    finally:
        await check.close()


async def _killed(running: "asyncio.Task[Exited]") -> None:
    running.cancel()
    await asyncio.wait([running])
