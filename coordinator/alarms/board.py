"""The board on which alarms stand: what was begun by name and not ended yet, and the conditions that are seen.

    board = Board(read_clocks, told)
    board.begin(AlarmName.LOOP_LATE, "the loop stood still for 212 ms: ...")
    board.end(AlarmName.LOOP_LATE)
    board.look(conditions(view))        # now and then: at least once a second
    board.standing                      # the gravest first

`told(alarm, begins)` hears of each beginning and each end once; a text that changes is no news.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from coordinator.alarms.names import BY_THE_EVENT, LASTS_MS, PATIENCE_MS, AlarmName
from coordinator.core.inputs import Now

ALARMS_MAX = 500
"""Limit for those begun by name: a thief that causes one for each name that it invents fills no memory. The oldest goes."""

RANK = {name: rank for rank, name in enumerate(AlarmName)}


class Key(NamedTuple):
    """Which alarm it is."""

    name: AlarmName
    service: str
    node: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is so as long as it is seen."""

    name: AlarmName
    text: str
    service: str = ""
    node: str = ""
    since_ms: int | None = None
    """By the wall clock, where the event that brought it is known; else the board remembers when it was seen first."""

    @property
    def key(self) -> Key:
        return Key(self.name, self.service, self.node)


@dataclass(frozen=True, slots=True)
class Alarm:
    key: Key
    text: str
    since_ms: int
    """By this node's wall clock."""


@dataclass(slots=True)
class _Seen:
    alarm: Alarm
    first_ms: int
    """Monotonic."""
    told: bool = False


class Board:
    def __init__(self, clocks: Callable[[], Now], told: Callable[[Alarm, bool], None]) -> None:
        self._clocks = clocks
        self._told = told
        self._begun: dict[Key, Alarm] = {}
        self._ends_ms: dict[Key, int] = {}
        """Monotonic, of those that end by themselves."""
        self._until_written: set[Key] = set()
        self._seen: dict[Key, _Seen] = {}

    @property
    def standing(self) -> tuple[Alarm, ...]:
        alarms = [*self._begun.values(), *(seen.alarm for seen in self._seen.values() if seen.told)]
        return tuple(sorted(alarms, key=lambda alarm: (RANK[alarm.key.name], *alarm.key[1:])))

    def begin(self, name: AlarmName, text: str, *, service: str = "", node: str = "", until_written: bool = False) -> None:
        """Until `end`, or for LASTS_MS after the last call; `until_written`: until the log takes something (`written`)."""
        now, key = self._clocks(), Key(name, service, node)
        if until_written:
            self._until_written.add(key)
        if name in LASTS_MS:
            self._ends_ms[key] = now.mono_ms + LASTS_MS[name]
        before = self._begun.get(key)
        if before is not None:
            self._begun[key] = replace(before, text=text)
            return
        while len(self._begun) >= ALARMS_MAX:
            self._over(next(iter(self._begun)))
        self._begun[key] = Alarm(key, text, now.wall_ms)
        self._told(self._begun[key], True)

    def end(self, name: AlarmName, *, service: str = "", node: str = "") -> None:
        """Nothing where it does not stand."""
        self._over(Key(name, service, node))

    def written(self) -> None:
        """The log has taken something."""
        for key in sorted(self._until_written):
            self._over(key)

    def look(self, conditions: Iterable[Condition]) -> None:
        """All that is so now; what was seen and is not among them is over."""
        now = self._clocks()
        found = {condition.key: condition for condition in conditions}
        for key in [key for key in self._seen if key not in found]:
            gone = self._seen.pop(key)
            if gone.told:
                self._told(gone.alarm, False)
        for condition in found.values():
            self._see(condition, now)
        for key in [key for key, ends_ms in self._ends_ms.items() if now.mono_ms >= ends_ms]:
            self._over(key)

    def _see(self, condition: Condition, now: Now) -> None:
        key = condition.key
        seen = self._seen.get(key)
        if seen is None:
            since_ms = now.wall_ms if condition.since_ms is None else condition.since_ms
            seen = self._seen[key] = _Seen(Alarm(key, condition.text, since_ms), now.mono_ms)
        since_ms = seen.alarm.since_ms if condition.since_ms is None else condition.since_ms
        seen.alarm = Alarm(key, condition.text, since_ms)
        lasted_ms = now.wall_ms - since_ms if key.name in BY_THE_EVENT else now.mono_ms - seen.first_ms
        if not seen.told and lasted_ms >= PATIENCE_MS.get(key.name, 0):
            seen.told = True
            self._told(seen.alarm, True)

    def _over(self, key: Key) -> None:
        self._ends_ms.pop(key, None)
        self._until_written.discard(key)
        alarm = self._begun.pop(key, None)
        if alarm is not None:
            self._told(alarm, False)
