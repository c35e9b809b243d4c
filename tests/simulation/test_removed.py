"""A node that was removed: what proves it to that node, and what it leaves to the others."""

from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.core import removal
from coordinator.core.commands import Resolved, Wanted
from coordinator.core.core import Core
from coordinator.core.inputs import RemovalShown
from protocol.commands import sign_command
from protocol.sshkey import FileKey
from tools.simulator.files import changed
from tools.simulator.keys import private_key
from tools.simulator.orders import armed, order
from tools.simulator.world import World

POLICY = armed(read(Path(__file__).parents[1] / "scenarios" / "three-nodes.toml", files=False))
GONE = changed(POLICY, "lukretia", ["removed"])


@pytest.fixture
def world() -> World:
    world = World(POLICY, seed=4)
    world.start(*POLICY.nodes)
    world.run_until_ms(5_000)
    return world


def core_of(world: World, node: str) -> Core:
    faild = world.hosts[node].faild
    assert faild is not None, "it runs"
    return faild.core


def apply_of(world: World, text: str = GONE.text, nth: str = "removal") -> RemovalShown:
    """What genesis would show, had an administrator given it this file."""
    found = core_of(world, "genesis").commands.resolve(Wanted("apply", "", "genesis", GONE.digest))
    assert isinstance(found, Resolved)
    signed = order(POLICY, nth, Wanted("apply", "", "genesis", GONE.digest), found)
    return RemovalShown("genesis", signed.raw, signed.signature, text)


def show(world: World, shown: RemovalShown) -> None:
    faild = world.hosts["lukretia"].faild
    assert faild is not None, "it runs"
    faild.post(shown)
    world.run_until_ms(world.now_ms + 3_000)


def test_a_signed_order_ends_what_it_holds(world: World) -> None:
    show(world, apply_of(world))
    assert world.owners("web") != ("lukretia",)
    shown = core_of(world, "lukretia").column.removed
    assert shown is not None
    assert (shown.number, shown.by) == (2, "genesis")


@pytest.mark.parametrize("how", ["nobody", "thief", "word", "text", "named"])
def test_what_is_not_signed_so_takes_nothing_away(world: World, how: str) -> None:
    """A word alone, an order by the thief's own key, an order about something else, another file, one that names the node."""
    proof = apply_of(world)
    signed = core_of(world, "genesis")
    found = signed.commands.resolve(Wanted("hold", "web", ""))
    assert isinstance(found, Resolved)
    other = order(POLICY, "other", Wanted("hold", "web", ""), found)
    stolen = sign_command(order_of(world)._replace(digest=GONE.digest), FileKey(private_key("a thief")))
    shown = {
        "nobody": replace(proof, command=b"", signature=b"", text=""),
        "thief": replace(proof, command=stolen.raw, signature=stolen.signature),
        "word": replace(proof, command=other.raw, signature=other.signature),
        "text": replace(proof, text=changed(GONE, "timing", ["dead=900ms"]).text),
        "named": replace(proof, text=POLICY.text),
    }[how]
    show(world, shown)
    assert world.owners("web") == ("lukretia",)
    assert core_of(world, "lukretia").column.removed is None


def order_of(world: World):
    found = core_of(world, "genesis").commands.resolve(Wanted("apply", "", "genesis", GONE.digest))
    assert isinstance(found, Resolved)
    return order(POLICY, "stolen", Wanted("apply", "", "genesis", GONE.digest), found).command


def test_an_order_of_before_is_over(world: World) -> None:
    """Removed by one order and back by the next: to show the first one again shows nothing."""
    world.hosts["lukretia"].stop()
    world.run_until_ms(8_000)
    proof = apply_of(world)
    for file in (GONE, POLICY):
        for node in ("genesis", "carthage"):
            world.hosts[node].apply(file)
        world.run_until_ms(world.now_ms + 2_000)
    world.start("lukretia")
    world.run_until_ms(world.now_ms + 6_000)
    assert world.owners("web") == ("lukretia",)
    show(world, proof)
    assert world.owners("web") == ("lukretia",)
    assert core_of(world, "lukretia").column.removed is None


def test_the_word_of_a_candidate_restrains_as_long_as_it_is_said(world: World) -> None:
    """Without a signature: what it may hold itself is not taken, and for ten seconds."""
    for node in ("lukretia", "genesis", "carthage"):
        world.hosts[node].stop()
    world.run_until_ms(8_000)
    world.start("lukretia")
    faild = world.hosts["lukretia"].faild
    assert faild is not None, "a start takes no time here"
    faild.post(RemovalShown("genesis", b"", b"", ""))
    world.run_until_ms(8_000 + removal.WORD_MS - 500)
    assert world.owners("web") == ()
    assert "does not name lukretia" in core_of(world, "lukretia").services.sentences["web"]
    world.run_until_ms(world.now_ms + 3_000)
    assert world.owners("web") == ("lukretia",)


def test_a_rebuilt_node_gets_the_feed_of_a_removed_one() -> None:
    """Its key stands in a file that this node has run itself, as its own feed tells: that one comes back first."""
    world = World(POLICY, seed=4, real_keys=True)
    world.start(*POLICY.nodes)
    world.run_until_ms(5_000)
    world.hosts["carthage"].stop()
    world.run_until_ms(7_000)
    for node in ("lukretia", "genesis"):
        world.hosts[node].apply(changed(POLICY, "carthage", ["removed"]))
    world.run_until_ms(9_000)
    world.forget("genesis")
    world.start("genesis")
    world.run_until_ms(25_000)
    theirs = {feed: head for feed, head in world.hosts["lukretia"].disk.heads.items() if feed[0] == "carthage"}
    assert theirs
    assert theirs.items() <= world.hosts["genesis"].disk.heads.items()
