"""Plays a scenario: a line runs after all that is due before or at its time; what is not as expected is told, and goes on.

    report = play(policy, steps, seed=0, tell=print)
    report.failed       # how many expectations failed
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.policy import Policy
from tools.simulator.orders import armed
from tools.simulator.script import Step
from tools.simulator.world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line played, or an `always` broken between lines."""

    at_ms: int
    line: int
    text: str
    note: str
    services: dict[str, dict[str, Any]]
    ok: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "at_ms": self.at_ms,
            "line": self.line,
            "services": self.services,
            "ok": self.ok,
            "text": self.text,
            "note": self.note,
        }


Tell = Callable[[Outcome], None]


@dataclass(slots=True)
class Report:
    world: World
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(not outcome.ok for outcome in self.outcomes)


def play(policy: Policy, steps: Sequence[Step], seed: int, tell: Tell = lambda outcome: None) -> Report:
    """The policy's keys are not used: the world makes its own, real ones where the scenario asks for an audit."""
    world = World(armed(policy), seed, real_keys=any(step.line.verb == "expect-audit" for step in steps))
    return Player(world, tell).play(steps)


class Player:
    def __init__(self, world: World, tell: Tell) -> None:
        self._world = world
        self._tell = tell
        self._report = Report(world)
        self._watched: dict[str, Step] = {}
        world.after_step.append(self._look)

    def play(self, steps: Sequence[Step]) -> Report:
        for step in steps:
            self._world.run_until_ms(step.line.at_ms)
            self._play(step)
        return self._report

    def _play(self, step: Step) -> None:
        note, wrong = "", []
        if step.deed:
            note = step.deed(self._world)
            self._world.settle()
        if step.question:
            wrong = step.question(self._world)
        if step.always:
            self._watched[step.always.service] = step
        self._note(step, "; ".join(wrong) or note, not wrong)

    def _look(self) -> None:
        """The `always` lines; a broken one is told once."""
        for service, step in list(self._watched.items()):
            owners = self._world.owners(service)
            if len(owners) > 1:
                del self._watched[service]
                self._note(step, f"at {self._world.now_ms}ms {service} is owned by {','.join(owners)}", False)

    def _note(self, step: Step, note: str, ok: bool) -> None:
        services = services_of(self._world)
        outcome = Outcome(self._world.now_ms, step.line.number, step.line.text, note, services, ok)
        self._report.outcomes.append(outcome)
        self._tell(outcome)


def services_of(world: World) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "owners": list(world.owners(name)),
            "epoch": world.epoch(name),
            "split": len(world.owners(name)) > 1,
            "states": {node: world.state(name, node) for node in service.nodes},
        }
        for name, service in world.policy.services.items()
    }
