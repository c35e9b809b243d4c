"""What has changed between two states: whatever is said of another service is the same in both."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from coordinator.alarms.changes import changed_services
from coordinator.alarms.conditions import sweep
from coordinator.control.status import service
from coordinator.control.view import PeerView
from coordinator.core.core import Core
from coordinator.policy import Policy
from coordinator.state.model import Judgement, State
from tools.simulator.random_run import RandomRun

SEEDS = (3, 8, 21, 34, 55)
STEPS = 1500
ALIVE = PeerView(Judgement.ALIVE, 0, reachable=True, fit=True, agrees=True)


@dataclass(frozen=True)
class Said:
    """What a person reads of each service, by this state and nothing else."""

    me: str
    policy: Policy

    def of(self, state: State) -> dict[str, Any]:
        peers = {name: ALIVE for name in self.policy.nodes if name != self.me}
        view: Any = SimpleNamespace(
            me=self.me, policy=self.policy, state=state, ready=True, peers=lambda: peers,
            sentence=lambda name: "", event=lambda ref: None,
        )  # fmt: skip
        found = dict(sweep(view, self.policy.services))
        return {name: (service(view, name, peers), found[name]) for name in self.policy.services}


def test_of_a_service_that_has_not_changed_the_same_is_said():
    """Drawn clusters with all their accidents: after each event of each node."""
    alike = sum(compared(RandomRun(seed, STEPS)) for seed in SEEDS)
    assert alike > 300


def compared(run: RandomRun) -> int:
    """How often a service had not changed. Raises AssertionError where something else is said of it all the same."""
    alike, known = 0, dict[str, tuple[Core, State, dict[str, Any]]]()

    def look() -> None:
        nonlocal alike
        for name, host in run.world.hosts.items():
            core = host.faild.core if host.faild else None
            before = known.get(name)
            if core is None or (before is not None and before[0] is core and before[1] is core.state):
                continue
            said = Said(name, core.policy).of(core.state)
            if before is not None and before[0] is core and before[2].keys() == said.keys():
                changed = changed_services(before[1], core.state)
                for one in said.keys() - (said.keys() if changed is None else changed):
                    assert said[one] == before[2][one], f"{one} on {name}"
                    alike += 1
            known[name] = (core, core.state, said)

    run.world.after_step.append(look)
    run.play()
    return alike
