"""Health checks: one run, and what it found. Rise and fall are counted by the core.

    found = await check_tcp("127.0.0.1", 80, timeout_s=1)
    check = ExecCheck(["/usr/local/bin/ask", "web"], programs)
    found = await check.run(order.environment(), timeout_s=1)
    found.passed, found.text

Where our own machine refuses the means to ask (NO_MEANS), nothing is known of the service: Unasked is raised.
"""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actions.process import Exited, Programs
from actions.starting import Lost
from protocol.moment import lasting

NO_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN}
"""No file descriptor, memory or process is left: EAGAIN comes from fork(2)."""


class Unasked(Exception):
    """The check could not be begun, for want of something that has nothing to do with the service."""


class Found(NamedTuple):
    passed: bool
    text: str = ""
    """Why not; empty where it passed."""


async def check_tcp(host: str, port: int, timeout_s: float) -> Found:
    """Passed when a connection is accepted. It is closed at once. Raises Unasked."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Found(False, f"{host}:{port} does not answer within {lasting(timeout_s * 1000)}")
    except OSError as error:
        _raise_unasked(error)
        return Found(False, f"{host}:{port}: {error.strerror or error}")
    writer.transport.abort()
    return Found(True)


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
            return _found(self._argv, running)
        running.cancel()
        self._late = running
        return Found(False, f"{self._argv[0]}: no end after {lasting(timeout_s * 1000)}")

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


def _found(argv: Sequence[str], running: "asyncio.Task[Exited]") -> Found:
    try:
        exited = running.result()
    except OSError as error:
        _raise_unasked(error)
        return Found(False, f"{argv[0]} cannot be run: {error.strerror or error}")
    except Lost as lost:
        raise Unasked(str(lost)) from None
    if exited.code == 0:
        return Found(True)
    return Found(False, f"{argv[0]}: exit {exited.code}" + (f": {exited.line}" if exited.line else ""))


def _raise_unasked(error: OSError) -> None:
    if error.errno in NO_MEANS:
        raise Unasked(error.strerror) from None
