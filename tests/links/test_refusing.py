"""Whatever breaks the protocol is refused, counted by peer, link and reason, and nothing else happens."""

import asyncio
import os
import socket

import pytest

from coordinator.core.inputs import BatchArrived, HeartbeatHeard, LastWordHeard
from protocol.bodies import Want, batch_body, command_body, signed_body
from protocol.datagram import MAGIC_SEALED, Inside, Sealer, last_word_datagram
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import Domain, LastWord
from protocol.refusals import Refused
from protocol.signing import Identity


@pytest.fixture
async def bob(net):
    """A node that waits for ann, who is played by a puppet."""
    _, node = net.make("ann", "bob", links=("lan",))
    await node.links.start()
    return node


@pytest.fixture
async def ann(net, bob, puppets):
    """Ann's puppet, after its hello."""
    puppet = await puppets(bob, "ann")
    puppet.hello()
    await net.until(lambda: bob.up("ann"))
    return puppet


async def test_a_key_that_is_not_configured_ends_in_the_handshake(net, bob, puppets):
    stranger = await puppets(bob, "ann", identity=Identity.fresh("ann"))
    with pytest.raises(Refused, match="ALERT"):
        await stranger.read()
    await net.until(lambda: bob.refused("?") == {"tls": 1})
    assert not bob.up("ann")


async def test_a_server_with_another_key_is_refused_under_the_name_we_dialled(net):
    """Bob's address is answered by another machine: ann must not speak to it, and says which peer it was."""
    ann, bob = net.make("ann", "bob", links=("lan",))
    bob.identity = Identity.fresh("bob")
    bob.make()
    await bob.links.start()
    await ann.links.start()
    await net.until(lambda: ann.refused("bob").get("tls") and bob.refused("?").get("tls"))
    assert not ann.up("bob")


async def test_plain_bytes_instead_of_tls_are_refused(net, bob):
    _, writer = await asyncio.open_connection(*bob.policy.nodes["bob"].links["lan"])
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await net.until(lambda: bob.refused("?") == {"tls": 1})
    writer.close()


async def test_another_cluster_with_the_same_keys_is_refused(net, bob, puppets):
    puppet = await puppets(bob, "ann")
    puppet.hello(cluster=os.urandom(32))
    await net.until(lambda: bob.refused("ann") == {"wrong-cluster": 1})
    await puppet.closed()
    assert not bob.up("ann")


async def test_two_clusters_with_the_same_keys_never_meet(net):
    ann, bob = net.make("ann", "bob", links=("lan",))
    bob.policy = net.policy(["ann", "bob"], ["lan"], cluster_id=os.urandom(32))
    bob.make()
    await ann.links.start()
    await bob.links.start()
    await net.until(lambda: ann.refused("bob").get("wrong-cluster") or bob.refused("ann").get("wrong-cluster"))
    assert not ann.up("bob")
    assert not bob.up("ann")


@pytest.mark.parametrize("changes", [{"node": "cyd"}, {"link": "direct"}])
async def test_a_hello_that_does_not_fit_its_connection_is_refused(net, bob, puppets, changes):
    puppet = await puppets(bob, "ann")
    puppet.hello(**changes)
    await net.until(lambda: bob.refused("ann") == {"garbage": 1})
    await puppet.closed()


async def test_anything_before_the_hello_is_refused(net, bob, puppets):
    puppet = await puppets(bob, "ann")
    puppet.frame(Frame.HEARTBEAT, puppet.heartbeat())
    await net.until(lambda: bob.refused("ann") == {"garbage": 1})
    await puppet.closed()
    assert not bob.got(HeartbeatHeard)


async def test_the_larger_name_only_asks_and_is_no_connection(net, puppets):
    """It is still known: the node with the smaller name hangs up without a word, and dials."""
    ann, _ = net.make("ann", "bob", links=("lan",))
    await ann.links.start()
    puppet = await puppets(ann, "bob")
    await puppet.closed()
    assert ann.refused("bob") == {}
    assert not ann.up("bob")


@pytest.mark.parametrize(
    ("header", "reason"),
    [(b"\x02\xff\xff\xff", "oversized"), (b"\x05\x00\x10\x00", "oversized"), (b"\x63\x00\x00\x01", "garbage")],
)
async def test_a_frame_is_refused_by_its_header_alone(net, bob, ann, header, reason):
    ann.send(header)
    await net.until(lambda: bob.refused("ann") == {reason: 1})
    await ann.closed()
    await net.until(lambda: not bob.up("ann"))


