"""Nodes that talk over real sockets on loopback: 127.A.B.N for IPv4, ::1 with ports of its own for IPv6.

async def test_...(net):
    ann, bob = await net.start("ann", "bob")
    await net.until(lambda: ann.up("bob"))
"""

import asyncio
import contextlib
import hashlib
import itertools
import os
import socket
import time
from dataclasses import dataclass, field

import pytest

from coordinator.core.inputs import BatchArrived, HeadsArrived, HeartbeatHeard, LinkChanged
from coordinator.policy import NodePolicy, OperatorPolicy, Policy, Timing
from coordinator.transport.links import Links
from protocol.bodies import Hello, signed_body
from protocol.datagram import Sealer
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.frames import FrameReader, frame
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import Domain, Heartbeat
from protocol.signing import Identity
from protocol.sshkey import load_private, write_private
from protocol.tls import Contexts

DEADLINE_S = 60.0
CLUSTER = hashlib.sha256(b"test").digest()
_nets = itertools.count()


class FeedIndex:
    """A log in memory with the face of the journal."""

    def __init__(self):
        self.entries: dict[tuple[str, int], list[Entry]] = {}
        self.reads = 0

    async def read(self, node, incarnation, first, limit):
        self.reads += 1
        feed = self.entries.get((node, incarnation), [])
        return [(entry.raw, entry.signature) for entry in feed[first - 1 : first - 1 + limit]]

    def heads(self):
        return tuple(feed[-1].head for feed in self.entries.values() if feed)

    def grow(self, identity, count, incarnation=1, every=1, body=None, kind=Kind.JUDGED.value, cluster=CLUSTER):
        """Append `count` events of this node, each `every`th signed, and the last one; returns the new entries."""
        feed = self.entries.setdefault((identity.node, incarnation), [])
        begin = len(feed)
        for number in range(begin + 1, begin + count + 1):
            previous = feed[-1].id if feed else NO_PREVIOUS
            event = Event(cluster, identity.node, incarnation, number, previous, 1, 1, kind, "", body or {}, (), ())
            entry = Entry.of(event)
            if number % every == 0 or number == begin + count:
                entry = entry.signed(identity.sign(Domain.EVENT, entry.id))
            feed.append(entry)
        return feed[begin:]


@dataclass
class Node:
    """One node's links, and everything they posted."""

    identity: Identity
    policy: Policy
    feeds: FeedIndex = field(default_factory=FeedIndex)
    inbox: list = field(default_factory=list)
    run: bytes = b""
    links: Links = None
    counter: int = 0
    wall_ms: int = 1_000_000
    overfed: list = field(default_factory=list)

    @property
    def name(self):
        return self.identity.node

    def make(self):
        self.run = os.urandom(8)
        self.counter = 0
        self.links = Links(
            self.name, self.policy, self.identity, self.run, self.feeds, self.inbox.append,
            lambda: time.monotonic_ns() // 1_000_000, lambda: self.wall_ms, self.overfed.append,
        )  # fmt: skip
        return self

    def heartbeat(self, **changes):
        self.counter += 1
        fields = {
            "cluster": CLUSTER, "node": self.name, "run": self.run, "counter": self.counter, "fit": True, "config": bytes(8),
            "vote": 0, "heads": {}, "heard": {}, "refused": (),
        }  # fmt: skip
        return Heartbeat(**{**fields, **changes})

    def beat(self, **changes):
        self.links.beat(self.heartbeat(**changes))

    def got(self, kind):
        return [item for item in self.inbox if isinstance(item, kind)]

    def heard(self, link=None, datagram=None):
        """The counters heard on a link and transport."""
        return [
            item.heartbeat.message.counter
            for item in self.got(HeartbeatHeard)
            if link in (None, item.link) and datagram in (None, item.datagram)
        ]

    def entries(self):
        return [entry for item in self.got(BatchArrived) for entry in item.batch.entries]

    def line(self, peer, link="lan"):
        return next((line for line in self.links.status() if (line.peer, line.link) == (peer, link)), None)

    def refused(self, peer, link="lan"):
        line = self.line(peer, link)
        return dict(line.refused) if line else {}

    def up(self, peer, link="lan"):
        """By what was posted: the last word about this link's TLS connection."""
        changes = [item.up for item in self.got(LinkChanged) if (item.peer, item.link) == (peer, link)]
        return bool(changes) and changes[-1]

    def met(self, peer):
        return any(item.peer == peer for item in self.got(HeadsArrived))


