"""What people and hooks hear of this node: its own events once they are durable.

news = News(lambda: core, run, executor.changed, bell)
news.durable(event)             # told NEWS_S later: what it allows to be done is done first
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping

from coordinator import sentences
from coordinator.control.change_signal import ChangeSignal
from coordinator.core.core import Core
from coordinator.state.model import ServicePhase
from protocol.event import Event
from protocol.events import Claim, Down, Fail, NodeStarted, Reclaim, Recover, Release, Restart, Up, body_of
from protocol.events.body import Body

log = logging.getLogger("failover")

NEWS_S = 0.003
"""So much later: no person reads so fast."""

SLICE_S = 0.005
"""A step of six hundred addresses has twelve hundred events of some 30 us each: told at once they would hold up a heartbeat."""

ENTERS: Mapping[type[Body], str] = {
    Recover: "RECOVER",
    Claim: "STARTING",
    Restart: "STARTING",
    Up: "UP",
    Reclaim: "RECLAIM",
    Release: "STOPPING",
    Fail: "FAIL",
}
"""The state that an event enters; hooks, scripts and traps are told. `down` says itself where it leads."""

Changed = Callable[[str, str, int, str], None]
"""Service, state, epoch, reason."""


class News:
    def __init__(
        self, core: Callable[[], Core], run: bytes, changed: Changed, written: Callable[[], None], bell: ChangeSignal
    ) -> None:
        """`changed` passes a service's new state here on to hooks, scripts and traps; `written` hears that the log has taken
        something; `bell` wakes those that watch."""
        self._core = core
        self._run = run
        self._changed = changed
        self._bell = bell
        self._written = written
        self._untold: deque[Event] = deque()
        self._begun = False
        """Our node-started is durable. What stands before it in our feed, and may be fetched back, is history and no news."""

    def durable(self, event: Event) -> None:
        """An event of our own."""
        self._written()
        self._untold.append(event)

    def soon(self) -> None:
        asyncio.get_running_loop().call_later(NEWS_S, self._tell_some)

    def tell(self) -> None:
        """All that is not told yet, now."""
        while self._untold:
            self._tell_next()
        self._bell.ring()

    def _tell_some(self) -> None:
        """For as long as one turn of the event loop may take; the rest in the next ones, in its order."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + SLICE_S
        while self._untold and loop.time() < until_s:
            self._tell_next()
        if self._untold:
            loop.call_soon(self._tell_some)
        else:
            self._bell.ring()

    def _tell_next(self) -> None:
        event = self._untold.popleft()
        body = body_of(event)
        self._begun = self._begun or (isinstance(body, NodeStarted) and body.run == self._run)
        if self._begun:
            self._tell(event, body)

    def _tell(self, event: Event, body: object) -> None:
        log.info("%s", sentences.sentence(event))
        if isinstance(body, NodeStarted):
            self._tell_where_it_begins()
        if isinstance(body, Recover | Claim | Restart | Up | Reclaim | Release | Fail | Down):
            state = body.to.value if isinstance(body, Down) else ENTERS[type(body)]
            said = 0 if isinstance(body, Recover | Restart | Fail) else body.epoch
            epoch = said or self._core().column.service(event.service).epoch
            self._changed(event.service, state, epoch, body.reason)

    def _tell_where_it_begins(self) -> None:
        """RECOVER, or FAIL where an operator's word outlives the restart: scripts and hooks hear it at every start."""
        core = self._core()
        for service in core.policy.owned_by(core.me):
            column = core.column.service(service.name)
            state = "FAIL" if column.state is ServicePhase.FAIL else "RECOVER"
            self._changed(service.name, state, column.epoch, column.reason if state == "FAIL" else "faild has started")
