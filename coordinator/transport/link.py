"""One link: one pair of addresses between us and one peer, with its TLS connection and its sealed datagrams.

    link.beat(body, data)               # a heartbeat, on both transports
    link.status(now_ms, tally)          # what `failc links` shows

The datagram key is made anew with each TLS connection and exchanged over it. It outlives a connection that merely
stalled: after a split the first datagram through is what tells the dialler to connect at once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from coordinator.transport.connection import Connection
from coordinator.transport.sockets import Address, Sockaddr, sockaddr
from protocol.bodies import Ping
from protocol.datagram import Inside, Sealer
from protocol.frames import Kind, frame
from protocol.invariant import must
from protocol.refusals import Reason, Refused

DATAGRAM_LATELY_MS = 2000
"""Twenty heartbeats at the default timing: at 50 % loss none of twenty arrives once in a million."""

PONG_MS_MAX = 60_000
"""No stream is kept so long without an acknowledgement."""

STUCK_AGAIN_MS = 1000
"""A stream that is silent while datagrams arrive is dialled anew at most so often."""


KNOCK_AGAIN_MS = 200
"""A knock may be lost."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One line of `failc links`. The peer "?" stands for all that have proved no name."""

    peer: str
    link: str
    up: bool
    """TLS stands, and brought something within `dead`."""
    datagram: bool
    """Datagrams arrive in both directions."""
    rtt_ms: float | None
    """Newest round trip of a ping over TLS; None while none was answered."""
    refused: Mapping[str, int]


