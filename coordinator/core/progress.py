"""How far the actions of one service are: which may have something up, and the step in flight.

Actions go up in order and down in reverse, a step at a time: neighbouring addresses are one step, ordered together,
since each of them takes a system call and what costs time is the way between (`steps`).
"""

from dataclasses import dataclass, field
from functools import lru_cache

from actions.kinds import ACTIONS
from coordinator.core.effects import Run
from coordinator.core.inputs import ActionEnding
from protocol.invariant import InvariantBroken, must


@dataclass(slots=True)
class Progress:
    service: str
    index: int = 0
    """The first action that is not up yet, on the way up; on the way down the actions before it are still to go."""
    started: int = 0
    """How many actions, from the first, may have something up."""
    running: Run | None = None
    """The step in flight."""
    said: bool = False
    """The last word of this holding went out with its last step."""
    lost: list[str] = field(default_factory=list)
    """Down actions of this lowering that did not end well."""
    times_us: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        self.index = 0

    def next_up(self, kinds: tuple[str, ...]) -> tuple[int, ...] | None:
        """The step that comes up next; None where all are up."""
        return next((step for step in steps(kinds) if step[0] == self.index), None)

    def touch(self, step: tuple[int, ...]) -> None:
        self.started = max(self.started, step[-1] + 1)

    def raised(self, endings: list[ActionEnding], count: int) -> None:
        """Those of a step that has ended, out of so many actions."""
        for how in endings:
            self.times_us["act"] = self.times_us.get("act", 0) + how.took_us - how.announce_us
            self.times_us["announce"] = self.times_us.get("announce", 0) + how.announce_us
        self.index += len(endings)
        must(self.index <= count, f"{self.service}: {self.index} actions have run, more than it has")

    def lower(self) -> None:
        """All that was started goes down; where a step is in flight, when that has ended."""
        self.lost = []

    def lower_from_the_top(self) -> None:
        self.index = self.started

    def next_down(self, kinds: tuple[str, ...]) -> tuple[int, ...]:
        """The actions that go down next; empty where none is left."""
        step = next((step for step in reversed(steps(kinds)) if step[0] < self.index), ())
        down = tuple(action for action in reversed(step) if action < self.index)
        self.index = step[0] if step else self.index
        return down

    def ends_well(self) -> bool:
        """The step that goes down now is the last, and all before it are down for certain."""
        return self.index == 0 and not self.lost

    def run(self, step: Run) -> None:
        word = self.running.word if self.running else ""
        must(self.running is None, f"{self.service}: {step.word} begins when {word} has ended")
        must(step.word != "down" or max(step.actions) < self.started, f"{self.service}: only what may be up goes down")
        self.running, self.said = step, False

    def ended(self, ticket: int, *, said: bool) -> Run:
        """The step in flight has ended."""
        step, self.running = self.running, None
        if step is None:
            raise InvariantBroken("only a step in flight ends")
        must(ticket == step.ticket, f"{self.service}: ticket {ticket} ends, and {step.ticket} is in flight")
        self.said = said
        return step

    def all_down(self) -> None:
        self.started = 0

    def lose(self, what: list[str]) -> None:
        """Down actions that did not end well."""
        self.lost += what

    def took(self, what: str, took_us: int) -> None:
        self.times_us[what] = took_us

    def forget_times(self) -> None:
        """What took how long stands in the log already."""
        self.times_us = {}


@lru_cache(maxsize=256)
def steps(kinds: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """The actions in the order in which they go up, those that are ordered together in one step: neighbouring addresses.

    An address goes up or down in one system call: it cannot hang as a program can. What lies between two of them is the way
    to the core and back, half a millisecond on each node, and the client of the second one would wait for it.
    """
    found: list[tuple[int, ...]] = []
    for index, kind in enumerate(kinds):
        together = found and ACTIONS[kind].instant and kinds[index - 1] == kind
        found = [*found[:-1], (*found[-1], index)] if together else [*found, (index,)]
    return tuple(found)
