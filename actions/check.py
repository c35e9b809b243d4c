"""Health checks: one run, and what it found. Rise and fall are counted by the core.

    found = await check_tcp("127.0.0.1", 80, timeout_s=1)
    found = await check_exec(["/usr/local/bin/ask", "web"], order.environment(), programs, timeout_s=1)
    found.passed, found.text

Where our own machine refuses the means to ask (NO_MEANS), nothing is known of the service: Unasked is raised.
"""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actions.process import Programs
from actions.starting import Lost

NO_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN}
"""No descriptor, no memory, no process: EAGAIN is fork(2)'s."""


class Unasked(Exception):
    """The check could not be begun, for want of something that has nothing to do with the service."""


class Found(NamedTuple):
    passed: bool
    text: str = ""
    """Why not; empty where it passed."""


async def check_tcp(host: str, port: int, timeout_s: float) -> Found:
    """Passed when somebody accepts a connection. It is closed at once. Raises Unasked."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Found(False, f"{host}:{port} does not answer within {timeout_s:g} s")
    except OSError as error:
        _raise_unasked(error)
        return Found(False, f"{host}:{port}: {error.strerror or error}")
    writer.transport.abort()
    return Found(True)


async def check_exec(argv: Sequence[str], environment: Mapping[str, str], programs: Programs, timeout_s: float) -> Found:
    """Passed when it exits with 0 in time; else its group is killed. Raises Unasked."""
    try:
        async with asyncio.timeout(timeout_s):
            exited = await programs.run(argv, environment)
    except TimeoutError:
        return Found(False, f"{argv[0]}: no end after {timeout_s:g} s")
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
