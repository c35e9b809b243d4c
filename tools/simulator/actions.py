"""The actions of one machine: what is really up, and how they fail. No node's belief lives here.

    works.run(order, finished)          # queued behind the service's other actions; `finished(outcome)` when it ended
    works.owns("web")                   # from the beginning of its first up action until the end of its last down action

Actions take no time unless told (`took_us`). An action that hangs is killed at its timeout, and what it did is unknown:
an up that hung counts as up, a down that hung as not down, until another action says otherwise. So does an up
that was cut.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from coordinator.core.inputs import Outcome
from coordinator.policy import Policy, ServicePolicy

Finished = Callable[[Outcome], None]
Later = Callable[[int, Callable[[], None]], None]
"""Do it after so many microseconds of this machine's running time (a frozen machine's processes stand still)."""


class Order(NamedTuple):
    """One action to run: which service, its index in the list, the word, and for whom."""

    service: str
    action: int
    word: str
    epoch: int


CUT_US = 2_000
"""To end a program and all that it started."""

ENDS = {"": Outcome.DONE, "fails": Outcome.FAILED, "hangs": Outcome.UNKNOWN}


@dataclass(slots=True)
class Trouble:
    """What is wrong with a service's actions on this machine: "", "fails" or "hangs" for each word."""

    up: str = ""
    down: str = ""
    reclaim: str = ""

    def of(self, word: str) -> str:
        return {"up": self.up, "down": self.down}.get(word, self.reclaim)


class MachineActions:
    """Actions are what the world counts: whether each is up, and whether one is under way."""

    def __init__(self, policy: Policy, later: Later, now_us: Callable[[], int]) -> None:
        self.trouble = {name: Trouble() for name in policy.services}
        self.took_us: Callable[[Order], int] = lambda order: 0
        self.seen: Callable[[Order, str], None] = lambda order, what: None
        """Told of every beginning and end; the invariants listen here."""
        self.ended_by_force: Callable[[bool], None] = lambda power: None
        """Told when whatever ran was ended; with the power (True), or with its process."""
        self.reclaimed_us: dict[str, int] = {}
        """When the last of a service's reclaim actions was done."""
        self.announced_us: dict[str, int] = {}
        """When what was up of a service was last announced again, without a reclaim."""
        self._services = dict(policy.services)
        """As the daemon that runs here knows their actions."""
        self._later = later
        self._now_us = now_us
        self._up: dict[str, set[int]] = {name: set() for name in policy.services}
        self._queues: dict[str, deque[tuple[Order, Finished]]] = {name: deque() for name in policy.services}
        self._running: dict[str, Order | None] = dict.fromkeys(policy.services)
        self._ending: dict[str, Callable[[Outcome], None]] = {}
        """How what runs is ended, once."""
        self._life = 0

    def equip(self, service: ServicePolicy) -> None:
        """From the next order on its actions are these."""
        self._services[service.name] = service

    def owns(self, service: str) -> bool:
        running = self._running[service]
        return bool(self._up[service]) or (running is not None and running.word == "up")

    def is_up(self, service: str) -> bool:
        return bool(self._up[service])

    def run(self, order: Order, finished: Finished) -> None:
        self._queues[order.service].append((order, finished))
        self._next(order.service)

    def cut(self, service: str) -> None:
        """End what brings this service up: it may have happened."""
        running, end = self._running[service], self._ending.get(service)
        if running is not None and running.word != "down" and end is not None:
            self._later(CUT_US, lambda: end(Outcome.UNKNOWN))

    def mend(self, service: str) -> None:
        """Its actions work again, the next time they run."""
        self.trouble[service] = Trouble()

    def abort(self) -> None:
        """The process that ran the actions is gone and its process groups are ended: what was under way may have happened."""
        self._life += 1
        self.ended_by_force(False)
        for service, order in self._running.items():
            if order is not None and order.word == "up":
                self._up[service].add(order.action)
            self._running[service] = None
            self._queues[service].clear()

    def power_off(self) -> None:
        self.abort()
        self.ended_by_force(True)
        for up in self._up.values():
            up.clear()

    def take_down(self, services: dict[str, ServicePolicy], ended: Callable[[str, bool], None]) -> None:
        """Down in reverse for each; `ended(service, whether all of it is down)`."""
        for name, service in services.items():
            self._down_from(name, len(service.actions) - 1, True, ended)

    def _down_from(self, service: str, action: int, clean: bool, ended: Callable[[str, bool], None]) -> None:
        if action < 0:
            ended(service, clean)
            return
        order = Order(service, action, "down", 0)
        self.run(order, lambda outcome: self._down_from(service, action - 1, clean and outcome is Outcome.DONE, ended))

    def _next(self, service: str) -> None:
        if self._running[service] is not None or not self._queues[service]:
            return
        order, finished = self._queues[service].popleft()
        self._running[service] = order
        self.seen(order, "begins")
        outcome = ENDS[self.trouble[order.service].of(order.word)]
        end = self._ending[service] = self._ends_once(order, finished)
        self._later(self._duration_us(order, outcome), lambda: end(outcome))

    def _duration_us(self, order: Order, outcome: Outcome) -> int:
        if outcome is Outcome.UNKNOWN:
            return self._services[order.service].actions[order.action].timeout_ms * 1000
        return self.took_us(order)

    def _ends_once(self, order: Order, finished: Finished) -> Finished:
        """In whatever way it ends first; not at all where the `faild` that ordered it is gone."""
        life, over = self._life, False

        def end(outcome: Outcome) -> None:
            nonlocal over
            if over or life != self._life:
                return
            over = True
            self._happened(order, outcome)
            self._running[order.service] = None
            self.seen(order, outcome)
            finished(outcome)
            self._next(order.service)

        return end

    def _happened(self, order: Order, outcome: Outcome) -> None:
        up = self._up[order.service]
        if order.word == "up" and outcome is not Outcome.FAILED:
            up.add(order.action)
        elif order.word == "down" and outcome is Outcome.DONE:
            up.discard(order.action)
        elif order.word == "reclaim" and outcome is Outcome.DONE and self._is_last(order):
            self.reclaimed_us[order.service] = self._now_us()

    def announce(self, service: str) -> None:
        if len(self._up[service]) == len(self._services[service].actions):
            self.announced_us[service] = self._now_us()

    def _is_last(self, order: Order) -> bool:
        return order.action == len(self._services[order.service].actions) - 1