class Net:
    def __init__(self, port):
        self.port = port
        self.number = next(_nets)
        self.nodes: dict[str, Node] = {}
        self.identities: dict[str, Identity] = {}

    def address(self, name, link, names):
        index = names.index(name) + 1
        if link == "six":
            return ("::1", self.port + 100 + index)
        part = 1 if link == "lan" else 2
        return (f"127.{100 + os.getpid() % 100}.{self.number % 250}.{part * 10 + index}", self.port)

    def policy(self, names, links, **changes):
        for name in names:
            self.identities.setdefault(name, Identity.fresh(name))
        nodes = {
            name: NodePolicy(name, self.identities[name].public, {link: self.address(name, link, names) for link in links})
            for name in names
        }
        fields = {"cluster": "test", "cluster_id": CLUSTER, "timing": Timing(), "nodes": nodes, "services": {}}
        return Policy(**{**fields, **changes})

    def make(self, *names, links=("lan", "direct"), **changes):
        policy = self.policy(names, links, **changes)
        for name in names:
            self.nodes[name] = Node(self.identities[name], policy).make()
        return [self.nodes[name] for name in names]

    async def start(self, *names, links=("lan", "direct"), **changes):
        """Nodes whose links all stand."""
        nodes = self.make(*names, links=links, **changes)
        for node in nodes:
            await node.links.start()
        await self.until(lambda: all(a.up(b.name, link) for a in nodes for b in nodes if a is not b for link in links))
        return nodes

    async def until(self, condition, what=""):
        """Poll until it holds; fails after DEADLINE_S."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, what or "this did not happen in time"
            await asyncio.sleep(0.005)

    async def close(self):
        for node in self.nodes.values():
            if node.links is not None:
                await node.links.close()


def free_port():
    """A port that no process has on any loopback address just now."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1] % 20_000 + 10_000


@pytest.fixture
async def net():
    made = Net(free_port())
    yield made
    await made.close()


@pytest.fixture
def operator(tmp_path):
    from protocol.sshkey import FileKey

    write_private(tmp_path / "id", "afm")
    key: FileKey = load_private(tmp_path / "id")
    return key, {"afm": OperatorPolicy("afm", key.public, "admin")}


class Puppet:
    """Has a key and speaks TLS, and says whatever a test likes: a peer that breaks the protocol."""

    def __init__(self, identity, peer, peer_key, address, cluster=CLUSTER, run=b"puppet!!"):
        self.identity = identity
        self.cluster = cluster
        self.run = run
        self.channel = Contexts(identity, {peer: peer_key}).dial(peer)
        self.reader = FrameReader()
        self.sealer = Sealer()
        self.address = address
        self.frames = []
        self.stream = None

    async def connect(self):
        self.stream = await asyncio.open_connection(*self.address)
        self.stream[1].write(self.channel.outgoing())
        while not self.channel.ready:
            await self.read()
        return self

    async def read(self):
        """One read's worth; raises EOFError when the other side has closed."""
        data = await asyncio.wait_for(self.stream[0].read(65536), DEADLINE_S)
        if not data:
            raise EOFError
        self.frames += self.reader.feed(self.channel.receive(data))
        self.stream[1].write(self.channel.outgoing())

    async def closed(self):
        """Returns when the other side has hung up."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                await self.read()

    def send(self, data):
        self.stream[1].write(self.channel.send(data))

    def frame(self, kind, body):
        self.send(frame(kind, body))

    def hello(self, **changes):
        fields = {
            "cluster": self.cluster, "node": self.identity.node, "link": "lan", "run": self.run, "heads": (),
            "key_id": self.sealer.key_id, "key": self.sealer.key,
        }  # fmt: skip
        self.frame(Frame.HELLO, Hello(**{**fields, **changes}).encode())

    def heartbeat(self, counter=1, **changes):
        fields = {
            "cluster": self.cluster, "node": self.identity.node, "run": self.run, "counter": counter, "fit": True,
            "config": bytes(8), "vote": 0, "heads": {}, "heard": {}, "refused": (),
        }  # fmt: skip
        raw = Heartbeat(**{**fields, **changes}).encode()
        return signed_body(raw, self.identity.sign(Domain.HEARTBEAT, raw))

    def datagram(self, data):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.sendto(data, self.address)

    def close(self):
        if self.stream is not None:
            self.stream[1].transport.abort()


@pytest.fixture
async def puppets(net):
    """`await puppets(node, "ann")`: connected to `node` on its lan, TLS done, no hello yet."""
    made = []

    async def connect(node, name, identity=None, **options):
        address = node.policy.nodes[node.name].links["lan"]
        puppet = Puppet(identity or net.identities[name], node.name, node.identity.public, address, **options)
        made.append(puppet)
        return await puppet.connect()

    yield connect
    for puppet in made:
        puppet.close()


class Wire:
    """A cable that we hold: forwards TCP and UDP from one address to another, and can stop doing either."""

    def __init__(self, here, there):
        self.here, self.there = here, there
        self.there_and_back = (asyncio.Event(), asyncio.Event())
        for way in self.there_and_back:
            way.set()
        self.datagrams = True
        self.passed = 0
        self.connects = 0
        self._server = self._udp = None
        self._tasks = set()

    async def start(self):
        self._server = await asyncio.start_server(self._connected, *self.here)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._udp.bind(self.here)
        asyncio.get_running_loop().add_reader(self._udp, self._datagram)
        return self

    def _datagram(self):
        data = self._udp.recv(2000)
        if self.datagrams:
            self.passed += 1
            self._udp.sendto(data, self.there)

    async def _connected(self, reader, writer):
        self.connects += 1
        far_reader, far_writer = await asyncio.open_connection(*self.there)
        for one, other, way in zip((reader, far_reader), (far_writer, writer), self.there_and_back, strict=True):
            task = asyncio.create_task(self._copy(one, other, way))
            self._tasks.add(task)

    async def _copy(self, reader, writer, way):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await way.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self._udp)
        self._udp.close()
        self._server.close()


@pytest.fixture
async def wires():
    made = []

    async def start(here, there):
        wire = await Wire(here, there).start()
        made.append(wire)
        return wire

    yield start
    for wire in made:
        await wire.close()
