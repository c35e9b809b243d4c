"""The shell at work in virtual time: what it makes of the core's orders, and of what arrives."""

from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.core.commands import Wanted
from coordinator.core.effects import Forward
from protocol.datagram import Inside
from protocol.frames import FrameReader, Kind
from protocol.refusals import Reason
from tools.simulator.faild import Faild
from tools.simulator.messages import Mail, Sealed
from tools.simulator.orders import armed
from tools.simulator.world import World

SCENARIOS = Path(__file__).parents[1] / "scenarios"
TWO = armed(read(SCENARIOS / "two-nodes.toml", files=False))
THREE = armed(read(SCENARIOS / "three-nodes.toml", files=False))


@pytest.fixture
def world() -> World:
    world = World(TWO, seed=3)
    world.start("lukretia", "genesis")
    world.run_until_ms(2_000)
    assert world.owners("web") == ("lukretia",)
    return world


def faild_of(world: World, node: str) -> Faild:
    faild = world.hosts[node].faild
    assert faild is not None
    return faild


def overheard(world: World, node: str) -> list[tuple[str, Mail, bool]]:
    """What comes to this node from now on: on which link, what, and whether as a datagram."""
    found: list[tuple[str, Mail, bool]] = []
    take = world.hosts[node].take

    def listens(sender: str, link: str, mail: Mail, began_us: int | None) -> None:
        found.append((link, mail, began_us is None))
        take(sender, link, mail, began_us)

    world.hosts[node].take = listens  # type: ignore[method-assign]
    return found


def framed(found: list[tuple[str, Mail, bool]], kind: Kind) -> list[str]:
    """The links on which frames of this kind came."""
    frames = [(link, mail) for link, mail, datagram in found if not datagram and isinstance(mail, bytes)]
    return [link for link, data in frames for came, _ in FrameReader().feed(data) if came is kind]


def cut(world: World, a: str, b: str, link: str | None = None) -> None:
    world.network.cut([*world.network.ways(a, b, link), *world.network.ways(b, a, link)])


def test_a_command_is_passed_on_once(world: World) -> None:
    """On both links it would be admitted twice, and the second time refused."""
    came = overheard(world, "lukretia")
    faild_of(world, "genesis").ordered(Wanted("move", "web", "genesis"), 0, 1)
    world.run_until_ms(2_100)
    assert framed(came, Kind.COMMAND) in (["lan"], ["direct"])
    assert [answer.admitted for _, answer in world.answers] == [True]


def test_a_command_goes_on_the_link_that_is_alive(world: World) -> None:
    """A link that was cut this moment still has a connection: what is sent there waits until it breaks."""
    cut(world, *TWO.nodes, "lan")
    world.run_until_ms(2_500)
    assert world.network.connection(*TWO.nodes, "lan")
    came = overheard(world, "lukretia")
    faild_of(world, "genesis").ordered(Wanted("move", "web", "genesis"), 0, 1)
    world.run_until_ms(2_600)
    assert framed(came, Kind.COMMAND) == ["direct"]
    assert [answer.admitted for _, answer in world.answers] == [True]


def test_a_command_that_no_link_takes_is_refused_at_once_and_with_words() -> None:
    """The node that must act lives, as a third one says, and there is no way to it."""
    world = World(THREE, seed=3)
    world.start(*THREE.nodes)
    world.run_until_ms(5_000)
    (owner,) = world.owners("web")
    door = next(node for node in THREE.services["web"].nodes if node != owner)
    cut(world, owner, door)
    world.run_until_ms(7_000)
    forwarded: list[Forward] = []
    world.witnesses.append(lambda node, seen, ordered, now: forwarded.extend(e for e in ordered if isinstance(e, Forward)))
    faild_of(world, door).ordered(Wanted("move", "web", door), 0, 1)
    world.run_until_ms(7_020)
    assert [order.peer for order in forwarded] == [owner]
    assert [(answer.admitted, "is not connected" in answer.text) for _, answer in world.answers] == [(False, True)]


def test_what_the_disk_refused_is_not_taken_for_durable() -> None:
    world = World(TWO, seed=3)
    for host in world.hosts.values():
        host.disk.fill()
    world.start("lukretia", "genesis")
    world.run_until_ms(3_000)
    assert (world.owners("web"), world.entries()) == ((), [])


def test_a_heartbeat_counts_once_on_each_way(world: World) -> None:
    """A datagram that is repeated would make a dead node live."""
    came = overheard(world, "genesis")
    world.run_until_ms(2_300)
    link, beat, _ = next(item for item in came if isinstance(item[1], Sealed) and item[1].inside is Inside.HEARTBEAT)
    refused = len(world.refusals)
    other = "direct" if link == "lan" else "lan"
    for way in (link, other):
        world.hosts["genesis"].take("lukretia", way, beat, None)
    assert [why.reason for _, _, why in world.refusals[refused:]] == [Reason.REPLAYED, Reason.REPLAYED]


def test_a_heartbeat_of_a_run_that_is_over_is_refused(world: World) -> None:
    """It says what that run held, and with which feed it ended."""
    came = overheard(world, "genesis")
    world.run_until_ms(2_300)
    link, beat, _ = [item for item in came if isinstance(item[1], Sealed) and item[1].inside is Inside.HEARTBEAT][-1]
    world.hosts["lukretia"].kill()
    world.run_until_ms(2_600)
    world.start("lukretia")
    world.run_until_ms(5_000)
    refused = len(world.refusals)
    world.hosts["genesis"].take("lukretia", link, beat, None)
    assert ["of a run that is over" in str(why) for _, _, why in world.refusals[refused:]] == [True]


def test_the_guard_says_the_word_of_the_newest_claim(world: World) -> None:
    """With an older one a successor would wait until the dead node's silence is long enough."""
    for at_ms, node in ((2_000, "genesis"), (4_000, "lukretia")):
        world.run_until_ms(at_ms)
        world.order("move", "web", node)
    world.run_until_ms(6_000)
    assert world.owners("web") == ("lukretia",)
    world.hosts["lukretia"].kill()
    world.run_until_ms(6_200)
    assert world.owners("web") == ("genesis",)


def test_a_batch_is_pushed_on_every_link_and_an_urgent_one_as_a_datagram_too(world: World) -> None:
    came = overheard(world, "genesis")
    world.order("move", "web", "genesis")
    world.run_until_ms(2_200)
    assert {"lan", "direct"} <= set(framed(came, Kind.BATCH))
    assert [mail for _, mail, _ in came if isinstance(mail, Sealed) and mail.inside is Inside.BATCH]
