"""Fencing in the simulated world: what is ordered when, and what the world looks like then."""

from coordinator.config import parse
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.inputs import Now
from coordinator.policy import Policy
from protocol.kinds import Kind
from tests.scenarios.test_scenarios import HERE
from tools.simulator.orders import armed
from tools.simulator.world import World

LEVEL = '\n[[nodes.{node}.fence]]\nagent = "fence_dummy"\noptions = {{ plug = "{node}" }}\n'


def fenced(name: str = "two-nodes.toml", *nodes: str) -> Policy:
    """A configuration of the scenarios in which these nodes can be switched off, or all of them."""
    text = (HERE / name).read_text()
    names = nodes or tuple(parse(text, name).nodes)
    return armed(parse(text + "".join(LEVEL.format(node=node) for node in names), name))


def test_no_device_is_told_before_the_request_is_on_the_disk() -> None:
    """Whoever reads the log of a cluster in which a node was switched off finds out by whom, and why."""
    world = World(fenced(), seed=1)
    told: list[int] = []

    def watched(node: str, seen: saw.Input, ordered: list[do.Effect], now: Now) -> None:
        for effect in ordered:
            if isinstance(effect, do.Fence):
                stored = {entry.ref for entry in world.hosts[node].disk.entries() if entry.event.kind == Kind.FENCE_REQUESTED}
                assert effect.request in stored, "its request is not on the disk"
                told.append(world.now_ms)

    world.witnesses.append(watched)
    world.start("lukretia", "genesis")
    world.run_until_ms(5_000)
    assert world.order("fence", "", "lukretia") == ["genesis"]
    world.run_until_ms(10_000)
    assert len(told) == 1
    assert not world.hosts["lukretia"].powered
    assert world.owners("web") == ("genesis",)
