"""One TLS connection of one link, on our asyncio loop: bytes to frames, frames to bytes.

    connection = Connection(channel, "lan", owner)      # handed to asyncio as the protocol of a plain TCP socket
    connection.send(data)                               # True, or False where it was dropped: closed, or the peer is slow

TLS runs inside (`protocol.tls.Channel`) instead of in asyncio: a quarter of the cost for each message, every failure has
its reason, and a client that we refuse is no silent end of file. A peer that does not read is never waited for: while
`paused` nothing is sent, the newest heartbeat waits in its link, and what else was dropped comes back by heads.
"""

import asyncio
import socket
from typing import Protocol

from coordinator.transport import sockets
from protocol.bodies import Hello, Removal
from protocol.datagram import Sealer
from protocol.frames import FrameReader, Kind, frame
from protocol.invariant import InvariantBroken, must
from protocol.refusals import Reason, Refused
from protocol.tls import Channel

HELLO_S_MAX = 3.0
"""From the TCP connection to the hello: a handshake takes 3 ms, under 30 % loss seconds."""

WRITE_BUFFER_BYTES = 128 * 1024
"""Above it the peer is slow. Two batches of 64 KiB: less would stop a catching-up peer at each one."""


class Owner(Protocol):
    """Is told what happens on a connection; `coordinator.transport.links.Links`."""

    def identify(self, connection: "Connection") -> None:
        """TLS stands: set `peer` and say hello, or raise Refused."""

    def greeted(self, connection: "Connection", hello: Hello) -> None:
        """The peer's hello is here; raise Refused where it does not fit."""

    def removed(self, connection: "Connection", removal: Removal) -> None:
        """The peer does not let us in, and says why; raise Refused where it was not asked."""

    def framed(self, connection: "Connection", kind: Kind, body: bytes) -> None: ...

    def writable(self, connection: "Connection") -> None: ...

    def refused(self, connection: "Connection", refused: Refused) -> None: ...

    def lost(self, connection: "Connection") -> None: ...


READ_BYTES = 64 * 1024
"""How much is read at a time; a heartbeat has far less. By itself asyncio makes a new buffer of 256 KiB for every read."""

_buffer = memoryview(bytearray(READ_BYTES))
"""One for all connections: what was read is given to TLS before anything else can be."""


class Connection(asyncio.BufferedProtocol):
    def __init__(self, channel: Channel, link: str, owner: Owner, began_ms: int, expected: str = "") -> None:
        """`began_ms`: when it was dialled or accepted, monotonic. `expected`: the peer that we dialled; empty where a peer
        dialled us."""
        self.channel = channel
        self.link = link
        self.began_ms = began_ms
        self.expected = expected
        self.peer = expected
        self.sealer = Sealer()
        """Our datagrams' key; the peer learns it from our hello on this connection."""
        self.hello: Hello | None = None
        self.paused = False
        self.stalled = False
        """It ended by an error, a timeout or a reset, and not with a goodbye: the peer may live, and its key with it."""
        self.closed = asyncio.Event()
        self.established = asyncio.Event()
        """The peer's hello was good."""
        self._owner = owner
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._identified = False
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def host(self) -> str:
        """The address of the other end."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if name else "an unknown address"

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> bool:
        """Send frames; False where they were dropped."""
        sealed = self.sealed(data)
        if sealed is None:
            return False
        self.write(sealed)
        return True

    def sealed(self, data: bytes) -> bytes | None:
        """Frames as they go over the wire, to be written next and at once; None where they would be dropped."""
        if self._transport is None or self.paused or self._transport.is_closing():
            return None
        return self.channel.send(data)

    def write(self, sealed: bytes) -> None:
        if self._transport is None:
            raise InvariantBroken("sealed for a transport")
        self._transport.write(sealed)

    def send_frame(self, kind: Kind, body: bytes) -> bool:
        return self.send(frame(kind, body))

    async def deliver(self, data: bytes) -> bool:
        """Send when the peer has read what came before; False where the connection is gone."""
        await self._drained.wait()
        return self.send(data)

    async def settled(self) -> "Connection | None":
        """Itself when the peer's hello is here, None where the connection ended before."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self.established, self.closed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            for wait in waits:
                wait.cancel()
        return self if self.established.is_set() else None

    def close(self) -> None:
        """Say goodbye and go; what is still unsent is lost."""
        if self._transport is not None and not self._transport.is_closing():
            if self.channel.ready and not self.paused:
                self._transport.write(self.channel.goodbye())
            self._transport.close()

    def abort(self) -> None:
        """Go at once: the peer does not answer anyway."""
        if self._transport is not None:
            self._transport.abort()

    def rest(self, ms: int) -> None:
        """Read nothing for so long: the peer has said more than its share."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(ms / 1000, self._read_on)

    def _read_on(self) -> None:
        if self.open and self._transport is not None:
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise InvariantBroken("a stream was asked for")
        must(self._transport is None, f"a connection on {self.link} is made once: its TLS belongs to one stream")
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        plain: socket.socket = transport.get_extra_info("socket")
        sockets.tune(plain)
        self._deadline = asyncio.get_running_loop().call_later(HELLO_S_MAX, self._too_late)
        self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            self._take(self.channel.receive(_buffer[:nbytes]))
        except Refused as refused:
            self._refuse(refused)
        else:
            if self.channel.ended and self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stalled = exc is not None
        self._cancel_deadline()
        self.closed.set()
        self._drained.set()
        self._owner.lost(self)

    def eof_received(self) -> None:
        """The stream is over; the transport closes itself."""
        try:
            self._reader.end()
            if not self.channel.ready:
                raise Refused(Reason.TRUNCATED, "the connection ended inside the handshake")
        except Refused as refused:
            self._owner.refused(self, refused)

    def pause_writing(self) -> None:
        self.paused = True
        self._drained.clear()

    def resume_writing(self) -> None:
        self.paused = False
        self._drained.set()
        self._owner.writable(self)

    def _take(self, plain: bytes) -> None:
        self._flush()
        if self.channel.ready and not self._identified:
            self._owner.identify(self)
            self._identified = True
        for kind, body in self._reader.feed(plain) if plain else ():
            if self.hello is not None:
                self._owner.framed(self, kind, body)
            else:
                self._greet(kind, body)

    def _greet(self, kind: Kind, body: bytes) -> None:
        must(self._identified, f"a {kind.name} is read before TLS has proved whose it is")
        if kind is Kind.REMOVED:
            return self._owner.removed(self, Removal.decode(body))
        if kind is not Kind.HELLO:
            raise Refused(Reason.GARBAGE, f"a {kind.name} before the hello")
        hello = Hello.decode(body)
        self._owner.greeted(self, hello)
        self.hello = hello
        self._cancel_deadline()
        self.established.set()

    def _flush(self) -> None:
        waiting = self.channel.outgoing()
        if waiting and self.open and self._transport is not None:
            self._transport.write(waiting)

    def _refuse(self, refused: Refused) -> None:
        """They broke the stream: count it, send TLS's alert if there is one, and end."""
        self._owner.refused(self, refused)
        self._flush()
        self.close()

    def _too_late(self) -> None:
        self._owner.refused(self, Refused(Reason.TLS, f"no hello within {HELLO_S_MAX:.0f} s"))
        self.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
