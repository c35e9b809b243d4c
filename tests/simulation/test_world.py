"""The simulated world itself: what travels, what is durable, and what a machine without power forgets."""

from pathlib import Path

import pytest

from coordinator.config import read
from protocol.bodies import Want
from protocol.event import Entry, Event
from protocol.frames import FrameReader, Kind, frame
from store.refusals import JournalRefused
from tools.simulator.clocks import BOOT_MS, Clocks
from tools.simulator.disk import Result
from tools.simulator.messages import Mail
from tools.simulator.network_faults import NetworkFaults
from tools.simulator.orders import armed
from tools.simulator.world import World

POLICY = armed(read(Path(__file__).parents[1] / "scenarios" / "two-nodes.toml", files=False))
BOTH = ("lukretia", "genesis")


@pytest.fixture
def world() -> World:
    world = World(POLICY, seed=3)
    world.start(*BOTH)
    world.run_until_ms(2_000)
    return world


def entry(number: int = 1, previous: bytes = bytes(32)) -> Entry:
    event = Event(POLICY.cluster_id, "lukretia", 9, number, previous, 0, 0, "pulse", "", {}, (), ())
    return Entry.of(event)


def test_a_stream_keeps_its_order_whatever_is_lost_on_its_way(world: World) -> None:
    heard: list[int] = []
    genesis = world.hosts["genesis"]

    def take(sender: str, link: str, mail: Mail, began_us: int | None) -> None:
        for kind, body in [] if began_us is None else FrameReader().feed(mail):
            if kind is Kind.WANT and Want.decode(body).node == "nobody":  # not what the nodes themselves ask for
                heard.append(Want.decode(body).first)

    genesis.take = take  # type: ignore[method-assign]
    world.network.set_weather(NetworkFaults(loss=0.4, jitter_us=30_000))
    for number in range(50):
        want = frame(Kind.WANT, Want("nobody", 1, number + 1).encode())
        world.network.stream("lukretia", "genesis", "lan", want)
    world.run_until_ms(30_000)
    assert heard == list(range(1, 51))


def test_a_connection_outlives_a_short_cut_and_not_a_long_one(world: World) -> None:
    ways = [*world.network.ways(*BOTH), *world.network.ways(*BOTH[::-1])]
    world.network.cut(ways)
    world.run_until_ms(2_800)
    assert world.network.connection(*BOTH, "lan")
    world.run_until_ms(3_200)
    assert not world.network.connection(*BOTH, "lan")
    world.network.heal(ways)
    world.run_until_ms(3_500)
    assert world.network.connection(*BOTH, "lan")


def test_what_was_not_synced_is_lost_with_the_power() -> None:
    world = World(POLICY, seed=3)
    host = world.hosts["lukretia"]
    told: list[Result] = []
    host.disk.append([entry()], told.append)
    host.disk.close(flushed=False)
    world.run_until_ms(100)
    assert (told, host.disk.entries()) == ([], [])


def test_a_disk_goes_back_to_what_it_was() -> None:
    world = World(POLICY, seed=3)
    disk = world.hosts["lukretia"].disk
    first = entry()
    disk.append([first], lambda result: None)
    world.run_until_ms(1_000)
    disk.append([entry(2, first.id)], lambda result: None)
    world.run_until_ms(2_000)
    assert len(disk.entries()) == 2
    world.roll_back("lukretia", 1_500)
    assert [item.event.number for item in disk.entries()] == [1]


def test_the_virtual_disk_refuses_what_the_real_one_refuses() -> None:
    """The production rule writes: a second, different event at one number is a fork here as well."""
    world = World(POLICY, seed=3)
    told: list[Result] = []
    disk = world.hosts["lukretia"].disk
    disk.append([entry()], told.append)
    disk.append([entry(1, b"x" * 32)], told.append)
    world.run_until_ms(100)
    assert isinstance(told[1], JournalRefused)
    assert told[1].ours is not None


def test_a_frozen_machines_service_goes_on_and_its_power_ends_it(world: World) -> None:
    world.hosts["lukretia"].freeze()
    world.run_until_ms(4_000)
    assert world.owners("web") == BOTH
    world.hosts["lukretia"].crash()
    world.settle()
    assert world.owners("web") == ("genesis",)


def test_a_clock_with_drift_wakes_at_its_own_time() -> None:
    clocks = Clocks(drift_ppm=-500)
    at_us = clocks.world_us(BOOT_MS + 10_000)
    assert clocks.now(at_us).mono_ms == BOOT_MS + 10_000
    assert clocks.now(at_us - 1).mono_ms == BOOT_MS + 9_999
