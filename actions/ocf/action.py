"""A resource agent as an action: start, stop, and monitor as its probe.

    action = AgentAction(agent, programs)
    await action.up(order)      # .../heartbeat/nginx start
"""

import contextlib
from pathlib import Path

from actions.action import Ending, Order, Result, Seen
from actions.ocf.agent import NOT_RUNNING, RUNNING, TEMPORARY, Agent, meaning
from actions.process import Exited, Programs

TOLD_MS = 20_000
"""How long its caller waits, as far as an agent asks: the executor ends it after the action's own timeout."""


class AgentAction:
    def __init__(self, agent: Agent, programs: Programs) -> None:
        self._agent, self._programs = agent, programs

    async def up(self, order: Order) -> Result:
        with contextlib.suppress(OSError):  # then the agent says what it lacks
            Path(TEMPORARY).mkdir(mode=0o755, exist_ok=True)
        return await self._told("start", order)

    async def down(self, order: Order) -> Result:
        return await self._told("stop", order)

    async def reclaim(self, order: Order) -> Result:
        """A start of what runs is no more than a look, and whatever it tells the neighbours."""
        return await self.up(order)

    async def probe(self, order: Order) -> Seen:
        code = (await self._say("monitor", order)).code
        return Seen.UP if code in RUNNING else Seen.DOWN if code in NOT_RUNNING else Seen.UNKNOWN

    async def _told(self, word: str, order: Order) -> Result:
        exited = await self._say(word, order)
        if exited.code == 0:
            return Result(Ending.DONE, exited.line, exited.output)
        seen = await self.probe(order)
        text = f"{self._agent.name} {word}: {meaning(exited.code)}" + (f": {exited.line}" if exited.line else "")
        if seen is Seen.DOWN:
            ending = Ending.DONE if word == "stop" else Ending.FAILED
            return Result(ending, f"{text}; its monitor says that it does not run", exited.output)
        what = "that it runs" if seen is Seen.UP else "neither that it runs nor that it does not"
        ending = Ending.FAILED if word == "stop" and seen is Seen.UP else Ending.UNKNOWN
        return Result(ending, f"{text}; its monitor says {what}", exited.output)

    async def _say(self, word: str, order: Order) -> Exited:
        """Raises OSError where it cannot be run."""
        environment = {**order.environment(), **self._agent.environment(order.service, TOLD_MS)}
        return await self._programs.run([self._agent.program, word], environment)
