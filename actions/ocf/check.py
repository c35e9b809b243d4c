"""A check by the monitor of a resource agent: one run, and what it found.

    check = AgentCheck(agent, programs)
    found = await check.run(order.environment(), timeout_s=5)
"""

from collections.abc import Mapping

from actions.checks.kind import Found
from actions.exec_check import ExecCheck
from actions.ocf.agent import RUNNING, Agent, meaning
from actions.process import Exited, Programs


class AgentCheck(ExecCheck):
    def __init__(self, agent: Agent, programs: Programs) -> None:
        super().__init__([agent.program, "monitor"], programs)
        self._agent = agent

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Raises Unasked."""
        told = self._agent.environment(environment.get("FAILOVER_SERVICE", ""), int(timeout_s * 1000))
        return await super().run({**environment, **told}, timeout_s)

    def judged(self, exited: Exited) -> Found:
        if exited.code in RUNNING:
            return Found(True)
        return Found(False, f"{self._agent.name} monitor: {meaning(exited.code)}" + (f": {exited.line}" if exited.line else ""))
