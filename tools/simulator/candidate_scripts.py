"""The scripts that one simulated faild asks about services that it does not have: gates, and those that give a number."""

from collections.abc import Callable

from coordinator.core.effects import AskEvidence, AskGate
from coordinator.core.inputs import EvidenceGiven, GateAnswered, Input
from tools.simulator.machine import Machine

RUN_US = 5_000
"""How long a script takes for its answer."""

Asked = AskGate | AskEvidence


class CandidateScripts:
    def __init__(self, host: Machine, post: Callable[[Input], None]) -> None:
        self._host = host
        self._post = post
        self._asked: dict[tuple[str, type[Asked]], Asked] = {}

    def ask(self, order: Asked) -> None:
        """An order that is not the newest of its kind ends by itself."""
        self._asked[order.service, type(order)] = order
        self._host.later(RUN_US, lambda: self._run(order))

    def _run(self, order: Asked) -> None:
        asked = order.gate if isinstance(order, AskGate) else order.evidence
        if self._asked.get((order.service, type(order))) is not order or asked is None:
            return
        self._post(self._gate(order) if isinstance(order, AskGate) else self._evidence(order))
        self._host.later(asked.every_ms * 1000, lambda: self._run(order))

    def _gate(self, order: AskGate) -> Input:
        assert order.gate is not None
        opens = order.service not in self._host.refusing_gates
        return GateAnswered(order.service, opens, "" if opens else "the gate refuses in the simulation", order.gate)

    def _evidence(self, order: AskEvidence) -> Input:
        assert order.evidence is not None
        number = self._host.evidence.get(order.service, 0)
        return EvidenceGiven(order.service, number, "" if number is not None else "no number in the simulation", order.evidence)
