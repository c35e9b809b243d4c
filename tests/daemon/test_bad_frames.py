"""A machine that breaks the protocol towards a running `faild`: refused, counted by reason and peer in `failc links`, and it
goes on.

tests/links has every case of this against the links alone; here each reason once, against the whole daemon.
"""

import asyncio
import os
import socket
import time

import pytest

from protocol.bodies import batch_body, command_body
from protocol.canonical import pack
from protocol.commands import Command, sign_command
from protocol.datagram import MAGIC_SEALED, Inside, Sealer, last_word_datagram
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import Domain, LastWord
from protocol.signing import Identity
from protocol.sshkey import load_private, write_private
from tests.daemon.cluster import Cluster
from tests.links.conftest import Puppet


class Attack:
    """genesis, played by us with its own key, against the real lukretia."""

    def __init__(self, cluster: Cluster):
        from coordinator.config import read

        self.cluster = cluster
        self.policy = read(cluster.config)
        self.identity = Identity.load("genesis", cluster.config.parent / "genesis" / "node.key")
        self.address = (cluster.addresses["lukretia"], cluster.port)

    def puppet(self, identity: Identity | None = None, cluster: bytes = b"", run: bytes = b"puppet!!") -> Puppet:
        key = self.policy.nodes["lukretia"].key
        return Puppet(identity or self.identity, "lukretia", key, self.address, cluster or self.policy.cluster_id, run)

    async def until(self, peer: str, reason: str, count: int) -> None:
        until = time.monotonic() + 20
        while (said := self.cluster.refused("lukretia", peer)).get(reason, 0) < count:
            assert time.monotonic() < until, f"{reason} from {peer}: {said}"
            await asyncio.sleep(0.02)
        assert said[reason] == count

    def still_serves(self) -> None:
        assert self.cluster.nodes["lukretia"].lives()
        assert self.cluster.web("lukretia")["states"]["lukretia"] == "UP"
        alarms = self.cluster.status("lukretia")["alarms"]
        assert {alarm["name"] for alarm in alarms} <= {"config-differs", "peer-dead", "peer-unfit", "isolated", "link-down"}
        assert "Traceback" not in self.cluster.nodes["lukretia"].said()


@pytest.fixture
def attack(make):
    cluster = make().start("lukretia")
    cluster.until_up("lukretia", at=["lukretia"])
    return Attack(cluster)


@pytest.fixture
async def genesis(attack):
    puppet = await attack.puppet().connect()
    puppet.hello()
    yield puppet
    puppet.close()


def event(attack: Attack, cluster: bytes | None = None, node: str = "genesis", number: int = 1) -> Entry:
    return Entry.of(
        Event(cluster or attack.policy.cluster_id, node, 7, number, NO_PREVIOUS, 1, 1, Kind.JUDGED.value, "", {}, (), ())
    )


async def test_frames_are_refused_by_reason_and_peer_and_the_node_goes_on(attack, genesis):
    good = genesis.heartbeat(1)
    entry, foreign = event(attack), event(attack, cluster=os.urandom(32))
    sign = attack.identity.sign
    for kind, body, reason in [
        (Frame.HEARTBEAT, good[:64], "truncated"),
        (Frame.HEARTBEAT, bytes(64) + good[64:], "unsigned"),
        (Frame.HEARTBEAT, sign(Domain.EVENT, good[64:]) + good[64:], "bad-signature"),
        (Frame.HEARTBEAT, genesis.heartbeat(1, node="eve"), "unknown-key"),
        (Frame.HEARTBEAT, genesis.heartbeat(1, cluster=os.urandom(32)), "wrong-cluster"),
        (Frame.HEARTBEAT, good + b"\xc0", "not-canonical"),
        (Frame.BATCH, batch_body([(entry.raw, None)]), "unsigned"),
        (Frame.BATCH, batch_body([(entry.raw, sign(Domain.HEARTBEAT, entry.id))]), "bad-signature"),
        (Frame.BATCH, batch_body([(foreign.raw, sign(Domain.EVENT, foreign.id))]), "wrong-cluster"),
        (Frame.BATCH, batch_body([(entry.raw + b"\xc0", sign(Domain.EVENT, entry.id))]), "not-canonical"),
        (Frame.PONG, bytes(9), "garbage"),
    ]:
        before = attack.cluster.refused("lukretia", "genesis").get(reason, 0)
        genesis.frame(kind, body)
        await attack.until("genesis", reason, before + 1)
    genesis.frame(Frame.HEARTBEAT, good)
    genesis.frame(Frame.HEARTBEAT, good)
    await attack.until("genesis", "replayed", 1)
    genesis.send(b"\x02\xff\xff\xff")
    await attack.until("genesis", "oversized", 1)
    await genesis.closed()
    attack.still_serves()
    shown = attack.cluster.failc("links").out
    assert "oversized 1" in shown, "people see them as well"


