"""What the disk refuses has never been: whatever was ordered, the state is the fold of the disk again."""

from pathlib import Path

import pytest

from coordinator.config import read
from tools.simulator.invariants import Invariants
from tools.simulator.orders import armed
from tools.simulator.settling import settle
from tools.simulator.world import World

SCENARIOS = Path(__file__).parents[1] / "scenarios"

Order = tuple[str, ...]
"""The word, the service, and the node that is named."""

CASES: dict[str, tuple[Order, ...]] = {
    "a first hold": (("hold", "web"),),
    "a second hold": (("hold", "web"), ("hold", "web")),
    "an unhold": (("hold", "web"), ("unhold", "web")),
    "a fail": (("fail", "web", "lukretia"),),
    "a fail everywhere": (("fail-everywhere", "web"),),
    "a recover": (("fail", "web", "genesis"), ("recover", "web", "genesis")),
    "a move": (("move", "web", "genesis"),),
    "a move after a move": (("move", "web", "genesis"), ("move", "web", "lukretia")),
    "a reclaim": (("reclaim", "web"),),
    "a standby": (("standby", "", "genesis"),),
    "an unstandby": (("standby", "", "genesis"), ("unstandby", "", "genesis")),
}
"""The last of each is refused; what was ordered before stands."""


@pytest.mark.parametrize("orders", CASES.values(), ids=CASES.keys())
def test_an_order_that_the_disk_refuses_leaves_no_trace_in_the_state(orders: tuple[Order, ...]) -> None:
    """`Invariants` compares the state with the fold after every input."""
    world = World(armed(read(SCENARIOS / "two-nodes.toml", files=False)), seed=0)
    invariants = Invariants(world, calm=True)
    world.start("lukretia", "genesis")
    world.run_until_ms(4_000)
    for order in orders[:-1]:
        world.order(*order)
        world.run_until_ms(world.now_ms + 1_000)
    for host in world.hosts.values():
        host.disk.fill()
    world.order(*orders[-1])
    world.run_until_ms(world.now_ms + 300)
    cores = [host.faild.core for host in world.hosts.values() if host.faild]
    assert any(core.context.disk_refuses for core in cores), "a disk refused"
    for host in world.hosts.values():
        host.disk.release()
    world.order("unstandby", "", "genesis")
    world.order("recover", "web")
    settle(world, lambda text: None)
    invariants.deep()
    invariants.history(forgetful=False)
