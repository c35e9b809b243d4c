"""Switches other nodes off, by the levels that the configuration has for them: `coordinator.shell.ports.Power`.

    fencer = Fencer(watch, programs, post)
    fencer.fence(Fence(request, "genesis"))     # answered by FenceFinished
    await fencer.close()                        # an agent that runs is ended, and nothing is answered

Nodes are fenced side by side, each by its own devices. Where `faild` dies the guard ends the agents.
"""

import asyncio
import logging
from collections.abc import Callable

from actions.fencing import Fencing
from actions.process import Programs
from coordinator.core.effects import Fence
from coordinator.core.inputs import FenceFinished, Input
from coordinator.services.fence_watch import FenceWatch

log = logging.getLogger("failover.fencing")

TEXT_MAX = 500
"""Characters of what became of it: it goes into an event."""


class Fencer:
    def __init__(self, watch: FenceWatch, programs: Callable[[], Programs], post: Callable[[Input], None]) -> None:
        self._watch, self._programs, self._post = watch, programs, post
        self._tasks: set[asyncio.Task[None]] = set()

    def fence(self, order: Fence) -> None:
        task = asyncio.create_task(self._fence(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _fence(self, order: Fence) -> None:
        node, levels = order.node, self._watch.levels.get(order.node)
        if levels is None:
            found = self._watch.found(node)
            text = found.text if found else "the configuration here has no way to"
            return self._post(FenceFinished(order.request, node, False, 0, text[:TEXT_MAX]))
        log.warning("%s is being switched off", node)
        self._watch.stand_aside(node)
        try:
            fenced = await Fencing(node, levels, self._programs()).run()
        finally:
            self._watch.come_back(node)
        log.log(logging.WARNING if fenced.ok else logging.ERROR, "%s", fenced.text)
        self._post(FenceFinished(order.request, node, fenced.ok, fenced.level or 0, fenced.text[:TEXT_MAX]))
