"""The floor of idling: a bare program that signs, seals, sends, receives and verifies the heartbeats of one node.

    python -m tools.bench.idle_floor genesis genesis=10.77.0.12,10.78.0.12 lukretia=10.77.0.11,10.78.0.11

It starts one of these programs for each node. Every tenth of a second it says one heartbeat to every other on every pair of
addresses, signed once, over TLS and as a sealed datagram, and reads as many. Fields, sizes and ciphers are those of a node;
so are the libraries (asyncio, ssl, cryptography, msgpack). There is no log, no state, no judgement, no decision, and no
refusal: a first copy is verified, further ones are compared with it.

What a node's processor time is measured by (`tools.bench.idling`). The program is frozen (`tests/bench/test_frozen.py`) and
imports nothing of ours: what makes a node cheaper must not make its measure cheaper.
"""

import asyncio
import datetime
import hashlib
import os
import socket
import ssl
import sys
from collections.abc import Callable

import msgpack
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PORT = 1291
HEARTBEAT_S = 0.1
DIAL_AGAIN_S = 0.05
CLUSTER = bytes(32)
DOMAIN = b"failover/heartbeat/v1\n"
KIND, MAGIC, KEY_ID_BYTES = b"\x02", b"FO1S", 8


def key_of(node: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(node.encode()).digest())


class Way:
    """One pair of addresses: a sealed datagram there and back, and a TLS stream."""

    def __init__(self, me: str, peer: str, own: str, theirs: str, link: int) -> None:
        self.peer, self.own, self.theirs = peer, own, theirs
        self._send, self._receive = (
            ChaCha20Poly1305(hashlib.sha256(f"{a}>{b}@{link}".encode()).digest()) for a, b in ((me, peer), (peer, me))
        )
        self._counter = 0
        self.stream: Stream | None = None

    def seal(self, body: bytes) -> bytes:
        self._counter += 1
        counter = self._counter.to_bytes(8, "big")
        header = MAGIC + bytes(KEY_ID_BYTES) + counter
        return header + self._send.encrypt(bytes(4) + counter, b"\x01" + body, header)

    def open(self, data: bytes) -> bytes:
        return self._receive.decrypt(bytes(4) + data[12:20], data[20:], data[:20])[1:]


class Stream:
    """TLS over one TCP connection, in memory, as a node does it."""

    def __init__(self, context: ssl.SSLContext, server: bool, sock: socket.socket, take: Callable[[bytes], None]) -> None:
        self._sock, self._take, self._ready, self._rest = sock, take, False, b""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asyncio.get_running_loop().add_reader(sock, self._read)
        self._shake()

    def sealed(self, frame: bytes) -> bytes:
        if not self._ready:
            return b""
        self._tls.write(frame)
        return self._out.read()

    def write(self, data: bytes) -> None:
        if data:
            self._sock.send(data)

    def _read(self) -> None:
        self._in.write(self._sock.recv(65536))
        if not self._ready:
            self._shake()
        while self._ready and self._in.pending:
            try:
                self._rest += self._tls.read(16384)
            except ssl.SSLWantReadError:
                break
        while len(self._rest) >= 4 and len(self._rest) >= (end := 4 + int.from_bytes(self._rest[1:4], "big")):
            body, self._rest = self._rest[4:end], self._rest[end:]
            self._take(body)

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
            self._ready = True
        except ssl.SSLWantReadError:
            pass
        self.write(self._out.read())


