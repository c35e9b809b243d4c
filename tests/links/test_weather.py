"""Bad lines: what stalls on one transport goes on by the other, and what comes back is used at once."""

import asyncio
import gc
import os
from dataclasses import replace

import pytest

from coordinator.core.inputs import HeadsArrived, HeartbeatHeard, LinkChanged
from coordinator.policy import NodePolicy, Timing
from coordinator.transport.connection import WRITE_BUFFER_BYTES
from coordinator.transport.links import LinksUnusable
from protocol.bodies import Want, read_signed
from protocol.frames import Kind as Frame
from protocol.keys import UnusableKey
from protocol.messages import Heartbeat
from protocol.signing import Identity


async def through_a_wire(net, wires):
    """Ann reaches bob only through a wire; bob's datagrams for ann go the same way back through another."""
    ann, bob = net.make("ann", "bob", links=("lan",), timing=Timing(heartbeat_ms=5))
    places = {name: net.address(name, "lan", ["ann", "bob", "wire to ann", "wire to bob"]) for name in ("ann", "bob")}
    behind = {
        name: net.address(f"wire to {name}", "lan", ["ann", "bob", "wire to ann", "wire to bob"]) for name in ("ann", "bob")
    }
    made = {}
    for node, peer in ((ann, "bob"), (bob, "ann")):
        made[peer] = await wires(behind[peer], places[peer])
        nodes = dict(node.policy.nodes)
        nodes[peer] = NodePolicy(peer, nodes[peer].key, {"lan": behind[peer]})
        node.policy = replace(node.policy, nodes=nodes)
        node.make()
        await node.links.start()
    await net.until(lambda: ann.up("bob") and bob.up("ann"))
    return ann, bob, made["ann"], made["bob"]


def beat_until(net, nodes, condition):
    """All nodes send heartbeats until it holds."""

    def both():
        for node in nodes:
            node.beat()
        return condition()

    return net.until(both)


async def test_where_datagrams_are_blocked_tls_carries_on_and_status_says_so(net, wires):
    ann, bob, to_ann, to_bob = await through_a_wire(net, wires)
    await beat_until(net, (ann, bob), lambda: ann.line("bob").datagram and bob.line("ann").datagram)
    to_bob.datagrams = to_ann.datagrams = False
    await beat_until(net, (ann, bob), lambda: not ann.line("bob").datagram and not bob.line("ann").datagram)
    before = len(bob.heard("lan", datagram=False))
    await beat_until(net, (ann,), lambda: len(bob.heard("lan", datagram=False)) > before + 5)
    assert ann.line("bob").up
    assert bob.refused("ann") == ann.refused("bob") == {}


async def test_datagrams_blocked_one_way_are_not_called_working(net, wires):
    ann, bob, _, to_bob = await through_a_wire(net, wires)
    to_bob.datagrams = False
    await beat_until(net, (ann, bob), lambda: ann.heard("lan", datagram=True) and bob.heard("lan", datagram=False))
    assert not bob.heard("lan", datagram=True)
    await asyncio.sleep(0)
    assert not ann.line("bob").datagram
    assert not bob.line("ann").datagram


@pytest.mark.parametrize("stalled", [(0, 1), (0,), (1,)], ids=["both ways", "to bob", "to ann"])
async def test_a_stalled_stream_is_dialled_anew_as_soon_as_a_datagram_gets_through(net, wires, stalled):
    """After a split the old connection waits seconds for its next retransmission, in one direction or both. The first
    datagram is faster: the side that dials does so, the other knocks."""
    ann, bob, _, to_bob = await through_a_wire(net, wires)
    await beat_until(net, (ann, bob), lambda: ann.line("bob").datagram and bob.line("ann").datagram)
    assert to_bob.connects == 1
    ways = [to_bob.there_and_back[way] for way in stalled]
    for way in ways:
        way.clear()
    met = len(ann.got(HeadsArrived))
    await beat_until(net, (ann, bob), lambda: to_bob.connects >= 2)
    for way in ways:
        way.set()
    await beat_until(net, (ann, bob), lambda: len(ann.got(HeadsArrived)) > met and ann.line("bob").up and bob.line("ann").up)
    for node in (ann, bob):
        assert [item.up for item in node.got(LinkChanged)] == [True], "the link was never without a connection"
    assert bob.refused("ann") == ann.refused("bob") == {}


