"""The board of alarms in a running node: who hears of an alarm, and when the state is looked at.

alarms = Alarming(node, troubles, changed)
alarms.begin(AlarmName.LOOP_LATE, "...")        # `coordinator.alarms` says how an alarm comes and goes
alarms.start()                                  # from now on it looks once a second
alarms.standing
"""

import asyncio
import logging
from collections.abc import Callable, Iterator

from coordinator.alarms.board import Alarm, Board, Condition
from coordinator.alarms.conditions import conditions
from coordinator.alarms.names import AlarmName
from coordinator.control.view import NodeView
from coordinator.daemon.inbox import read_clocks

log = logging.getLogger("failover.alarms")

EVERY_S = 1.0
"""An alarm wakes a person: a second more does no harm, and a look costs as much as a status."""

Troubles = Callable[[], list[tuple[str, str]]]
"""Service and what is wrong with an address of it."""


class Alarming(Board):
    def __init__(self, view: NodeView, troubles: Troubles, changed: Callable[[Alarm, bool], None]) -> None:
        """`changed` is told each beginning (True) and each end (False)."""
        super().__init__(read_clocks, self._log)
        self._view = view
        self._troubles = troubles
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._again)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def refresh(self) -> None:
        """Look now."""
        self.look([*conditions(self._view), *self._missing()])

    def _again(self) -> None:
        self.refresh()
        self.start()

    def _missing(self) -> Iterator[Condition]:
        """One alarm for a service, however many of its addresses are concerned."""
        texts: dict[str, list[str]] = {}
        for service, text in self._troubles():
            texts.setdefault(service, []).append(text)
        for service, found in texts.items():
            yield Condition(AlarmName.ADDRESS_MISSING, "; ".join(found), service, self._view.me)

    def _log(self, alarm: Alarm, begins: bool) -> None:
        about = " ".join(filter(None, alarm.key))
        log.log(logging.ERROR if begins else logging.WARNING, "alarm %s%s: %s", about, "" if begins else " is over", alarm.text)
        self._changed(alarm, begins)