async def test_datagrams_are_refused_by_reason_and_peer_and_the_node_goes_on(attack, genesis):
    while not attack.cluster.socket("lukretia").get("/links")["links"][0]["up"]:
        await genesis.read()
    word = LastWord(attack.policy.cluster_id, "genesis", genesis.run, "web", 1).encode()
    for data, peer, reason in [
        (genesis.sealer.seal(Inside.HEARTBEAT, bytes(64) + genesis.heartbeat(2)[64:]), "genesis", "unsigned"),
        (genesis.sealer.seal(Inside.HEARTBEAT, genesis.heartbeat(3))[:-1] + b"x", "genesis", "bad-signature"),
        (genesis.sealer.seal(Inside.HEARTBEAT, genesis.heartbeat(4, cluster=bytes(32))), "genesis", "wrong-cluster"),
        (genesis.sealer.seal(Inside.HEARTBEAT, genesis.heartbeat(5) + b"\xc0"), "genesis", "not-canonical"),
        (Sealer().seal(Inside.HEARTBEAT, genesis.heartbeat(6)), "?", "unknown-key"),
        (MAGIC_SEALED + bytes(20), "?", "truncated"),
        (b"hello, is anybody there?", "?", "garbage"),
        (bytes(1401), "?", "oversized"),
        (last_word_datagram(word, os.urandom(64)), "?", "bad-signature"),
        (last_word_datagram(word, bytes(64)), "?", "unsigned"),
    ]:
        before = attack.cluster.refused("lukretia", peer).get(reason, 0)
        genesis.datagram(data)
        await attack.until(peer, reason, before + 1)
    good = genesis.sealer.seal(Inside.HEARTBEAT, genesis.heartbeat(7))
    genesis.datagram(good)
    genesis.datagram(good)
    await attack.until("genesis", "replayed", 1)
    attack.still_serves()


async def test_strangers_are_counted_under_a_question_mark(attack):
    """Plain bytes, a key that is not configured, a stream that ends inside the handshake, the same keys in another cluster."""
    with socket.create_connection(attack.address) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        await attack.until("?", "tls", 1)
    stranger = await attack.puppet(Identity.fresh("genesis")).connect()
    await attack.until("?", "tls", 2)
    with socket.create_connection(attack.address) as half:
        half.sendall(b"\x16\x03\x01")
    await attack.until("?", "truncated", 1)
    other = await attack.puppet(cluster=os.urandom(32)).connect()
    other.hello()
    await attack.until("genesis", "wrong-cluster", 1)
    for puppet in (stranger, other):
        puppet.close()
    attack.still_serves()


async def test_commands_over_a_link_are_judged_as_at_the_door(attack, genesis):
    """A node that was taken over passes on what no operator signed, or what one signed for something else."""
    folder = attack.cluster.config.parent / "operator"
    write_private(folder / "eve", "eve")
    afm, eve = load_private(folder / "id_ed25519"), load_private(folder / "eve")
    later_ms = time.time_ns() // 1_000_000 + 60_000

    def command(key, **changes):
        fields = {
            "cluster": attack.policy.cluster_id, "operator": "afm", "word": "fail", "service": "web", "node": "lukretia",
            "reason": "attack", "for_ms": 0, "epoch": 0, "expires_ms": later_ms, "nonce": os.urandom(16),
        }  # fmt: skip
        return sign_command(Command(**(fields | changes)), key)

    for signed, reason in [
        (command(eve), "unknown-key"),
        (command(eve, operator="eve"), "unknown-key"),
        (command(afm, cluster=os.urandom(32)), "wrong-cluster"),
        (command(afm, expires_ms=1), "expired"),
    ]:
        before = attack.cluster.refused("lukretia", "genesis")
        genesis.frame(Frame.COMMAND, command_body(signed.raw, signed.signature))
        while attack.cluster.refused("lukretia", "genesis") == before:
            await asyncio.sleep(0.02)
        grown = set(attack.cluster.refused("lukretia", "genesis").items()) - set(before.items())
        assert {name for name, _ in grown} <= {reason, "bad-signature"}, (reason, grown)
    genesis.frame(Frame.COMMAND, command_body(command(afm).raw, b""))
    await attack.until("genesis", "unsigned", 1)
    genesis.frame(Frame.COMMAND, command_body(pack(["no", "command"]), b"x" * 100))
    await attack.until("genesis", "not-canonical", 1)
    attack.still_serves()
