"""The gates of one simulated faild: each answers every so often while it is asked."""

from collections.abc import Callable

from coordinator.core.effects import AskGate
from coordinator.core.inputs import GateAnswered, Input
from tools.simulator.machine import Machine

RUN_US = 5_000
"""How long a script takes for its answer."""


class GateScripts:
    def __init__(self, host: Machine, post: Callable[[Input], None]) -> None:
        self._host = host
        self._post = post
        self._asked: dict[str, AskGate] = {}

    def ask(self, order: AskGate) -> None:
        """An order that is not the newest of its service ends by itself."""
        self._asked[order.service] = order
        if order.gate is not None:
            self._host.later(RUN_US, lambda: self._answer(order))

    def _answer(self, order: AskGate) -> None:
        if self._asked.get(order.service) is not order or order.gate is None:
            return
        opens = order.service not in self._host.refusing_gates
        text = "" if opens else "the gate refuses in the simulation"
        self._post(GateAnswered(order.service, opens, text, order.gate))
        self._host.later(order.gate.every_ms * 1000, lambda: self._answer(order))
