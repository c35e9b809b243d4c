"""The board of alarms in a running node: who hears of an alarm, and when the state is looked at.

alarms = Alarming(node, troubles, look, changed)
alarms.begin(AlarmName.LOOP_LATE, "...")        # `coordinator.alarms` says how an alarm comes and goes
alarms.start()                                  # from now on it looks once a second
alarms.standing
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from coordinator.alarms.board import Alarm, Board, Condition
from coordinator.alarms.changes import changed_services
from coordinator.alarms.conditions import about_nodes, sweep
from coordinator.alarms.names import AlarmName
from coordinator.control.view import NodeView
from coordinator.daemon.clock import read_clocks
from coordinator.state.model import State

log = logging.getLogger("failover.alarms")

EVERY_S = 1.0
"""An alarm wakes a person: a second more does no harm, and a look costs as much as a status."""

SLICE_S, PAUSE_S = 0.003, 0.01
"""A sweep over many services takes so long in one turn of the loop, and then leaves so long for everything else."""

ANYHOW = 10
"""Looks: after so many what was found is looked at again, since the times of events may have been read meanwhile."""

Troubles = Mapping[AlarmName, Callable[[], list[tuple[str, str]]]]
"""What the shell alone can see: service, and what is wrong with an address of it."""


class Alarming(Board):
    def __init__(
        self, view: NodeView, troubles: Troubles, look: Callable[[], None], changed: Callable[[Alarm, bool], None]
    ) -> None:
        """`look` is called before `troubles` is asked; `changed` is told each beginning (True) and each end (False)."""
        super().__init__(read_clocks, self._log)
        self._view = view
        self._troubles = troubles
        self._look_for_troubles = look
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None
        self._recalling: asyncio.Task[bool] | None = None
        """Reads since when what stands has stood: known at the next look."""
        self._known: tuple[object, ...] = ()
        self._by_service: dict[str, list[Condition]] = {}
        """What was found, where anything was."""
        self._found: list[Condition] = []
        self._looks = 0
        self._state: State | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._again)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._recalling is not None:
            self._recalling.cancel()

    def _again(self) -> None:
        """While nothing has changed, what was found is still so, and nothing is looked at."""
        self._look_for_troubles()
        before, self._looks = self._state, self._looks + 1
        known, was = self._seen_now(), self._known
        if known == was and self._looks % ANYHOW:
            self._over_with(self._found)
        else:
            self._known = known
            alike = before if known[1:] == was[1:] else None
            self._step(sweep(self._view, self._concerned(alike)), {})

    def _concerned(self, before: State | None) -> Collection[str]:
        """The services about which the state says something else than this one, and those of which anything was found; all
        where more has changed."""
        changed = None if before is None else changed_services(before, self._view.state)
        return self._view.policy.services if changed is None else changed | self._by_service.keys()

    def _step(self, steps: Iterator[tuple[str, list[Condition]]], found: dict[str, list[Condition]]) -> None:
        """A slice of a sweep; the next one in another turn of the loop."""
        until_s = time.monotonic() + SLICE_S
        for name, part in steps:
            found[name] = part
            if time.monotonic() >= until_s:
                self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._step, steps, found)
                return
        merged = self._by_service | found
        self._by_service = {name: part for name, part in merged.items() if part and name in self._view.policy.services}
        of_services = [condition for part in self._by_service.values() for condition in part]
        self._over_with([*of_services, *about_nodes(self._view, self._view.peers()), *self._of_addresses()])

    def _over_with(self, found: list[Condition]) -> None:
        self._found = found
        self.look(found)
        self._recalling = asyncio.get_running_loop().create_task(self._view.recall())
        self.start()

    def _seen_now(self) -> tuple[object, ...]:
        """All that a condition rests on but the clock."""
        view = self._view
        peers = tuple(replace(peer, silent_ms=0) for peer in view.peers().values())
        links = tuple((link.peer, link.link, link.up, link.datagram) for link in view.links())
        self._state = view.state  # kept, so that no other state gets its id
        troubles = tuple(tuple(found()) for found in self._troubles.values())
        return (id(self._state), view.policy.digest, view.ready, view.unfit_because, peers, links, troubles)

    def _of_addresses(self) -> Iterator[Condition]:
        """One alarm of a name for a service, however many of its addresses are concerned."""
        for name, found in self._troubles.items():
            texts: dict[str, list[str]] = {}
            for service, text in found():
                texts.setdefault(service, []).append(text)
            for service, said in texts.items():
                yield Condition(name, "; ".join(said), service, self._view.me)

    def _log(self, alarm: Alarm, begins: bool) -> None:
        about = " ".join(filter(None, alarm.key))
        log.log(logging.ERROR if begins else logging.WARNING, "alarm %s%s: %s", about, "" if begins else " is over", alarm.text)
        self._changed(alarm, begins)