async def test_a_stream_that_ends_inside_a_frame_is_truncated(net, bob, ann):
    ann.send(b"\x02\x00\x01\x00abc")
    ann.stream[1].write_eof()
    await net.until(lambda: bob.refused("ann") == {"truncated": 1})


async def test_a_second_hello_is_refused_and_the_connection_stays(net, bob, ann):
    ann.hello()
    await net.until(lambda: bob.refused("ann") == {"garbage": 1})
    assert bob.up("ann")


def bodies(net, ann):
    """Each broken message with the reason that it must be refused for."""
    good = ann.heartbeat(1)
    other, sign = net.identities["bob"], ann.identity.sign
    word = LastWord(ann.cluster, "ann", ann.run, "web", 1).encode()
    foreign = LastWord(os.urandom(32), "ann", ann.run, "web", 1).encode()
    return {
        "unsigned heartbeat": (Frame.HEARTBEAT, bytes(64) + good[64:], "unsigned"),
        "signed for another purpose": (Frame.HEARTBEAT, sign(Domain.EVENT, good[64:]) + good[64:], "bad-signature"),
        "signed by another": (Frame.HEARTBEAT, other.sign(Domain.HEARTBEAT, good[64:]) + good[64:], "bad-signature"),
        "a bit flipped": (Frame.HEARTBEAT, good[:75] + bytes([good[75] ^ 1]) + good[76:], "bad-signature"),
        "heartbeat of nobody": (Frame.HEARTBEAT, ann.heartbeat(1, node="eve"), "unknown-key"),
        "heartbeat of another cluster": (Frame.HEARTBEAT, ann.heartbeat(1, cluster=os.urandom(32)), "wrong-cluster"),
        "bytes behind a heartbeat": (Frame.HEARTBEAT, good + b"\xc0", "not-canonical"),
        "heartbeat that is none": (Frame.HEARTBEAT, bytes([1]) * 100, "not-canonical"),
        "heartbeat cut short": (Frame.HEARTBEAT, good[:64], "truncated"),
        "relayed heartbeat of nobody": (Frame.RELAYED, ann.heartbeat(1, node="eve"), "unknown-key"),
        "want of nothing": (Frame.WANT, Want("ann", 0, 1).encode(), "not-canonical"),
        "want that is none": (Frame.WANT, b"\xc1", "not-canonical"),
        "command that is none": (Frame.COMMAND, command_body(b"", b""), "not-canonical"),
        "batch of nothing": (Frame.BATCH, batch_body([]), "not-canonical"),
        "batch of garbage": (Frame.BATCH, batch_body([(b"x", bytes(64))]), "not-canonical"),
        "heads that are none": (Frame.HEADS, b"\x91\x01", "not-canonical"),
        "ping of nine twos": (Frame.PING, bytes([2]) * 9, "garbage"),
        "answer to nothing": (Frame.PONG, bytes(9), "garbage"),
        "last word of another cluster": (Frame.LAST_WORD, sign(Domain.LAST_WORD, foreign) + foreign, "wrong-cluster"),
        "forged last word": (Frame.LAST_WORD, signed_body(word, other.sign(Domain.LAST_WORD, word)), "bad-signature"),
        "a heartbeat as a last word": (Frame.LAST_WORD, good, "not-canonical"),
    }  # fmt: skip


async def test_each_broken_message_has_its_reason_and_the_connection_stays(net, bob, ann):
    expected = {}
    for what, (kind, body, reason) in bodies(net, ann).items():
        expected[reason] = expected.get(reason, 0) + 1
        ann.frame(kind, body)
        await net.until(lambda: bob.refused("ann") == expected, f"{what}: {bob.refused('ann')} instead of {expected}")
    assert not bob.got(HeartbeatHeard)
    assert not bob.got(BatchArrived)
    assert not bob.got(LastWordHeard)
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(1))
    await net.until(lambda: bob.heard("lan") == [1])


async def test_a_replayed_heartbeat_is_refused_on_the_same_way_and_welcome_on_another(net, bob, ann):
    body = ann.heartbeat(5)
    ann.frame(Frame.HEARTBEAT, body)
    ann.datagram(ann.sealer.seal(Inside.HEARTBEAT, body))
    await net.until(lambda: bob.heard() == [5, 5])
    assert bob.refused("ann") == {}
    ann.frame(Frame.HEARTBEAT, body)
    await net.until(lambda: bob.refused("ann") == {"replayed": 1})
    ann.datagram(ann.sealer.seal(Inside.HEARTBEAT, body))
    await net.until(lambda: bob.refused("ann") == {"replayed": 2})
    assert bob.heard() == [5, 5]


