"""What is asked of a node that does not have a service: whether it may take it (`gate`), and how much it has (`evidence`).

    scripts = CandidateScripts(post)
    scripts.gate(AskGate("db", gate), order, programs)      # answered by GateAnswered, run after run
    scripts.evidence(AskEvidence("db", evidence), order, programs)
    await scripts.close()                                   # nothing is answered afterwards; what still runs is killed

A script is run as a check is, without arguments and with the same environment. Every run is answered, also one that could not
be begun: a gate that cannot be asked has not said that the node may have the service.
"""

import asyncio
from collections.abc import Callable

from actions.action import Order
from actions.checks.kind import Found, Unasked
from actions.evidence_script import EvidenceScript
from actions.exec_check import ExecCheck
from actions.process import Programs
from coordinator.core.effects import AskEvidence, AskGate
from coordinator.core.inputs import EvidenceGiven, GateAnswered, Input
from coordinator.policy import EvidencePolicy, GatePolicy


class CandidateScripts:
    def __init__(self, post: Callable[[Input], None]) -> None:
        self._post = post
        self._rounds: dict[tuple[str, type], ScriptRounds] = {}

    def gate(self, asked: AskGate, order: Order, programs: Programs) -> None:
        self._cancel(asked.service, GatePolicy)
        gate = asked.gate
        if gate is not None:
            script = ExecCheck([gate.script], programs)
            told = self._told(lambda found: GateAnswered(asked.service, found.passed, found.text, gate))
            self._rounds[asked.service, GatePolicy] = ScriptRounds(script, gate, order, told)

    def evidence(self, asked: AskEvidence, order: Order, programs: Programs) -> None:
        self._cancel(asked.service, EvidencePolicy)
        evidence = asked.evidence
        if evidence is not None:
            script = EvidenceScript([evidence.script], programs)
            told = self._told(lambda found: _given(asked.service, found, evidence))
            self._rounds[asked.service, EvidencePolicy] = ScriptRounds(script, evidence, order, told)

    async def close(self) -> None:
        for rounds in self._rounds.values():
            await rounds.close()

    def _cancel(self, service: str, kind: type) -> None:
        old = self._rounds.pop((service, kind), None)
        if old is not None:
            old.cancel()

    def _told(self, answer: Callable[[Found], Input]) -> Callable[[Found], None]:
        return lambda found: self._post(answer(found))


def _given(service: str, found: Found, asked: EvidencePolicy) -> EvidenceGiven:
    return EvidenceGiven(service, int(found.text) if found.passed else None, "" if found.passed else found.text, asked)


class ScriptRounds:
    """The runs of one script, each on its beat. After one that took longer than `every` it rests for as long: what is killed
    then has time to end."""

    def __init__(
        self, script: ExecCheck, asked: GatePolicy | EvidencePolicy, order: Order, told: Callable[[Found], None]
    ) -> None:
        self._script, self._asked, self._order, self._told = script, asked, order, told
        self._task = asyncio.create_task(self._rounds())

    def cancel(self) -> None:
        self._task.cancel()

    async def close(self) -> None:
        self.cancel()
        await asyncio.wait([self._task])
        await self._script.close()

    async def _rounds(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + self._asked.every_ms / 1000
            self._told(await self._run())
            late = loop.time() >= next_s
            await asyncio.sleep(self._asked.every_ms / 1000 if late else next_s - loop.time())

    async def _run(self) -> Found:
        try:
            return await self._script.run(self._order.environment(), self._asked.timeout_ms / 1000)
        except Unasked as why:
            return Found(False, f"{self._asked.script} cannot be begun: {why}")
