"""Health checks: one run, and what it found. Rise and fall are counted by the core.

    found = await check_tcp("127.0.0.1", 80, timeout_s=1)
    found = await check_exec(["/usr/local/bin/ask", "web"], order.environment(), programs, timeout_s=1)
    found.passed, found.text
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actions.process import Programs


class Found(NamedTuple):
    passed: bool
    text: str = ""
    """Why not; empty where it passed."""


async def check_tcp(host: str, port: int, timeout_s: float) -> Found:
    """Passed when somebody accepts a connection. It is closed at once."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Found(False, f"{host}:{port} does not answer within {timeout_s:g} s")
    except OSError as error:
        return Found(False, f"{host}:{port}: {error.strerror or error}")
    writer.transport.abort()
    return Found(True)


async def check_exec(argv: Sequence[str], environment: Mapping[str, str], programs: Programs, timeout_s: float) -> Found:
    """Passed when it exits with 0 in time; else its group is killed."""
    try:
        async with asyncio.timeout(timeout_s):
            exited = await programs.run(argv, environment)
    except TimeoutError:
        return Found(False, f"{argv[0]}: no end after {timeout_s:g} s")
    except OSError as error:
        return Found(False, f"{argv[0]} cannot be run: {error.strerror or error}")
    if exited.code == 0:
        return Found(True)
    return Found(False, f"{argv[0]}: exit {exited.code}" + (f": {exited.line}" if exited.line else ""))
