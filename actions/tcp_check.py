"""A check by a connection: one run, and what it found.

    found = await check_tcp("127.0.0.1", 80, timeout_s=1)
"""

import asyncio
from collections.abc import Mapping

from actions.checks.kind import Found, raise_unasked
from protocol.moment import lasting


class TcpCheck:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        return await check_tcp(self._host, self._port, timeout_s)

    async def close(self) -> None:
        """A connection ends with its run."""


async def check_tcp(host: str, port: int, timeout_s: float) -> Found:
    """Passed when a connection is accepted. It is closed at once. Raises Unasked."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Found(False, f"{host}:{port} does not answer within {lasting(timeout_s * 1000)}")
    except OSError as error:
        raise_unasked(error)
        return Found(False, f"{host}:{port}: {error.strerror or error}")
    writer.transport.abort()
    return Found(True)
