"""One link of a simulated node to one peer: `coordinator.shell.ports.Way`, and what the receiver tells it (`ports.Line`).

A connection serves the link from the peer's hello until its end is known here: what is sent after it broke unseen is lost, as
in a socket's buffer. Datagrams need no key here, and no pings go to and fro.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from protocol.bodies import Ping
from protocol.datagram import SEALED_BYTES_MAX, Inside
from tools.simulator.messages import Sealed
from tools.simulator.network import Network


class Link:
    def __init__(self, network: Network, me: str, peer: str, name: str) -> None:
        self.peer = peer
        self.name = name
        self.up = False
        self.stream_ms = 0
        self._network = network
        self._me = me

    def adopt(self, connection: Any, now_ms: int) -> bool:
        """The peer's hello is here. True where no connection served the link before."""
        before, self.up, self.stream_ms = self.up, True, now_ms
        return not before

    def lost(self) -> bool:
        """The end of its connection is known. True where one served the link."""
        before, self.up = self.up, False
        return before

    def beat(self, body: bytes, data: bytes) -> Callable[[], None]:
        return partial(self._fire, body, data)

    def _fire(self, body: bytes, data: bytes) -> None:
        self.seal(Inside.HEARTBEAT, body)
        self.send(data)

    def send(self, data: bytes) -> bool:
        if self.up:
            self._network.stream(self._me, self.peer, self.name, data)
        return self.up

    def seal(self, inside: Inside, body: bytes) -> bool:
        if len(body) > SEALED_BYTES_MAX:
            return False
        self._network.datagram(self._me, self.peer, self.name, Sealed(inside, body))
        return True

    def shout(self, data: bytes) -> None:
        self._network.datagram(self._me, self.peer, self.name, data)

    def stream_heard(self, now_ms: int) -> None:
        self.stream_ms = now_ms

    def datagram_heard(self, now_ms: int) -> None:
        """Nothing here dials, or asks to be dialled: the network does."""

    def knocked(self, now_ms: int) -> None:
        """As above."""

    def pinged(self, ping: Ping, now_ms: int) -> None:
        """None is sent."""

    def ponged(self, pong: Ping, connection: Any) -> None:
        """None is sent."""
