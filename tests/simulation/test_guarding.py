"""Nothing goes up before the guard has confirmed that it would take it down: tried with a guard that takes its time."""

from pathlib import Path

from coordinator.config import read
from tools.simulator.orders import armed
from tools.simulator.world import World

POLICY = armed(read(Path(__file__).parents[1] / "scenarios" / "two-nodes.toml", files=False))


def test_the_first_up_action_waits_for_the_guard() -> None:
    world = World(POLICY, seed=0)
    world.hosts["lukretia"].guard_slow_us = 400_000
    world.start("lukretia", "genesis")
    world.run_until_ms(300)
    assert (world.state("web", "lukretia"), world.owners("web")) == ("STARTING", ())
    world.run_until_ms(1_200)
    assert (world.state("web", "lukretia"), world.owners("web")) == ("UP", ("lukretia",))


def test_reclaim_actions_wait_for_the_guard_as_well() -> None:
    world = World(POLICY, seed=0)
    world.start("lukretia", "genesis")
    world.run_until_ms(2_000)
    world.hosts["lukretia"].guard_slow_us = 800_000
    world.network.cut([*world.network.ways("lukretia", "genesis"), *world.network.ways("genesis", "lukretia")])
    world.run_until_ms(3_000)
    assert world.owners("web") == ("lukretia", "genesis")
    world.network.heal_all()
    world.run_until_ms(3_700)
    assert (world.owners("web"), world.tenures.reclaimed("web")) == (("lukretia",), False)
    world.run_until_ms(5_000)
    assert world.tenures.reclaimed("web")
