"""The nodes of a cluster and the links between them: every pair has one in common, and no two share a key or an address."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType

from coordinator.policy import NodePolicy
from protocol.keys import parse_key
from protocol.stored.table import Table, flag, need, table, text
from protocol.stored.values import endpoint, host_address, key_of, name_of

LINK_PORT = 1291
NODES = range(2, 17)


def node(name: str, it: Table) -> NodePolicy:
    key = it.take("key", lambda value: key_of(parse_key, value))
    links = it.take("links", lambda value: {name_of(link): _link(end) for link, end in table(value).rest().items()})
    witness = it.take("witness", flag, False)
    it.done()
    need(bool(links), "a node without a link")
    return NodePolicy(name, key, MappingProxyType(links), witness)


def _link(value: object) -> tuple[str, int]:
    host, port = endpoint(text(value), LINK_PORT)
    host_address(host)
    return host, port


def fit_together(nodes: Mapping[str, NodePolicy]) -> None:
    need(len(nodes) in NODES, f"{len(nodes)} nodes")
    keys = [node.key for node in nodes.values()]
    need(len(keys) == len(set(keys)), "two nodes have one key")
    ends = [(link, host_address(host), port) for node in nodes.values() for link, (host, port) in node.links.items()]
    taken = [(host, port) for _, host, port in ends]
    need(len(taken) == len(set(taken)), "two ends of links have one address")
    for link in {link for link, _, _ in ends}:
        versions = [host.version for other, host, _ in ends if other == link]
        need(len(versions) > 1, f"link {link} has no other end")
        need(len(set(versions)) == 1, f"link {link} has ends of two families")
    for one, other in itertools.combinations(nodes.values(), 2):
        need(bool(one.links.keys() & other.links.keys()), f"{one.name} and {other.name} have no link in common")