@dataclass(slots=True)
class Link:
    peer: str
    name: str
    local: Address
    remote: Address
    dials: bool
    """The node with the smaller name dials."""
    send_datagram: Callable[[bytes, Sockaddr], None]
    silent_after_ms: int
    """`dead`: a stream that was silent for so long is not counted as up."""
    hurry: Callable[[], None] = lambda: None
    """Wakes the dialler."""
    connection: Connection | None = None
    previous: Connection | None = None
    """The one that `connection` replaces, until the peer has shown by a pong that it has made the change too."""
    sealer: Sealer | None = None
    """The key for our datagrams, once the peer has shown by a pong that it has it."""
    stream_ms: int = 0
    datagram_ms: int | None = None
    reached: bool = False
    """The peer says that our datagrams reach it."""
    rtt_ms: float | None = None
    hurried_ms: int = -STUCK_AGAIN_MS
    waiting: bytes = b""
    """The newest heartbeat's frame, while the peer does not read."""
    _target: Sockaddr = field(init=False)

    def __post_init__(self) -> None:
        self._target = sockaddr(self.remote)

    def adopt(self, connection: Connection, now_ms: int) -> bool:
        """This connection serves the link from now on. True where none did before."""
        must(connection is not self.connection, f"{self.peer} on {self.name}: a connection does not take its own place")
        self._retire()
        self.previous, self.connection = self.connection, connection
        self.stream_ms = now_ms
        self.ping(now_ms)
        return self.previous is None

    def serves(self, connection: Connection) -> bool:
        """Whether what comes on this connection counts."""
        return connection is self.connection or connection is self.previous

    def lost(self, connection: Connection) -> bool:
        """True where this connection served the link, so that now none does."""
        if connection is self.previous:
            self.previous = None
        if connection is not self.connection:
            return False
        self.connection, self.previous = self.previous, None
        if self.connection is not None:
            return False
        self.waiting = b""
        if not connection.stalled:
            self.gone()
        return True

    def gone(self) -> None:
        """The peer's process has ended, and with it the key of our datagrams: it said goodbye, or no process listens there."""
        if self.connection is None:
            self.sealer = None

    def beat(self, body: bytes, data: bytes) -> Callable[[], None]:
        """`body` is the signed heartbeat, `data` its frame. The newest wins over one that still waits.

        Everything that costs time is done now; the returned call only sends. Copies that leave together arrive together, and
        wake the peer once instead of once each: a third of an idle daemon's work was waking up.
        """
        datagram = self.sealer.seal(Inside.HEARTBEAT, body) if self.sealer is not None else None
        stream = self.connection.sealed(data) if self.connection is not None else None
        if self.connection is not None and stream is None:
            self.waiting = data
        return partial(self._fire, self.connection, datagram, stream)

    def _fire(self, connection: Connection | None, datagram: bytes | None, stream: bytes | None) -> None:
        if datagram is not None:
            self.send_datagram(datagram, self._target)
        if connection is not None and stream is not None:
            connection.write(stream)

    def seal(self, inside: Inside, body: bytes) -> bool:
        """Send as a sealed datagram; False where there is no key yet, or it is too large."""
        data = self.sealer.seal(inside, body) if self.sealer is not None else None
        if data is None:
            return False
        self.send_datagram(data, self._target)
        return True

    def shout(self, data: bytes) -> None:
        """Send a datagram in clear."""
        self.send_datagram(data, self._target)

    def send(self, data: bytes) -> bool:
        """Send a frame over TLS; False where it was dropped."""
        return self.connection is not None and self.connection.send(data)

    def writable(self) -> None:
        if self.waiting and self.send(self.waiting):
            self.waiting = b""

    def ping(self, now_ms: int) -> None:
        """Ask for a round trip, and say whether the peer's datagrams arrive."""
        self._say(Kind.PING, Ping(time.perf_counter_ns(), self.datagram_lately(now_ms)))

    def pinged(self, ping: Ping, now_ms: int) -> None:
        """The peer asked: give it its token back."""
        self.reached = ping.datagrams
        self._say(Kind.PONG, Ping(ping.token, self.datagram_lately(now_ms)))

    def ponged(self, pong: Ping, connection: Connection) -> None:
        """An answer: the round trip, and the proof that the peer has our hello with the datagram key. Raises Refused."""
        rtt_ms = (time.perf_counter_ns() - pong.token) / 1e6
        if not 0 <= rtt_ms < PONG_MS_MAX:
            raise Refused(Reason.GARBAGE, "an answer to no ping of ours")
        self.rtt_ms = round(rtt_ms, 3)
        self.reached = pong.datagrams
        if connection is self.connection:
            self.sealer = connection.sealer
            self._retire()

    def stream_heard(self, now_ms: int) -> None:
        """Something came over TLS."""
        self.stream_ms = now_ms

    def datagram_heard(self, now_ms: int) -> None:
        """A sealed datagram was opened. Where the stream is silent meanwhile, it is stuck or gone: dial now, not later.

        After a split a stream may come back in one direction only, while the other waits for a retransmission seconds
        away: the side that does not dial knocks, by a datagram, and the peer dials.
        """
        self.datagram_ms = now_ms
        if self.connection is not None and now_ms - self.stream_ms <= self.silent_after_ms:
            return
        if self.dials:
            self._dial_anew(now_ms)
        elif now_ms - self.hurried_ms >= KNOCK_AGAIN_MS:
            self.hurried_ms = now_ms
            self.seal(Inside.KNOCK, b"")

    def knocked(self, now_ms: int) -> None:
        """The peer hears our datagrams and no stream: it wants a new connection. One that stands serves until then.

        The side that dials answers with a knock, so that both know that datagrams come and go where nothing else does.
        """
        self.reached = True
        if self.dials:
            self._dial_anew(now_ms)
            self.seal(Inside.KNOCK, b"")

    def _dial_anew(self, now_ms: int) -> None:
        if now_ms - self.hurried_ms >= STUCK_AGAIN_MS:
            self.hurried_ms = now_ms
            self.hurry()

    def datagram_lately(self, now_ms: int) -> bool:
        return self.datagram_ms is not None and now_ms - self.datagram_ms < DATAGRAM_LATELY_MS

    def up(self, now_ms: int) -> bool:
        return self.connection is not None and now_ms - self.stream_ms < self.silent_after_ms

    def status(self, now_ms: int, refused: Mapping[str, int]) -> LinkStatus:
        up, both = self.up(now_ms), self.reached and self.datagram_lately(now_ms)
        return LinkStatus(self.peer, self.name, up, both, self.rtt_ms if up else None, refused)

    def _retire(self) -> None:
        if self.previous is not None:
            self.previous.abort()
            self.previous = None

    def _say(self, kind: Kind, ping: Ping) -> None:
        self.send(frame(kind, ping.encode()))
