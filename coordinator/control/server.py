"""The HTTP server on the control socket: routes, limits, start and end.

| route                | what                                                                              |
|----------------------|-----------------------------------------------------------------------------------|
| GET /status          | `failc status`; with `?version=N&wait_ms=M` as soon as it is newer, or after M ms |
|                      | with `?service=NAME` of the services only this one                                |
| GET /links, /timings | `failc links`, `failc timings`                                                    |
| GET /cluster         | what a signer must know: cluster id, operators, the configuration's path          |
| GET /resolve         | what a command must name beside what its operator wants, before it is signed      |
| GET /events          | the event stream (`event_stream`), server-sent events or JSON lines               |
| GET /metrics         | Prometheus                                                                        |
| GET /healthz         | 200 while the node runs; /readyz: 200 once it has decided                         |
| GET /owner/SERVICE   | 200 where this node is the owner, 503 where it is not, 404 for no service         |
| POST /command        | a signed command (`command_intake`)                                               |
"""

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from coordinator.control import event_stream, views
from coordinator.control.command_intake import BODY_BYTES_MAX, Door
from coordinator.control.connection_limit import ConnectionLimit
from coordinator.control.listener import SOCKET, listen
from coordinator.control.malformed import Malformed
from coordinator.control.metrics import NodeMetrics
from coordinator.control.parts import status_in_parts
from coordinator.control.status import service
from coordinator.control.view import NodeView
from coordinator.core.commands import Wanted
from protocol.invariant import InvariantBroken

HEX = re.compile("[0-9a-f]{64}")
"""A digest, as it stands in a question."""

STREAMS_MAX = 32
"""Readers of the event stream at once; each costs a task and up to one batch of events."""

WAIT_MS_MAX = 30_000
LAST_MAX = 1000
RECALLS_MAX = 3
"""An event names the command that caused it: two steps from the state to an operator's name, and one to spare."""

KEEPALIVE_S = 15.0
"""A comment on a silent stream, so that both ends notice when the other is gone."""

