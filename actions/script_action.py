"""A service's own script, with the seven words of 2000: start, stop, reclaim; and fail, recover, up, down as news.

    action = ScriptAction("/etc/failover/web", programs)
    await action.up(order)              # /etc/failover/web start
    await action.probe(order)           # /etc/failover/web status: 0 up, 3 down, anything else: cannot tell
    await action.tell("recover", order) # news of a state that was entered; its exit code is only logged

Orders come before news: an order ends a word that is still being told, and makes those obsolete that were waiting.
Why these words mean what they mean: docs/decisions/0030-script-words.md.
"""

import asyncio
import logging
from functools import partial

from actions.action import Ending, Order, Result, Seen
from actions.kinds.kind import Call
from actions.process import Exited, Programs
from actions.script_events import words
from actions.starting import Lost

log = logging.getLogger("failover.script")

STATUS_UP, STATUS_DOWN = 0, 3
"""Exit codes of `status` as in the LSB's init scripts; 1, 2 and 4 mean dead or unknown there, and cannot be relied on."""


class ScriptAction:
    def __init__(self, path: str, programs: Programs) -> None:
        self.path = path
        self._programs = programs
        self._telling: asyncio.Task[Exited] | None = None
        self._orders = 0

    async def up(self, order: Order) -> Result:
        return await self._obey("start", order, Seen.UP)

    async def down(self, order: Order) -> Result:
        return await self._obey("stop", order, Seen.DOWN)

    async def reclaim(self, order: Order) -> Result:
        return await self._obey("reclaim", order, None)

    async def probe(self, order: Order) -> Seen:
        exited = await self._say("status", order)
        return {STATUS_UP: Seen.UP, STATUS_DOWN: Seen.DOWN}.get(exited.code, Seen.UNKNOWN)

    def calls(self, was: str, state: str, order: Order) -> list[Call]:
        return [Call(word, partial(self.tell, word, order, self.orders())) for word in words(was, state)]

    def orders(self) -> int:
        """How many orders were given so far: news that are older than the newest order are obsolete."""
        return self._orders

    async def tell(self, word: str, order: Order, orders: int) -> None:
        """Tell `word`, unless an order came since `orders` was read."""
        if orders != self._orders:
            return log.info("%s %s: obsolete, an order came first", self.path, word)
        self._telling = asyncio.create_task(self._say(word, order))
        try:
            exited = await self._telling
            if exited.code:
                log.warning("%s %s: %s", self.path, word, _words(exited))
        except OSError as error:
            log.warning("%s %s: %s", self.path, word, error.strerror)
        except Lost as lost:
            log.warning("%s %s: %s", self.path, word, lost)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # it is we who are to end; else an order ended the word
        finally:
            self._telling = None

    async def _obey(self, word: str, order: Order, wanted: Seen | None) -> Result:
        self._orders += 1
        if self._telling is not None:
            await _ended(self._telling)
        try:
            exited = await self._say(word, order)
        except OSError as error:
            return Result(Ending.FAILED, f"{self.path} cannot be run: {error.strerror}")
        if exited.code == 0:
            return Result(Ending.DONE, exited.line, exited.output)
        return await self._refused(word, order, wanted, exited)

    async def _refused(self, word: str, order: Order, wanted: Seen | None, exited: Exited) -> Result:
        """It says that it failed. For `stop` a probe may know better; a failed `start` that is up all the same is unknown."""
        seen = await self.probe(order)
        text = f"{self.path} {word}: {_words(exited)}"
        if wanted is Seen.DOWN and seen is Seen.DOWN:
            return Result(Ending.DONE, f"{text}; but its status says down", exited.output)
        if wanted is Seen.UP and seen is Seen.UP:
            return Result(Ending.UNKNOWN, f"{text}; but its status says up", exited.output)
        return Result(Ending.FAILED, text, exited.output)

    async def _say(self, word: str, order: Order) -> Exited:
        return await self._programs.run([self.path, word], order.environment())


async def _ended(task: "asyncio.Task[Exited]") -> None:
    task.cancel()
    await asyncio.wait([task])


def _words(exited: Exited) -> str:
    how = f"exit {exited.code}" if exited.code >= 0 else f"killed by signal {-exited.code}"
    return f"{how}: {exited.line}" if exited.line else how
