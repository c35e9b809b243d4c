"""What must hold on a link, whatever the peer says: each rule ends `faild` where it is broken."""

import asyncio
import socket

import pytest

from coordinator.transport.connection import Connection
from coordinator.transport.heartbeat_dedup import Life
from coordinator.transport.link import Link
from protocol.bodies import Hello
from protocol.frames import Kind, frame
from protocol.invariant import InvariantBroken
from protocol.signing import Identity
from protocol.tls import Contexts

LOOPBACK = "127.0.0.1"


def unproved() -> Connection:
    """A connection before its handshake."""
    contexts = Contexts(Identity.fresh("ann"), {"bob": Identity.fresh("bob").public}, {})
    return Connection(contexts.dial("bob"), "lan", owner=None, began_ms=0, expected="bob")  # type: ignore[arg-type]


def test_the_newest_heartbeat_of_a_run_only_grows() -> None:
    life = Life()
    life.forget(5, 64)
    for counter in (5, 4):
        with pytest.raises(InvariantBroken, match=f"newest heartbeat {counter} of a run comes after 5"):
            life.forget(counter, 64)


def test_nothing_is_read_before_tls_has_proved_whose_it_is() -> None:
    """A hello that was believed before the handshake would be that of any machine."""
    connection = unproved()
    hello = Hello(bytes(32), "bob", "lan", bytes(8), (), connection.sealer.key_id, connection.sealer.key)
    with pytest.raises(InvariantBroken, match="a HELLO is read before TLS"):
        connection._take(frame(Kind.HELLO, hello.encode()))
    assert not connection.established.is_set()


def test_a_connection_does_not_take_its_own_place() -> None:
    """It would be ended as the one that was replaced, and the link with it."""
    link = Link("bob", "lan", (LOOPBACK, 1), (LOOPBACK, 2), True, lambda data, to: None, 500)
    connection = unproved()
    assert link.adopt(connection, 0)
    with pytest.raises(InvariantBroken, match="bob on lan: a connection does not take its own place"):
        link.adopt(connection, 1)
    assert link.connection is connection


async def test_a_connection_belongs_to_one_stream() -> None:
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    connection = unproved()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    connection._transport = transport
    with pytest.raises(InvariantBroken, match="made once"):
        connection.connection_made(transport)
    transport.abort()
    far.close()
