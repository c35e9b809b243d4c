"""Which clients are connected to the control socket, and which have to go when too many are.

    crowd = ConnectionLimit()
    web.Application(middlewares=[crowd.attended])       # a request that is being answered keeps its connection
    crowd.serve(runner.server)
    await loop.create_server(crowd.admit, sock=...)     # instead of runner.server itself

Every connection is a descriptor, and the checks and scripts of a service need descriptors too.
"""

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from protocol.invariant import InvariantBroken

CONNECTIONS_MAX = 128


class ConnectionLimit:
    def __init__(self) -> None:
        self._server: web.Server | None = None
        self._attended: set[RequestHandler] = set()

    def serve(self, server: web.Server) -> None:
        self._server = server

    def admit(self) -> RequestHandler:
        """Takes one more connection. Where there are too many the oldest that asks nothing goes, or else the oldest of all."""
        if self._server is None:
            raise InvariantBroken("no connection is admitted before there is a server")
        here = [one for one in self._server.connections if one.transport is not None]
        if len(here) >= CONNECTIONS_MAX:
            next((one for one in here if one not in self._attended), here[0]).force_close()
        return self._server()

    @web.middleware
    async def attended(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A connection has one request at a time."""
        self._attended.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._attended.discard(request.protocol)
