"""Whose key proves a feed: the file's, and for nodes that it no longer names those of the files that were in force before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.config import read
from coordinator.core.inputs import Reconfigured
from coordinator.policy import Policy
from coordinator.state.stored_file import read_policy
from coordinator.trust import known_keys
from protocol.keys import NodeKeyring, key_text
from store.verify_log import Row, look
from tools.simulator.orders import armed
from tools.simulator.world import World

POLICY = armed(read(Path(__file__).parents[1] / "scenarios" / "three-nodes.toml", files=False))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """What lukretia's disk holds after all three have run, with real signatures."""
    world = World(POLICY, seed=3, real_keys=True)
    world.start(*POLICY.nodes)
    world.run_until_ms(4_000)
    return rows_of(world)


def rows_of(world: World) -> list[Row]:
    return [Row(*entry.ref, entry.raw, entry.signature) for entry in world.hosts["lukretia"].disk.entries()]


def without(policy: Policy, *nodes: str) -> Policy:
    kept = {name: node for name, node in policy.nodes.items() if name not in nodes}
    return replace(policy, nodes=MappingProxyType(kept))


def test_a_removed_node_is_proved_by_the_key_that_it_had(rows: list[Row]) -> None:
    """Else no node would start on its log again, and no auditor could verify it."""
    newest = without(POLICY, "carthage")
    keys = known_keys(newest, rows)
    assert keys["carthage"] == POLICY.nodes["carthage"].key
    assert look(rows, NodeKeyring(keys), POLICY.cluster_id).findings == []
    alone = NodeKeyring({name: node.key for name, node in newest.nodes.items()})
    assert {finding.node for finding in look(rows, alone, POLICY.cluster_id).findings} == {"carthage"}


def test_what_nobody_of_the_file_has_signed_gives_no_key(rows: list[Row]) -> None:
    """carthage's own word about its key is no proof of it."""
    theirs = [row for row in rows if row.node == "carthage"]
    assert "carthage" not in known_keys(without(POLICY, "carthage"), theirs)
    unsigned = [row._replace(signature=None) for row in rows]
    assert "carthage" not in known_keys(without(POLICY, "carthage"), unsigned)


def test_nobody_gives_a_known_node_another_key() -> None:
    """genesis applies a file in which the others have keys of its own making: the file, and the oldest one, stand."""
    world = World(POLICY, seed=3, real_keys=True)
    world.start(*POLICY.nodes)
    world.run_until_ms(4_000)
    text = POLICY.text
    for name, seed in (("lukretia", b"1" * 32), ("carthage", b"2" * 32)):
        forged = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        text = text.replace(key_text(POLICY.nodes[name].key), key_text(forged))
    assert read_policy(text), "a file that every user can read"
    genesis = world.hosts["genesis"].faild
    assert genesis is not None
    genesis.post(Reconfigured(replace(POLICY, text=text, digest=b"l" * 32)))
    world.run_until_ms(5_000)
    keys = known_keys(without(POLICY, "carthage"), rows_of(world))
    assert keys == {name: node.key for name, node in POLICY.nodes.items()}


def forgeries() -> Iterator[Policy]:
    """The same file with other keys of carthage."""
    for seed in range(1, 99):
        forged = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()
        file = read_policy(POLICY.text.replace(key_text(POLICY.nodes["carthage"].key), key_text(forged)))
        assert file is not None
        yield file


def test_nobody_gives_a_removed_node_another_key() -> None:
    """genesis has lived by a file of its own making, under the lowest number; two have lived by the other."""
    world = World(POLICY, seed=3, real_keys=True)
    mine = next(file for file in forgeries() if file.digest < POLICY.digest)  # at one number the lower hash comes first
    world.hosts["genesis"].file = mine
    world.start("genesis")
    world.run_until_ms(3_000)
    for node in ("lukretia", "genesis"):
        world.hosts[node].apply(POLICY)
    world.start(*POLICY.nodes)
    world.run_until_ms(7_000)
    entries = [entry for name in ("lukretia", "genesis") for entry in world.hosts[name].disk.entries()]
    found = [Row(*entry.ref, entry.raw, entry.signature) for entry in {entry.ref: entry for entry in entries}.values()]
    numbers = {
        (entry.event.node, entry.event.body["digest"] == mine.digest): entry.event.body["number"]
        for entry in entries
        if entry.event.kind == "config-applied"
    }
    assert numbers[("genesis", True)] < numbers[("genesis", False)], "the forged file came first"
    assert known_keys(without(POLICY, "carthage"), found)["carthage"] == POLICY.nodes["carthage"].key
