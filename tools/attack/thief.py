"""The thief: a program with the stolen key of one node. It speaks the real protocol over real TLS, and says what it likes.

    thief = Thief(config, node_key, "brutus", addresses)
    await thief.open()                                      # a fresh, well-formed incarnation of its feed
    thief.say(Kind.CLAIM, "web", {"epoch": 7})              # signed, pushed, served to every node that asks
    thief.lies["refused"] = ("lukretia",)                   # from now on in each heartbeat
    thief.frame(Frame.BATCH, b"...")                        # anything at all

What the honest nodes tell it is kept in `known`, as any peer keeps it: it may be copied.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coordinator.config import read
from coordinator.core.startup import RULES
from protocol.bodies import SIGNATURE_BYTES, Hello, Ping, Want, batch_body, read_batch, signed_body
from protocol.datagram import Inside, Sealer
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.frames import FrameReader, frame
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import Domain, Heard, Heartbeat, LastWord, ShortHead
from protocol.refusals import Refused
from protocol.signing import Identity
from protocol.tls import Contexts

Body = Mapping[str, Any]

BEAT_S = 0.1
DIAL_S = 0.05
BATCH_ENTRIES = 400
BATCH_BYTES = 900_000


class Session:
    """The thief's connection to one honest node, made again whenever it ends."""

    def __init__(self, thief: "Thief", victim: str, address: tuple[str, int]):
        self.thief, self.victim, self.address = thief, victim, address
        self.heard: Heartbeat | None = None
        self.heard_at = 0.0
        self.sealer = Sealer()
        self._writer: asyncio.StreamWriter | None = None
        self._channel = thief.contexts.dial(victim)
        self._plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    @property
    def open(self) -> bool:
        return self._writer is not None

    def frame(self, kind: Frame, body: bytes) -> None:
        self.raw(frame(kind, body))

    def raw(self, data: bytes) -> None:
        """Bytes inside TLS; nothing where the victim is away."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(self._channel.send(data))

    async def drained(self) -> None:
        """Until the victim has read enough of what was sent, or is gone."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.drain()

    def datagram(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._plain.sendto(data, self.address)

    def sealed(self, inside: Inside, body: bytes) -> None:
        data = self.sealer.seal(inside, body)
        if data is not None:
            self.datagram(data)

    async def run(self) -> None:
        try:
            while True:
                with contextlib.suppress(OSError, EOFError, Refused):
                    await self._talk()
                self._writer = None
                await asyncio.sleep(DIAL_S)
        finally:
            self._plain.close()

    async def _talk(self) -> None:
        reader, writer = await asyncio.open_connection(*self.address)
        frames, self.sealer = FrameReader(), Sealer()
        self._channel = channel = self.thief.contexts.dial(self.victim)
        try:
            writer.write(channel.outgoing())
            while True:
                plain = channel.receive(await _some(reader))
                writer.write(channel.outgoing())
                if channel.ready and self._writer is None:
                    self._writer = writer
                    self.frame(Frame.HELLO, self.thief.hello(self.sealer))
                for kind, body in frames.feed(plain):
                    self._take(kind, body)
        finally:
            writer.transport.abort()

    def _take(self, kind: Frame, body: bytes) -> None:
        if kind is Frame.HEARTBEAT:
            self.heard = Heartbeat.decode(body[SIGNATURE_BYTES:])
            self.heard_at = time.monotonic()
            self.thief.overheard[self.victim] = body
            for node, head in self.heard.heads.items():
                self.thief.follow(self, node, head)
        elif kind is Frame.PING:
            self.frame(Frame.PONG, Ping(Ping.decode(body).token, True).encode())
        elif kind is Frame.BATCH:
            self.thief.learn(read_batch(body))
        elif kind is Frame.WANT:
            self.thief.serve(self, Want.decode(body))
        elif kind is Frame.HELLO:
            self.thief.greeted(self, Hello.decode(body))


async def _some(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(65536)
    if not data:
        raise EOFError
    return data


class Thief:
    def __init__(self, config: Path, name: str, addresses: Mapping[str, tuple[str, int]]):
        self.policy = read(config)
        self.name = name
        self.identity = Identity.load(name, config.parent / name / "node.key")
        keys = {node.name: node.key for node in self.policy.nodes.values() if node.name != name}
        self.contexts = Contexts(self.identity, keys)
        self.run = os.urandom(8)
        self.counter = 0
        self.lies: dict[str, Any] = {}
        """Fields of the heartbeat that are not as they should be."""
        self.delivers = True
        """Whether it answers wants."""
        self.greets: tuple[Head, ...] | None = None
        """Heads of the next hellos that are not as they should be."""
        self.at_hello: Callable[[Session], None] = lambda session: None
        self.known: dict[tuple[str, int], list[Entry]] = {}
        self.overheard: dict[str, bytes] = {}
        """The newest heartbeat of each honest node, signed."""
        self.feeds: dict[int, list[Entry]] = {}
        self.incarnation = 0
        self.sessions = [Session(self, victim, address) for victim, address in addresses.items()]

    # --- what it says of itself ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """A fresh incarnation that begins as an honest one does."""
        self.begin()
        self._start()

    async def start_again(self) -> None:
        """Honest again, connected, and with a start in the newest feed: whatever it held or said before is over."""
        self.lies, self.delivers, self.greets, self.at_hello = {}, True, None, lambda session: None
        self.incarnation = max(self.feeds)
        await self.met()
        self._start()

    def _start(self) -> None:
        body = {"run": self.run, "rules": RULES, "config": self.policy.digest, "clean": False, "after": None}
        started = self.write(Kind.NODE_STARTED, "", body)
        body = {"number": 1, "digest": self.policy.digest, "text": self.policy.text}
        self.push([started, self.write(Kind.CONFIG_APPLIED, "", body)])

    def begin(self) -> None:
        """An empty feed of its own, above those before."""
        self.incarnation = max([time.time_ns() // 1_000_000, *(number + 1 for number in self.feeds)])
        self.feeds[self.incarnation] = []

    @property
    def feed(self) -> list[Entry]:
        return self.feeds[self.incarnation]

    def write(
        self,
        kind: str,
        service: str = "",
        body: Body | None = None,
        causes: Sequence[Ref] = (),
        *,
        sign: bool = True,
        **changes: Any,
    ) -> Entry:
        """The next event of its feed. `changes`: fields of the event that are not as they should be."""
        last = self.feed[-1] if self.feed else None
        now_ms = time.time_ns() // 1_000_000
        fields: dict[str, Any] = {
            "cluster": self.policy.cluster_id, "node": self.name, "incarnation": self.incarnation,
            "number": last.event.number + 1 if last else 1, "previous": last.id if last else NO_PREVIOUS,
            "wall_ms": now_ms, "boot_ms": now_ms, "kind": str(kind), "service": service, "body": body or {},
            "causes": tuple(causes), "heads": self.heads(),
        }  # fmt: skip
        entry = Entry.of(Event(**(fields | changes)))
        entry = self.signed(entry) if sign else entry
        self.feed.append(entry)
        return entry

    def signed(self, entry: Entry) -> Entry:
        return entry.signed(self.identity.sign(Domain.EVENT, entry.id))

    def say(self, kind: str, service: str = "", body: Body | None = None, causes: Sequence[Ref] = (), **changes: Any) -> Entry:
        entry = self.write(kind, service, body, causes, **changes)
        self.push([entry])
        return entry

    def written(self) -> dict[int, int]:
        """Incarnation to the number of its last event."""
        return {incarnation: len(feed) for incarnation, feed in self.feeds.items()}

    def push(self, entries: Sequence[Entry]) -> None:
        if entries:
            self.frame(Frame.BATCH, batch_body([(entry.raw, entry.signature) for entry in entries]))

    def frame(self, kind: Frame, body: bytes) -> None:
        """To every honest node that is there."""
        for session in self.sessions:
            session.frame(kind, body)

    async def drained(self) -> None:
        for session in self.sessions:
            await session.drained()
        await asyncio.sleep(0)

    def heartbeat(self, session: Session | None = None, **changes: Any) -> bytes:
        """Signed, as it goes into a frame."""
        self.counter += 1
        short = {node: ShortHead(head.incarnation, head.number, head.id[:8]) for node, head in self._newest().items()}
        heard = {s.victim: Heard(s.heard.run, s.heard.counter, 1) for s in self.sessions if s.heard and s.open}
        fields: dict[str, Any] = {
            "cluster": self.policy.cluster_id, "node": self.name, "run": self.run, "counter": self.counter, "fit": True,
            "config": self.policy.digest[:8], "vote": 0, "heads": short, "heard": heard, "refused": (),
        }  # fmt: skip
        raw = Heartbeat(**(fields | self.lies | changes)).encode()
        return signed_body(raw, self.identity.sign(Domain.HEARTBEAT, raw))

    def word(self, service: str, epoch: int, **changes: Any) -> tuple[bytes, bytes]:
        """A last word of its own, and its signature."""
        raw = replace(LastWord(self.policy.cluster_id, self.name, self.run, service, epoch), **changes).encode()
        return raw, self.identity.sign(Domain.LAST_WORD, raw)

    def hello(self, sealer: Sealer) -> bytes:
        heads = tuple(self._newest().values()) if self.greets is None else self.greets
        return Hello(self.policy.cluster_id, self.name, "lan", self.run, heads, sealer.key_id, sealer.key).encode()

    # --- what it hears -------------------------------------------------------------------------------------------

    def learn(self, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        for pair in pairs:
            entry = Entry.read(*pair)
            feed = self.known.setdefault(entry.head.feed, [])
            if entry.event.number == len(feed) + 1 and entry.event.node != self.name:
                feed.append(entry)

    def follow(self, session: Session, node: str, head: ShortHead) -> None:
        if node != self.name and head.number > len(self.known.get((node, head.incarnation), ())):
            first = len(self.known.get((node, head.incarnation), ())) + 1
            session.frame(Frame.WANT, Want(node, head.incarnation, first).encode())

    def serve(self, session: Session, want: Want) -> None:
        if want.node != self.name or not self.delivers:
            return
        feed = self.feeds.get(want.incarnation, [])[want.first - 1 :][:BATCH_ENTRIES]
        size = 0
        for count, entry in enumerate(feed, 1):
            size += len(entry.raw) + 80
            if size > BATCH_BYTES:
                feed = feed[: count - 1]
                break
        if feed:
            session.frame(Frame.BATCH, batch_body([(entry.raw, entry.signature) for entry in feed]))

    def greeted(self, session: Session, hello: Hello) -> None:
        for head in hello.heads:
            self.follow(session, head.node, ShortHead(head.incarnation, head.number, head.id[:8]))
        self.at_hello(session)

    def heads(self) -> tuple[Head, ...]:
        """What it knows of the honest feeds, as an honest node would tell it."""
        return tuple(head for node, head in sorted(self._newest().items()) if node != self.name)

    def _newest(self) -> dict[str, Head]:
        own = [self.feed] if self.incarnation and self.feed else []
        feeds = [feed for _, feed in sorted(self.known.items()) if feed] + own
        return {feed[-1].event.node: feed[-1].head for feed in feeds}

    def copied(self, kind: str) -> list[Entry]:
        """The honest nodes' events of a kind, oldest first."""
        return [entry for feed in self.known.values() for entry in feed if entry.event.kind == kind]

    def epoch(self, service: str = "web") -> int:
        """The largest epoch that an honest node has claimed."""
        claims = (*self.copied(Kind.CLAIM), *self.copied(Kind.RECLAIM))
        return max((entry.event.body["epoch"] for entry in claims if entry.event.service == service), default=0)

    def newest(self, node: str) -> Head | None:
        return self._newest().get(node)

    # --- its life ------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        async with asyncio.TaskGroup() as group:
            for session in self.sessions:
                group.create_task(session.run())
            group.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            if self.incarnation:
                self.frame(Frame.HEARTBEAT, self.heartbeat())
            await asyncio.sleep(BEAT_S)

    async def met(self) -> None:
        """Until it is connected with every honest node, hears it, and has its feed."""
        while not all(session.open and session.heard for session in self.sessions):
            await asyncio.sleep(0.02)


__all__ = ["Inside", "Session", "Thief"]
