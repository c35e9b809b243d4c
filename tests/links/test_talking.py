"""Two or three nodes meet on their links and tell each other everything, each kind in its way."""

import socket

import pytest

from coordinator.core.inputs import (
    BatchArrived,
    CommandArrived,
    HeadsArrived,
    HeartbeatHeard,
    LastWordHeard,
    LinkChanged,
    ReplyArrived,
)
from protocol.bodies import Reply
from protocol.commands import Command, sign_command
from protocol.datagram import last_word_datagram
from protocol.kinds import Kind
from protocol.messages import Domain, LastWord, Verified


def settled(*nodes):
    """Every link has measured its round trip, so its datagrams go too."""
    return lambda: all(line.rtt_ms is not None for node in nodes for line in node.links.status())


async def test_they_meet_on_every_link_and_compare_heads(net):
    ann, bob = net.make("ann", "bob")
    entries = bob.feeds.grow(bob.identity, 3)
    await ann.links.start()
    await bob.links.start()
    await net.until(lambda: all(a.up(b, link) for a, b in ((ann, "bob"), (bob, "ann")) for link in ("lan", "direct")))
    assert {item.heads for item in ann.got(HeadsArrived)} == {(entries[-1].head,)}
    assert {(item.peer, item.heads) for item in bob.got(HeadsArrived)} == {("ann", ())}
    assert [(item.link, item.up) for item in ann.got(LinkChanged)].count(("lan", True)) == 1


@pytest.mark.parametrize("links", [("lan", "direct"), ("six",)])
async def test_a_heartbeat_comes_on_every_link_by_both_transports(net, links):
    ann, bob = await net.start("ann", "bob", links=links)
    await net.until(settled(ann, bob))
    for node, peer in ((ann, bob), (bob, ann)):
        node.beat()
        await net.until(lambda: len(peer.heard()) == 2 * len(links), "every copy")  # noqa: B023
        for link in links:
            assert peer.heard(link, datagram=True) == peer.heard(link, datagram=False) == [1]
        assert peer.refused(node.name, links[0]) == {}
    assert len({id(item.heartbeat) for item in bob.got(HeartbeatHeard)}) == 1, "verified once, whatever the number of copies"


async def test_status_says_that_both_transports_work(net):
    ann, bob = await net.start("ann", "bob")

    def good():
        for node in (ann, bob):
            node.beat()
        lines = ann.links.status() + bob.links.status()
        return all(line.up and line.datagram and line.rtt_ms > 0 and not line.refused for line in lines)

    await net.until(good)


async def test_pushed_entries_arrive_on_every_link_and_urgent_ones_as_datagrams_too(net):
    ann, bob = await net.start("ann", "bob")
    await net.until(settled(ann, bob))
    calm = ann.feeds.grow(ann.identity, 2, every=2)
    ann.links.push(calm, urgent=False)
    await net.until(lambda: len(bob.got(BatchArrived)) == 2)
    assert all(item.batch.entries == tuple(calm) and item.source == "ann" for item in bob.got(BatchArrived))
    claim = ann.feeds.grow(ann.identity, 1, kind=Kind.CLAIM.value)
    ann.links.push(claim, urgent=True)
    await net.until(lambda: len(bob.got(BatchArrived)) == 6, "two links, two transports")


async def test_an_urgent_push_too_long_for_a_datagram_goes_by_its_signed_entries(net):
    """The claim alone fits: it must not wait for a stream because of what happens to be pushed with it."""
    ann, bob = await net.start("ann", "bob", links=("lan",))
    await net.until(settled(ann, bob))
    long = ann.feeds.grow(ann.identity, 1, body={"text": "x" * 2000})
    claim = ann.feeds.grow(ann.identity, 1, kind=Kind.CLAIM.value)
    ann.links.push(long + claim, urgent=True)
    await net.until(lambda: len(bob.got(BatchArrived)) == 2)
    assert sorted(len(item.batch.entries) for item in bob.got(BatchArrived)) == [1, 2]


@pytest.mark.parametrize(("count", "every"), [(1, 1), (700, 1), (700, 300), (2000, 2000)])
async def test_a_want_is_served_from_the_log_until_nothing_is_left(net, count, every):
    ann, bob = await net.start("ann", "bob", links=("lan",))
    entries = ann.feeds.grow(ann.identity, count, every=every)
    bob.links.want("ann", "ann", 1, 1)
    await net.until(lambda: len(bob.entries()) >= count)
    assert [entry.id for entry in bob.entries()] == [entry.id for entry in entries]
    assert bob.refused("ann") == {}


async def test_asking_again_while_being_served_sends_nothing_twice(net):
    """A core asks at every heartbeat until it has everything: catching up must not begin anew each time."""
    ann, bob = await net.start("ann", "bob", links=("lan",))
    ann.feeds.grow(ann.identity, 500)
    for _ in range(50):
        bob.links.want("ann", "ann", 1, 1)
    await net.until(lambda: len(bob.entries()) >= 500)
    assert len(bob.entries()) <= 1000


