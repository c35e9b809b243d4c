"""Accidents that a seed found: each with the seed, what had gone wrong, and the smallest scenario that shows it.

A seed finds something else once the code has moved on: what stays is the scenario.
"""

import re
from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.core.feed_index import FeedIndex
from coordinator.core.feed_writer import FeedWriter
from coordinator.core.inputs import BatchArrived, Now
from protocol.events import Pulse
from protocol.kinds import Kind
from protocol.messages import Batch, Domain
from tools.simulator.command import sentence
from tools.simulator.orders import armed
from tools.simulator.runner import play
from tools.simulator.script import read_script
from tools.simulator.world import World

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.scenario"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_does_not_happen_again(path: Path, seed: int) -> None:
    text = path.read_text()
    first, second, third = text.splitlines()[:3]
    assert re.match(r"# .{20,}\.$", first), "a scenario begins with a sentence that tells the accident"
    assert re.match(r"# seed: [0-9, ]+\. .{20,}\.$", third), "the third line has the seed, and what had gone wrong"
    policy = read(HERE / second.removeprefix("# configuration: "), files=False)
    report = play(policy, read_script(path.name, text, policy), seed)
    assert not report.failed, "\n" + "\n".join(sentence(outcome) for outcome in report.outcomes)


def test_what_is_written_together_with_the_end_of_an_old_life_is_signed() -> None:
    """Seed 20000. Own events of an earlier incarnation, fetched back, stood behind a new one in its commit.

    The last own entry without a signature was taken for the new event: the new one stayed unsigned, no peer took it, and
    the next start would have refused the log.
    """
    policy = armed(read(HERE.parent / "scenarios" / "two-nodes.toml", files=False))
    world = World(policy, seed=0, real_keys=True)
    disk, signer = world.hosts["lukretia"].disk, world.keys.signer("lukretia")
    now = Now(0, 0, 0)
    old, new = FeedWriter(policy.cluster_id, "lukretia", FeedIndex()), FeedWriter(policy.cluster_id, "lukretia", FeedIndex())
    old.open(7, {})
    new.open(8, {})
    fetched = [old.write("", Pulse(gaps={}), (), now) for _ in range(3)]
    fetched[2] = fetched[2].signed(signer.sign(Domain.EVENT, fetched[2].id))
    disk.append([new.write("", Pulse(gaps={}), (), now), *fetched], lambda result: None)
    world.run_until_ms(10)
    assert [bool(entry.signature) for entry in disk.feed("lukretia", 8)] == [True]
    assert [bool(entry.signature) for entry in disk.feed("lukretia", 7)] == [False, False, True]


def test_the_end_of_an_old_life_reaches_those_who_missed_it() -> None:
    """Seed 213. One node alone heard the last events of a feed before its author lost the disk and began a new one.

    Heartbeats name the newest incarnation only: the third node never learned that the old one had gone on.
    """
    policy = armed(read(HERE.parent / "scenarios" / "three-nodes.toml", files=False))
    world = World(policy, seed=0)
    world.start("lukretia", "genesis", "carthage")
    world.run_until_ms(4_000)
    for a, b in (("lukretia", "carthage"), ("genesis", "carthage")):
        world.network.cut([*world.network.ways(a, b), *world.network.ways(b, a)])
    world.run_until_ms(5_000)
    world.order("fail", "web", "lukretia")
    world.run_until_ms(6_000)
    world.forget("lukretia")
    world.run_until_ms(7_000)
    world.start("lukretia")
    world.run_until_ms(10_000)
    world.network.heal_all()
    world.run_until_ms(15_000)
    heads = [world.hosts[node].disk.as_heads() for node in world.hosts]
    assert heads[0] == heads[1] == heads[2]
    assert len([head for head in heads[0] if head.node == "lukretia"]) == 2


@pytest.mark.parametrize("later", [False, True], ids=["while they are connected", "while they are cut off"])
def test_the_end_of_an_old_life_is_passed_on_by_whoever_learns_of_it_later(later: bool) -> None:
    """Seed 80214. Heads were compared on connecting only: what came to the one afterwards never came to the other."""
    policy = armed(read(HERE.parent / "scenarios" / "three-nodes.toml", files=False))
    world = World(policy, seed=0)
    world.start("lukretia", "genesis", "carthage")
    world.run_until_ms(4_000)
    old = FeedWriter(policy.cluster_id, "lukretia", FeedIndex())
    old.open(7, {})
    written = [old.write("", Pulse(gaps={}), (), Now(0, 0, 0)) for _ in range(3)]
    known = [entry.signed(world.keys.signer("lukretia").sign(Domain.EVENT, entry.id)) for entry in written]
    network = world.network
    if later:
        network.cut([*network.ways("genesis", "carthage"), *network.ways("carthage", "genesis")])
    genesis = world.hosts["genesis"].faild
    assert genesis is not None
    genesis.post(BatchArrived(Batch(tuple(known)), "lukretia"))
    world.run_until_ms(5_000)
    network.heal_all()
    world.run_until_ms(7_000)
    assert {name: len(host.disk.feed("lukretia", 7)) for name, host in world.hosts.items()} == {
        "lukretia": 3,
        "genesis": 3,
        "carthage": 3,
    }


def test_what_the_disk_refused_is_remembered_by_the_name_that_it_has_now() -> None:
    """Seed 51117. A judgement named itself as its cause, which is unlawful.

    A pulse and the loss of a link went to the disk together and were refused: the pulse never was, the loss was written again
    under the pulse's number, and what remembered it went on with its old one. Another event got that number.
    """
    world = World(armed(read(HERE.parent / "scenarios" / "two-nodes.toml", files=False)), seed=0)
    world.start("lukretia", "genesis")
    world.run_until_ms(4_000)
    host = world.hosts["genesis"]
    assert host.faild is not None
    core = host.faild.core
    host.disk.fill()
    core.context.note(Pulse(gaps={}))
    core.witnessing._link("lukretia", "lan", False)
    before = core.witnessing.link_ref["lukretia", "lan"]
    world.run_until_ms(5_000)
    after = core.witnessing.link_ref["lukretia", "lan"]
    assert after != before
    host.disk.release()
    network = world.network
    network.cut([*network.ways("lukretia", "genesis", None), *network.ways("genesis", "lukretia", None)])
    world.run_until_ms(8_000)
    kinds = {entry.ref: entry.event.kind for entry in world.entries()}
    judged = [entry.event for entry in world.entries() if entry.event.node == "genesis" and entry.event.kind == Kind.JUDGED]
    assert {kinds[cause] for event in judged for cause in event.causes} <= {Kind.LINK_DOWN, Kind.LINK_UP, Kind.JUDGED}