async def test_a_restarted_peer_is_met_again_on_every_link(net):
    ann, bob = await net.start("ann", "bob")
    await bob.links.close()
    await net.until(lambda: not ann.up("bob") and not ann.up("bob", "direct"))
    bob.make()
    await bob.links.start()
    await net.until(lambda: ann.up("bob") and ann.up("bob", "direct"))
    bob.beat()
    await net.until(lambda: {item.heartbeat.message.run for item in ann.got(HeartbeatHeard)} == {bob.run})
    assert ann.refused("bob") == {}


async def test_one_link_lost_leaves_the_other(net):
    ann, bob = await net.start("ann", "bob")
    smaller = net.policy(["ann", "bob"], ["direct"])
    await bob.links.reconfigure(smaller)
    await net.until(lambda: not ann.up("bob") and ann.up("bob", "direct"))
    ann.beat()
    await net.until(lambda: bob.heard("direct", datagram=False) == [1])
    assert not bob.heard("lan")


async def test_a_peer_that_does_not_read_gets_the_newest_heartbeat_when_it_does(net, puppets):
    """Nothing waits for it and nothing piles up; of what it missed it is told the newest heartbeat only."""
    _, bob = net.make("ann", "bob", links=("lan",))
    await bob.links.start()
    ann = await puppets(bob, "ann")
    ann.hello()
    await net.until(lambda: bob.up("ann"))
    bob.feeds.grow(bob.identity, 400, body={"text": "x" * 20_000})
    ann.frame(Frame.WANT, Want("bob", 1, 1).encode())
    connection = bob.links._wiring.links["ann", "lan"].connection
    await net.until(lambda: connection.paused)
    for _ in range(50):
        bob.beat()
    assert connection._transport.get_write_buffer_size() < 2 * WRITE_BUFFER_BYTES + 2**20
    while not (beats := [body for kind, body in ann.frames if kind is Frame.HEARTBEAT]):
        await ann.read()
    assert [Heartbeat.decode(read_signed(body)[0]).counter for body in beats] == [50]


async def test_a_link_that_cannot_be_listened_on_is_a_sentence_and_leaves_nothing_open(net):
    ann, bob = await net.start("ann", "bob", links=("lan",))
    again = net.policy(["ann", "bob"], ["lan"])
    twin = type(ann)(ann.identity, again).make()
    with pytest.raises(LinksUnusable, match=r"link lan: cannot listen on 127\..*Does another faild run"):
        await twin.links.start()
    await twin.links.close()
    ann.beat()
    await net.until(lambda: len(bob.heard()) >= 1)


async def test_links_follow_another_configuration(net):
    """A third node is added, a key is changed: what stays the same stays connected."""
    ann, bob = await net.start("ann", "bob", links=("lan",))
    three = net.policy(["ann", "bob", "cyd"], ["lan"])
    cyd = type(ann)(net.identities["cyd"], three).make()
    net.nodes["cyd"] = cyd
    await cyd.links.start()
    for node in (ann, bob):
        await node.links.reconfigure(three)
    await net.until(lambda: all(a.up(b.name) for a in (ann, bob, cyd) for b in (ann, bob, cyd) if a is not b))
    assert [item.up for item in ann.got(LinkChanged) if item.peer == "bob"] == [True]
    bad = {**three.nodes, "cyd": replace(three.nodes["cyd"], key=b"\x01" + bytes(31))}
    with pytest.raises(UnusableKey, match="cyd"):
        await ann.links.reconfigure(replace(three, nodes=bad))
    assert ann.line("cyd") is not None
    other = {**three.nodes, "cyd": replace(three.nodes["cyd"], key=Identity.fresh("cyd").public)}
    await ann.links.reconfigure(replace(three, nodes=other))
    await net.until(lambda: not ann.up("cyd"))
    assert ann.up("bob")


async def test_closing_leaves_no_task_and_no_socket(net):
    gc.collect()  # what a test before left behind is closed now, and not while this one counts
    before = asyncio.all_tasks()
    files = len(os.listdir("/proc/self/fd"))
    ann, bob = await net.start("ann", "bob")
    ann.beat()
    await ann.links.close()
    await bob.links.close()
    await net.until(lambda: asyncio.all_tasks() == before)
    await net.until(lambda: len(os.listdir("/proc/self/fd")) <= files)