async def test_the_unsigned_tail_of_a_feed_is_not_served(net):
    ann, bob = await net.start("ann", "bob", links=("lan",))
    entries = ann.feeds.grow(ann.identity, 3)
    ann.feeds.entries["ann", 1][2] = entries[2].signed(b"")
    bob.links.want("ann", "ann", 1, 1)
    await net.until(lambda: ann.feeds.reads >= 2)
    await net.until(lambda: len(bob.entries()) == 2)


async def test_third_parties_feeds_are_served_too(net):
    ann, bob, cyd = net.make("ann", "bob", "cyd", links=("lan",))
    for node in (ann, bob):
        await node.links.start()
    await net.until(lambda: bob.met("ann"))
    ann.feeds.grow(cyd.identity, 5)
    bob.links.want("ann", "cyd", 1, 1)
    await net.until(lambda: len(bob.entries()) == 5)


async def test_only_what_no_heartbeat_names_is_told_again(net):
    """Once to each peer, however many links there are; nothing where nothing was replaced."""
    ann, bob = await net.start("ann", "bob")
    await net.until(lambda: len(bob.got(HeadsArrived)) == 2)
    ann.feeds.grow(ann.identity, 3, incarnation=4)
    ann.links.show_heads()
    old = ann.feeds.grow(ann.identity, 2, incarnation=3)
    ann.links.show_heads()
    await net.until(lambda: len(bob.got(HeadsArrived)) == 3)
    assert bob.got(HeadsArrived)[-1] == HeadsArrived("ann", (old[-1].head,))


async def test_a_relayed_heartbeat_names_no_link_and_may_be_repeated(net):
    ann, bob, cyd = net.make("ann", "bob", "cyd", links=("lan",))
    for node in (ann, bob):
        await node.links.start()
    await net.until(lambda: bob.met("ann") and ann.met("bob"))
    raw = cyd.heartbeat().encode()
    for _ in range(3):
        ann.links.relay("bob", raw, cyd.identity.sign(Domain.HEARTBEAT, raw))
    await net.until(lambda: len(bob.heard("")) >= 3)
    assert {item.heartbeat.message.node for item in bob.got(HeartbeatHeard)} == {"cyd"}
    assert bob.refused("ann") == {}


async def test_a_last_word_comes_by_both_transports_and_from_a_guard_without_a_key(net):
    ann, bob = await net.start("ann", "bob", links=("lan",))
    word = LastWord(ann.policy.cluster_id, "ann", ann.run, "web", 7)
    raw = word.encode()
    signed = Verified(word, raw, ann.identity.sign(Domain.LAST_WORD, raw))
    ann.links.say(signed)
    await net.until(lambda: len(bob.got(LastWordHeard)) == 2)
    shout(last_word_datagram(raw, signed.signature), bob)
    await net.until(lambda: len(bob.got(LastWordHeard)) == 3)
    assert {item.word for item in bob.got(LastWordHeard)} == {signed}


def shout(data, node, link="lan"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(data, node.policy.nodes[node.name].links[link])


async def test_a_command_is_passed_on_and_an_expired_one_refused(net, operator):
    key, operators = operator
    ann, bob = await net.start("ann", "bob", links=("lan",), operators=operators)
    order = Command(ann.policy.cluster_id, "afm", "fail", "web", "", "a test", 0, 0, 1_050_000, bytes(16))
    signed = sign_command(order, key)
    assert ann.links.forward("bob", signed)
    await net.until(lambda: bob.got(CommandArrived))
    assert bob.got(CommandArrived) == [CommandArrived(signed, 0, "ann")]
    ann.links.reply("bob", Reply(bytes(16), True, True, "done"))
    await net.until(lambda: bob.got(ReplyArrived) == [ReplyArrived("ann", Reply(bytes(16), True, True, "done"))])
    for count, wall_ms in enumerate((1_050_001, 989_999), 1):  # over; and good for longer than a minute
        bob.wall_ms = wall_ms
        assert ann.links.forward("bob", signed)
        await net.until(lambda count=count: bob.refused("ann") == {"expired": count})
        await net.until(lambda count=count: len(ann.got(ReplyArrived)) == count)
    assert all("expire" in said.reply.text and not said.reply.admitted for said in ann.got(ReplyArrived))
    assert len(bob.got(CommandArrived)) == 1


async def test_a_command_for_a_peer_that_is_not_connected_is_refused_not_dropped(net, operator):
    key, operators = operator
    (ann, _) = net.make("ann", "bob", links=("lan",), operators=operators)
    await ann.links.start()
    order = Command(ann.policy.cluster_id, "afm", "fail", "web", "", "a test", 0, 0, 1_050_000, bytes(16))
    assert not ann.links.forward("bob", sign_command(order, key))