async def test_a_late_heartbeat_is_welcome_once_and_an_old_one_refused(net, bob, ann):
    """Under loss a stream delivers heartbeats after later ones came as datagrams: that is weather, not an attack."""
    for counter in (200, 199):
        ann.frame(Frame.HEARTBEAT, ann.heartbeat(counter))
    await net.until(lambda: bob.heard("lan") == [200, 199])
    assert bob.refused("ann") == {}
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(1))
    await net.until(lambda: bob.refused("ann") == {"replayed": 1})


async def test_what_a_stream_that_stood_still_delivers_is_late_and_no_replay(net, bob, ann):
    """After a stop of seconds the datagrams are read first, or the stream: the other way is then far behind, and genuine."""
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(1))
    await net.until(lambda: bob.heard() == [1])
    ann.datagram(ann.sealer.seal(Inside.HEARTBEAT, ann.heartbeat(300)))
    await net.until(lambda: bob.heard() == [1, 300])
    late = [ann.heartbeat(counter) for counter in range(2, 230)]
    for body in late:
        ann.frame(Frame.HEARTBEAT, body)
    ann.frame(Frame.RELAYED, late[0])
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(301))
    await net.until(lambda: bob.heard() == [1, 300, 301])
    assert bob.refused("ann") == {}
    for number, body in enumerate((late[-1], late[0]), start=1):
        ann.frame(Frame.HEARTBEAT, body)
        await net.until(lambda: bob.refused("ann") == {"replayed": number})  # noqa: B023
    assert bob.heard() == [1, 300, 301]


async def test_two_heartbeats_with_one_counter_are_refused(net, bob, ann):
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(1))
    ann.frame(Frame.HEARTBEAT, ann.heartbeat(1, fit=False))
    await net.until(lambda: bob.refused("ann") == {"replayed": 1})
    assert bob.heard("lan") == [1]


async def test_a_heartbeat_of_an_earlier_run_is_refused(net, bob, ann, puppets):
    old = ann.heartbeat(1)
    ann.frame(Frame.HEARTBEAT, old)
    await net.until(lambda: bob.heard("lan") == [1])
    again = await puppets(bob, "ann", run=b"run two!")
    again.hello()
    again.frame(Frame.HEARTBEAT, old)
    await net.until(lambda: bob.refused("ann").get("replayed") == 1)
    again.frame(Frame.RELAYED, ann.heartbeat(2))
    await net.until(lambda: bob.refused("ann").get("replayed") == 2)
    again.frame(Frame.HEARTBEAT, again.heartbeat(1))
    await net.until(lambda: bob.heard("lan") == [1, 1])


async def test_our_own_heartbeat_and_a_third_nodes_as_the_peers_own_are_refused(net, puppets):
    _, bob, cyd = net.make("ann", "bob", "cyd", links=("lan",))
    await bob.links.start()
    ann = await puppets(bob, "ann")
    ann.hello()
    for node in (bob, cyd):
        raw = node.heartbeat().encode()
        ann.frame(Frame.HEARTBEAT, signed_body(raw, node.identity.sign(Domain.HEARTBEAT, raw)))
    await net.until(lambda: bob.refused("ann") == {"replayed": 2})
    assert not bob.heard()


async def test_broken_batches_have_their_reasons(net, bob, ann):
    good = bob.feeds.grow(ann.identity, 4)
    pairs = [(entry.raw, entry.signature) for entry in good]
    claim = bob.feeds.grow(ann.identity, 1, incarnation=2, kind=Kind.CLAIM.value)[0]
    after = bob.feeds.grow(ann.identity, 1, incarnation=2)[0]
    foreign = bob.feeds.grow(ann.identity, 1, incarnation=3, cluster=os.urandom(32))[0]
    forged = bob.feeds.grow(net.identities["bob"], 1, incarnation=4)[0]
    cases = [
        ([(good[0].raw, None)], "unsigned"),
        ([(claim.raw, None), (after.raw, after.signature)], "unsigned"),
        ([(good[0].raw, good[1].signature)], "bad-signature"),
        ([(forged.raw, ann.identity.sign(Domain.EVENT, forged.id))], "bad-signature"),
        ([(good[0].raw, good[0].signature[:63])], "bad-signature"),
        ([pairs[0], pairs[2]], "garbage"),
        ([pairs[1], pairs[0]], "garbage"),
        ([pairs[0], pairs[0]], "garbage"),
        ([(foreign.raw, foreign.signature)], "wrong-cluster"),
        ([(good[0].raw + b"\xc0", good[0].signature)], "not-canonical"),
    ]
    expected = {}
    for broken, reason in cases:
        expected[reason] = expected.get(reason, 0) + 1
        ann.frame(Frame.BATCH, batch_body(broken))
        await net.until(lambda: bob.refused("ann") == expected, f"{bob.refused('ann')} instead of {expected}")
    assert not bob.got(BatchArrived)
    ann.frame(Frame.BATCH, batch_body([*pairs[:3], (good[3].raw, None)]))
    await net.until(lambda: len(bob.entries()) == 3, "what stands behind the last signature is left out")


