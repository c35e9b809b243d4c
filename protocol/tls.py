"""Mutual TLS 1.3 between nodes, without a CA and without a certificate that could expire.

    contexts = Contexts(identity, {"genesis": public, ...})
    channel = contexts.dial("genesis")              # or contexts.accept(): any configured peer
    channel.receive(data)                           # bytes from the socket; returns what came in clear
    send(channel.outgoing())                        # bytes for the socket
    peer = contexts.peer_of(channel)                # after channel.ready: whose key it is, pinned

Each node makes in memory one trust anchor for each peer (issuer: the node's name; key: the peer's public key) and
presents a leaf signed by its own key. The anchor's own signature is by a key that is thrown away; OpenSSL does not look at it.
After the handshake the leaf's key must be the configured one. The channel does no input or output of its own.
"""

import contextlib
import datetime
import os
import ssl
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from protocol.keys import check_key
from protocol.refusals import Reason, Refused
from protocol.signing import Identity

NOT_BEFORE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""RFC 5280, section 4.1.2.5: no expiry. A node's clock may be wrong on the day of the failover."""

READ_BYTES = 16 * 1024
"""One TLS record."""


class Channel:
    """One TLS connection as bytes in and bytes out."""

    def __init__(self, context: ssl.SSLContext, server: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server)
        self.ready = False
        """The handshake is over, as seen from this side."""
        self.ended = False
        """The other side has said goodbye."""
        if not server:
            self._shake()

    def receive(self, data: bytes | memoryview) -> bytes:
        """What came in clear, empty during the handshake. Raises Refused(TLS); `outgoing` then holds the alert to send."""
        self._in.write(data)
        try:
            if not self.ready:
                self._shake()
            return self._read() if self.ready else b""
        except ssl.SSLError as error:
            raise Refused(Reason.TLS, error.reason or str(error)) from None

    def send(self, data: bytes) -> bytes:
        """Seal `data` and return the bytes for the socket, with whatever else was waiting."""
        view, at = memoryview(data), 0
        while at < len(data):
            at += self._tls.write(view[at:])
        return self._out.read()

    def outgoing(self) -> bytes:
        """Bytes that TLS itself wants to say: the handshake, alerts."""
        return self._out.read() if self._out.pending else b""

    def goodbye(self) -> bytes:
        """The closing alert, best effort."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()
        return self._out.read()

    def leaf(self) -> bytes | None:
        """The peer's certificate, DER."""
        return self._tls.getpeercert(binary_form=True)

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
            self.ready = True
        except ssl.SSLWantReadError:
            pass

    def _read(self) -> bytes:
        """Everything that is there; a read too many would cost an exception for each message."""
        parts = []
        try:
            while self._in.pending or self._tls.pending():
                part = self._tls.read(READ_BYTES)
                self.ended = self.ended or not part
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Contexts:
    """Everything TLS that this node needs; made anew when the configuration changes."""

    def __init__(self, identity: Identity, peers: Mapping[str, bytes], departed: Mapping[str, bytes] | None = None) -> None:
        """`peers`: node name to its 32 raw bytes. `departed`: those that may come to us all the same, and are not dialled.
        Raises UnusableKey for a key that proves nothing."""
        known = {**(departed or {}), **peers}
        self._names = {check_key(public): node for node, public in known.items()}
        anchors = {node: _anchor(node, public) for node, public in known.items()}
        own = _pem(identity)
        self._accept = _context(ssl.PROTOCOL_TLS_SERVER, own, b"".join(anchors.values()))
        self._accept.num_tickets = 0  # no peer resumes: a connection lives for weeks
        self._dial = {node: _context(ssl.PROTOCOL_TLS_CLIENT, own, anchors[node]) for node in peers}

    def accept(self) -> Channel:
        """For a connection that a peer made to us."""
        return Channel(self._accept, server=True)

    def dial(self, peer: str) -> Channel:
        """For a connection that we made to `peer`."""
        return Channel(self._dial[peer], server=False)

    def peer_of(self, channel: Channel) -> str:
        """The node whose configured key the other side has proved to hold; raises Refused."""
        leaf = channel.leaf()
        if leaf is None:
            raise Refused(Reason.TLS, "no certificate")
        key = x509.load_der_x509_certificate(leaf).public_key()
        node = self._names.get(key.public_bytes_raw()) if isinstance(key, Ed25519PublicKey) else None
        if node is None:
            raise Refused(Reason.UNKNOWN_KEY, "a certificate whose key no configured node has")
        return node


def _context(protocol: int, own: bytes, anchors: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # nodes are known by key, pinned after the handshake
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    if anchors:
        context.load_verify_locations(cadata=anchors)
    _load_own(context, own)
    return context


def _load_own(context: ssl.SSLContext, pem: bytes) -> None:
    """`ssl` wants a file; this one has no name and is gone when the descriptor is."""
    descriptor = os.memfd_create("failover", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _pem(identity: Identity) -> bytes:
    """The private key and the leaf that presents it."""
    key = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    leaf = _certificate(
        _name(identity.node, "leaf"), identity.node, identity.key.public_key(), identity.public, authority=False
    )
    return key + leaf.sign(identity.key, None).public_bytes(serialization.Encoding.PEM)


def _anchor(node: str, public: bytes) -> bytes:
    """A root that only vouches for leaves signed by the node itself; DER."""
    key = Ed25519PublicKey.from_public_bytes(public)
    root = _certificate(_name(node), node, key, public, authority=True)
    return root.sign(Ed25519PrivateKey.generate(), None).public_bytes(serialization.Encoding.DER)


def _certificate(
    subject: x509.Name, issuer: str, key: Ed25519PublicKey, issuer_key: bytes, authority: bool
) -> x509.CertificateBuilder:
    signer = Ed25519PublicKey.from_public_bytes(issuer_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _name(text: str, unit: str = "") -> x509.Name:
    """A leaf's name differs from its issuer's, or OpenSSL would call it self-signed."""
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), *units])