class Floor:
    def __init__(self, me: str, nodes: dict[str, list[str]]) -> None:
        self._me, self._nodes = me, nodes
        self._key, self._run, self._counter = key_of(me), os.urandom(8), 0
        self._keys: dict[str, Ed25519PublicKey] = {node: key_of(node).public_key() for node in nodes}
        self._newest: dict[str, bytes] = dict.fromkeys(nodes, b"")
        self._heard: dict[str, list[object]] = {node: [bytes(8), 0, 0] for node in nodes if node != me}
        self._ways = {
            (own, theirs): Way(me, peer, own, theirs, link)
            for peer, addresses in nodes.items()
            if peer != me
            for link, (own, theirs) in enumerate(zip(nodes[me], addresses, strict=True))
        }
        self._sockets: dict[str, socket.socket] = {}
        self._contexts = tuple(_context(self._key, side) for side in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for own in self._nodes[self._me]:
                self._sockets[own] = _datagrams(own)
                loop.add_reader(self._sockets[own], self._datagram, own)
                tasks.create_task(self._accept(own, socket.create_server((own, PORT))))
            for way in self._ways.values():
                if self._me < way.peer:
                    tasks.create_task(self._dial(way))
            self._beat(loop.time())

    def _beat(self, at_s: float) -> None:
        asyncio.get_running_loop().call_at(at_s + HEARTBEAT_S, self._beat, at_s + HEARTBEAT_S)
        self._counter += 1
        heads = {node: [1_700_000_000_000, 100 + self._counter // 300, bytes(8)] for node in self._nodes}
        message = [self._me, self._run, self._counter, True, bytes(8), 0, heads, self._heard, [], CLUSTER]
        raw = msgpack.packb(message)
        body = self._key.sign(DOMAIN + raw) + raw
        frame = KIND + len(body).to_bytes(3, "big") + body
        ready = [(way, way.seal(body), way.stream.sealed(frame) if way.stream else b"") for way in self._ways.values()]
        for way, datagram, record in ready:
            self._sockets[way.own].sendto(datagram, (way.theirs, PORT))
            if way.stream:
                way.stream.write(record)

    def _datagram(self, own: str) -> None:
        data, source = self._sockets[own].recvfrom(1401)
        way = self._ways[own, source[0]]
        self._heartbeat(way, way.open(data))

    def _heartbeat(self, way: Way, body: bytes) -> None:
        if body == self._newest[way.peer]:
            return
        self._keys[way.peer].verify(body[:64], DOMAIN + body[64:])
        message = msgpack.unpackb(body[64:])
        if message[2] > int(str(self._heard[way.peer][1])):
            self._newest[way.peer] = body
            self._heard[way.peer] = [message[1], message[2], 0]

    async def _accept(self, own: str, listener: socket.socket) -> None:
        listener.setblocking(False)
        while True:
            sock, source = await asyncio.get_running_loop().sock_accept(listener)
            self._serve(self._ways[own, source[0]], sock, server=True)

    async def _dial(self, way: Way) -> None:
        while way.stream is None:
            sock = socket.socket()
            sock.setblocking(False)
            sock.bind((way.own, 0))
            try:
                await asyncio.get_running_loop().sock_connect(sock, (way.theirs, PORT))
                self._serve(way, sock, server=False)
            except OSError:
                sock.close()
                await asyncio.sleep(DIAL_AGAIN_S)

    def _serve(self, way: Way, sock: socket.socket, server: bool) -> None:
        context = self._contexts[0 if server else 1]
        way.stream = Stream(context, server, sock, lambda body: self._heartbeat(way, body))


def _datagrams(own: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((own, PORT))
    made.setblocking(False)
    return made


def _context(key: Ed25519PrivateKey, side: int) -> ssl.SSLContext:
    """Who the other is plays no part here; what a record costs does."""
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "floor")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(datetime.datetime(2000, 1, 1)).not_valid_after(datetime.datetime(2100, 1, 1))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key.private_bytes(*private) + made.sign(key, None).public_bytes(serialization.Encoding.PEM)
    descriptor = os.memfd_create("floor", os.MFD_CLOEXEC)
    os.write(descriptor, pem)
    context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    os.close(descriptor)
    return context


def _punctual() -> None:
    """As a node does, where it may."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return


def main() -> None:
    me, *given = sys.argv[1:]
    nodes = {name: addresses.split(",") for name, _, addresses in (word.partition("=") for word in given)}
    _punctual()
    asyncio.run(Floor(me, nodes).run())


if __name__ == "__main__":
    main()