Form = Callable[[dict[str, Any] | None], bytes]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    def __init__(self, view: NodeView, folder: Path):
        """`folder` is the state folder; the socket is `control.sock` in it."""
        self.view = view
        self.path = folder / SOCKET
        self.door = Door(view)
        self.metrics = NodeMetrics(view, self.door.counts)
        self.streams: set[asyncio.Task[None]] = set()
        self._crowd = ConnectionLimit()
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, listening: socket.socket | None = None) -> None:
        """`listening`: the socket, where it was made before. Raises OSError where it cannot be made."""
        logger = Malformed(self.door.counts).logger
        self._runner = web.AppRunner(self._app(), access_log=None, handle_signals=False, shutdown_timeout=0.5, logger=logger)
        await self._runner.setup()
        if self._runner.server is None:
            raise InvariantBroken("setup makes it")
        self._crowd.serve(self._runner.server)
        self._listening = await asyncio.get_running_loop().create_server(self._crowd.admit, sock=listening or listen(self.path))

    async def close(self) -> None:
        """Ends all streams and removes the socket."""
        for task in self.streams:
            task.cancel()
        if self._listening:
            self._listening.close()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
            self.path.unlink(missing_ok=True)

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[in_words, self._crowd.attended])
        app.router.add_get("/status", self._status)
        app.router.add_get("/links", self._links)
        app.router.add_get("/timings", self._timings)
        app.router.add_get("/cluster", self._cluster)
        app.router.add_get("/resolve", self._resolve)
        app.router.add_get("/events", self._events)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/owner/{service}", self._owner)
        app.router.add_post("/command", self._command)
        return app

    async def _status(self, request: web.Request) -> web.StreamResponse:
        wait_ms = min(_number(request, "wait_ms", 0), WAIT_MS_MAX)
        if wait_ms:
            await self.view.bell.heard(_number(request, "version", -1), wait_ms / 1000)
        only = request.query.get("service")
        known = await status_in_parts(self.view, _wall_ms(), only)
        for _ in range(RECALLS_MAX):
            if not await self.view.recall():
                break
            known = await status_in_parts(self.view, _wall_ms(), only)
        return web.json_response(known)

    async def _links(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(views.links(self.view))

    async def _timings(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(views.timings(self.view))

    async def _cluster(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(views.cluster(self.view))

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        word, service, node, digest = (request.query.get(name, "") for name in ("word", "service", "node", "digest"))
        wanted = Wanted(word, service, node, bytes.fromhex(digest) if HEX.fullmatch(digest) else b"")
        code, body = views.resolved(self.view, wanted)
        return web.json_response(body, status=code)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        page, content_type = await self.metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": content_type})

    async def _healthz(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "node": self.view.me})

    async def _readyz(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": self.view.ready}, status=200 if self.view.ready else 503)

    async def _owner(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["service"]
        if name not in self.view.policy.services:
            raise web.HTTPNotFound(text=f"no service {name}; there are {', '.join(self.view.policy.services)}")
        known = service(self.view, name, self.view.peers())
        mine = known["owner"] == self.view.me and known["states"].get(self.view.me) in ("UP", "RECLAIM")
        body = {"service": name, "owner": known["owner"], "node": self.view.me}
        return web.json_response(body, status=200 if mine else 503)

    async def _command(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except (ValueError, LookupError, RecursionError, RequestPayloadError):
            # no JSON; an encoding that is not known; brackets without end; a body that is not what its header says
            raise web.HTTPBadRequest(text='a command is {"command": base64, "signature": base64}') from None
        reply = await self.door.knock(body, _wall_ms())
        return web.json_response(reply.body, status=reply.status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if len(self.streams) >= STREAMS_MAX:
            raise web.HTTPServiceUnavailable(text=f"{STREAMS_MAX} readers of the event stream already; end one")
        cursor = await self._from(request)
        write = _as_lines if "jsonl" in request.headers.get("Accept", "") + request.query.get("format", "") else _as_sse
        kind = "application/jsonl" if write is _as_lines else "text/event-stream"
        response = web.StreamResponse(headers={"Content-Type": kind, "Cache-Control": "no-store"})
        await response.prepare(request)
        task = asyncio.create_task(self._send(response, cursor, write), name="event stream")
        self.streams.add(task)
        task.add_done_callback(self.streams.discard)
        try:
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # we end, or the reader has gone
                await task
        finally:
            task.cancel()
        return response

    async def _send(self, response: web.StreamResponse, cursor: event_stream.Cursor, write: Form) -> None:
        async for news in event_stream.follow(self.view, cursor, KEEPALIVE_S):
            await response.write(write(news))

    async def _from(self, request: web.Request) -> event_stream.Cursor:
        after = request.headers.get("Last-Event-ID") or request.query.get("after")
        if after is None:
            return await event_stream.before(self.view, min(_number(request, "last", 0), LAST_MAX))
        try:
            return event_stream.Cursor.read(after, self.view)
        except event_stream.BadCursor as error:
            raise web.HTTPBadRequest(text=f"after: {error}") from None


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors are JSON with a sentence, as everything else here."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        text = error.text or error.reason
        if text == f"{error.status}: {error.reason}":  # the library's own words
            text = f"{error.reason.lower()}: {request.method} {request.path}; the routes are in docs/failc.md"
        return web.json_response({"error": text}, status=error.status)


def _as_sse(event: dict[str, Any] | None) -> bytes:
    if event is None:
        return b": nothing new\n\n"
    return f"id: {event['cursor']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n".encode()


def _as_lines(event: dict[str, Any] | None) -> bytes:
    return b"\n" if event is None else json.dumps(event).encode() + b"\n"


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise web.HTTPBadRequest(text=f"{name}: write a whole number")
    return int(text)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
