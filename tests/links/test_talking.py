"""Two nodes meet on two links and tell each other everything, each in its way."""

import pytest

from coordinator.core.inputs import HeadsArrived, LinkChanged


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
    await net.until(lambda: all(line.rtt_ms is not None for node in (ann, bob) for line in node.links.status()))
    for node, peer in ((ann, bob), (bob, ann)):
        node.beat()
        await net.until(lambda: len(peer.heard()) == 2 * len(links), "four copies")  # noqa: B023
        for link in links:
            assert peer.heard(link, datagram=True) == peer.heard(link, datagram=False) == [1]
        assert peer.refused(node.name, links[0]) == {}
    verified = {id(item.heartbeat) for item in bob.inbox if hasattr(item, "heartbeat")}
    assert len(verified) == 1, "verified once, whatever the number of copies"
