"""A proxy before one member that passes every request on, and holds the answers to some of them back.

async with SlowProxy("http://127.0.0.1:2379") as slow:
    slow.answers_after("/v3/kv/txn", seconds=3600)
    slow.passed_on("/v3/kv/txn")            # how many requests have reached the member
"""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web


class SlowProxy:
    def __init__(self, member: str) -> None:
        self.member = member
        self._wait_s: dict[str, float] = {}
        self._passed: Counter[str] = Counter()

    def answers_after(self, path: str, seconds: float) -> None:
        self._wait_s[path] = seconds

    def passed_on(self, path: str) -> int:
        return self._passed[path]

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_post("/{path:.*}", self._pass_on)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = self.runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.runner.cleanup()
        await self.session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        async with self.session.post(self.member + request.path, data=await request.read()) as answer:
            body, status = await answer.read(), answer.status
        self._passed[request.path] += 1
        await asyncio.sleep(self._wait_s.get(request.path, 0))
        return web.Response(body=body, status=status, content_type="application/json")
