"""What a simulated faild sees of the machine on which it runs, and what a machine sees of the world around it."""

import random
from collections.abc import Callable
from typing import Protocol

from coordinator.core.effects import Answer, Effect
from coordinator.core.inputs import Input, Now
from coordinator.policy import Policy
from protocol.refusals import Refused
from tools.simulator.actions import MachineActions
from tools.simulator.arbiter_world import ArbiterWorld
from tools.simulator.clocks import Clocks
from tools.simulator.disk import Disk
from tools.simulator.event_queue import EventQueue
from tools.simulator.gates import Gates
from tools.simulator.guard import Guard
from tools.simulator.keys import Keys
from tools.simulator.network import Network


class Surroundings(Protocol):
    """What a machine needs of the world around it."""

    agenda: EventQueue
    rng: random.Random
    policy: Policy
    keys: Keys
    network: Network
    arbiter: ArbiterWorld

    def switch_off(self, by: str, node: str, tell: Callable[[bool, int, str], None]) -> None:
        """By the devices that switch it off; told is whether its power is off, by which level, and what happened."""

    def watched(self, node: str, seen: Input, ordered: list[Effect], now: Now) -> None: ...

    def refused(self, node: str, sender: str, refusal: Refused) -> None: ...

    def answered(self, node: str, answer: Answer) -> None: ...

    def alarmed(self, node: str, text: str) -> None: ...


class Machine(Protocol):
    """`tools.simulator.host` is the one that there is."""

    surroundings: Surroundings
    name: str
    clocks: Clocks
    frozen: bool
    failing_checks: set[str]
    refusing_gates: set[str]
    evidence: dict[str, int | None]
    guard_slow_us: int
    disk: Disk
    works: MachineActions
    guard: Guard
    gates: Gates
    file: Policy

    @property
    def runs(self) -> Policy | None: ...

    def now(self) -> Now: ...

    def later(self, delay_us: int, act: Callable[[], None]) -> None: ...

    def later_beside(self, delay_us: int, act: Callable[[], None]) -> None: ...

    def when_awake(self, act: Callable[[], None]) -> None: ...

    def faild_exited(self) -> None: ...