async def test_broken_datagrams_have_their_reasons(net, bob, ann):
    good = ann.sealer.seal(Inside.HEARTBEAT, ann.heartbeat(1))
    ann.datagram(good)
    await net.until(lambda: bob.heard("lan", True) == [1])
    word = LastWord(ann.cluster, "ann", ann.run, "web", 1).encode()
    forged = net.identities["bob"].sign(Domain.LAST_WORD, word)
    unsealed = ann.heartbeat(2)
    unsigned = bytes(64) + unsealed[64:]
    for data, peer, reason in [
        (good, "ann", "replayed"),
        (good[:-1] + bytes([good[-1] ^ 1]), "ann", "replayed"),
        (ann.sealer.seal(Inside.HEARTBEAT, ann.heartbeat(3))[:-1] + b"x", "ann", "bad-signature"),
        (ann.sealer.seal(Inside.HEARTBEAT, unsigned), "ann", "unsigned"),
        (Sealer().seal(Inside.HEARTBEAT, ann.heartbeat(4)), "?", "unknown-key"),
        (MAGIC_SEALED + bytes(20), "?", "truncated"),
        (b"ab", "?", "truncated"),
        (b"hello, is anybody there?", "?", "garbage"),
        (bytes(1401), "?", "oversized"),
        (last_word_datagram(word, forged), "?", "bad-signature"),
        (last_word_datagram(word, bytes(64)), "?", "unsigned"),
        (last_word_datagram(b"", forged), "?", "truncated"),
    ]:
        before = bob.refused(peer).get(reason, 0)
        ann.datagram(data)
        await net.until(lambda: bob.refused(peer).get(reason, 0) == before + 1, f"{reason} from {peer}: {bob.links.status()}")  # noqa: B023
    assert bob.heard() == [1]
    assert not bob.got(LastWordHeard)


async def test_a_flood_of_last_words_costs_a_bounded_number_of_verifications(net, bob, ann):
    word = LastWord(ann.cluster, "ann", ann.run, "web", 1).encode()
    for _ in range(30):
        for _ in range(10):
            ann.datagram(last_word_datagram(word, os.urandom(64)))
        await asyncio.sleep(0)
    await net.until(lambda: bob.refused("?").get("garbage", 0) > 0)
    assert bob.refused("?")["bad-signature"] <= 200
    raw, signature = word, ann.identity.sign(Domain.LAST_WORD, word)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guard:
        guard.bind((bob.policy.nodes["ann"].links["lan"][0], 0))
        guard.sendto(last_word_datagram(raw, signature), bob.policy.nodes["bob"].links["lan"])
    await net.until(lambda: bob.got(LastWordHeard), "a flood from elsewhere does not silence a peer's guard")


async def test_connections_of_nobody_are_bounded_and_keep_no_peer_out(net, bob, puppets):
    address = bob.policy.nodes["bob"].links["lan"]
    streams = [await asyncio.open_connection(*address) for _ in range(80)]
    await net.until(lambda: bob.refused("?").get("tls", 0) >= 16)
    ann = await puppets(bob, "ann")
    ann.hello()
    await net.until(lambda: bob.up("ann"))
    for _, writer in streams:
        writer.transport.abort()


async def test_a_peer_that_says_more_than_its_share_is_read_slowly_and_to_the_end(net, bob, ann):
    """Nothing of it is lost, since a quota only delays; who says it is told, and datagrams go on meanwhile."""
    count, body = 100, b"\xc0" * 100_000
    for _ in range(count):
        ann.frame(Frame.HEADS, body)
    await net.until(lambda: set(bob.overfed) == {"ann"})
    assert bob.refused("ann")["not-canonical"] < count
    ann.datagram(ann.sealer.seal(Inside.HEARTBEAT, ann.heartbeat(1)))
    await net.until(lambda: bob.heard(datagram=True) == [1])
    assert bob.refused("ann")["not-canonical"] < count
    await net.until(lambda: bob.refused("ann")["not-canonical"] == count)
