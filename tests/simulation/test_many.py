"""Many services on two nodes: what is asked of the decide table, and who takes them."""

from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.core import agenda, reconcile
from coordinator.decision.decide import Decision, decide
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import Policy
from coordinator.state.model import ServicePhase
from protocol.events import Restart
from protocol.kinds import Kind
from tools.simulator.world import World

PAIR = (Path(__file__).parents[1] / "scenarios" / "two-nodes.toml").read_text().partition("[services.web]")[0]
SERVICE = """
[services.s{number:03d}]
nodes = ["lukretia", "genesis"]
[[services.s{number:03d}.actions]]
script = "/bin/true"
"""
COMMIT_US = 300_000
"""A commit of a slow disk. The claims of all services need several commits, one after the other, and longer than `dead`."""


def pair(folder: Path, count: int) -> Policy:
    path = folder / "failover.toml"
    path.write_text(PAIR + "".join(SERVICE.format(number=number) for number in range(count)))
    return read(path, files=False)


def serving(world: World, node: str) -> int:
    faild = world.hosts[node].faild
    assert faild is not None, f"{node} runs"
    return sum(service.state is ServicePhase.UP for service in faild.core.column.services.values())


def test_two_nodes_that_start_at_once_do_not_take_services_from_each_other(tmp_path: Path) -> None:
    """The master claims a few at a time. Those that it has not come to within `dead` are still its own."""
    world = World(pair(tmp_path, 2 * agenda.BEGUN_MAX + 6), seed=1)
    for host in world.hosts.values():
        host.disk.slow_down(COMMIT_US)
    world.start("lukretia", "genesis")
    world.run_until_ms(5_000)
    assert serving(world, "lukretia") == len(world.policy.services)
    claims = [entry.event for entry in world.entries() if entry.event.kind == Kind.CLAIM]
    assert {claim.node for claim in claims} == {"lukretia"}
    assert len(claims) == len(world.policy.services)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services about which the table was asked, by any node."""
    names = list[str]()

    def noted(case: Snapshot) -> Decision:
        names.append(case.name)
        return decide(case)

    monkeypatch.setattr(reconcile, "decide", noted)
    return names


def test_an_event_about_one_service_asks_about_no_other(asked: list[str], tmp_path: Path) -> None:
    """Heartbeats name the newest event of each node: that they change concerns the services of these events alone."""
    world = World(pair(tmp_path, 100), seed=1)
    world.start("lukretia", "genesis")
    world.run_until_ms(3_000)
    assert serving(world, "lukretia") == 100
    asked.clear()
    world.hosts["lukretia"].works.trouble["s007"].down = "fails"
    faild = world.hosts["lukretia"].faild
    assert faild is not None
    faild.core.context.write("s007", Restart(count=0, reason="a test writes it"), ())
    world.run_until_ms(5_000)
    assert set(asked) == {"s007"}


def test_idle_nodes_ask_about_nothing(asked: list[str], tmp_path: Path) -> None:
    world = World(pair(tmp_path, 100), seed=1)
    world.start("lukretia", "genesis")
    world.run_until_ms(3_000)
    asked.clear()
    world.run_until_ms(23_000)
    assert asked == []
