"""The stage: the laboratory, a narrator who prints every event as it happens, and the table of what was measured."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from coordinator.sentences import sentence
from protocol.event import Event
from protocol.kinds import Kind
from tools.lab.lab import Lab
from tools.lab.measure import Measure
from tools.lab.place import LabError
from tools.lab.watchers import FAMILIES

POLL_S = 0.02
QUIET = {
    Kind.CONFIG_PART, Kind.FORK_PART, Kind.CONFIG_APPLIED, Kind.ACTION_STARTED, Kind.ACTION_FINISHED, Kind.PULSE,
    Kind.GAP_DECLARED, Kind.MOVE_ENDED,
}  # fmt: skip
"""Events that are only noise here; `failaudit timeline` has them all."""
WIDTH = 150
QUIET_S = 1.1
MASTER, SLAVE = "lukretia", "genesis"


class Row(NamedTuple):
    """One line of the table: by family the outage, and the time with two owners, in ms."""

    what: str
    outage_ms: dict[int, float]
    two_owners_ms: dict[int, float]


class Stage:
    def __init__(self, lab: Lab, interrupted: threading.Event):
        self.lab = lab
        self.interrupted = interrupted
        self.rows: list[Row] = []
        self._told = 0
        self._began_ms = _boot_ms()

    def act(self, number: int, title: str, story: str) -> None:
        """Begin a demonstration, after a moment of quiet: what belongs to the one before is told there."""
        self.quiet()
        print(f"\n{number}. {title}\n   {story}", flush=True)

    def quiet(self) -> None:
        """Let things settle before an accident: a judgement is written at most once a second, and we want to see it."""
        self.watch_for(QUIET_S)

    def measure(self) -> Measure:
        """From here on: the clock that is told starts as well."""
        self._began_ms = _boot_ms()
        return Measure(self.lab)

    def note(self, text: str) -> None:
        """A line of the narrator's own."""
        self._line(_boot_ms() - self._began_ms, f"-- {text}")

    def keep(self, what: str, measure: Measure) -> None:
        """Print and keep what the client and the bystander saw since the measurement began."""
        seen = measure.seen()
        row = Row(what, {f: seen[f].outage_ms for f in FAMILIES}, {f: seen[f].two_owners_ms for f in FAMILIES})
        self.rows.append(row)
        self._tell()
        self.note(f"the client: longest time without an answer IPv4 {row.outage_ms[4]:.0f} ms, IPv6 {row.outage_ms[6]:.0f} ms")

    def until(self, predicate: Callable[[], object], what: str, deadline_s: float = 20.0) -> None:
        """Wait until it is so, telling what happens meanwhile."""
        end = time.monotonic() + deadline_s
        while not predicate():
            if time.monotonic() > end:
                raise LabError(f"not within {deadline_s:.0f} s: {what}")
            if self.interrupted.is_set():
                raise KeyboardInterrupt
            self._tell()
            time.sleep(POLL_S)
        self._tell()

    def until_serves(self, name: str, measure: Measure) -> None:
        """Until this node alone answers the client, and says itself that it is UP."""
        self.until(lambda: measure.is_steady(name), f"{name} alone answers the client")

    def until_said(self, mark: int, kind: str, node: str) -> None:
        """Until this node has written an event of this kind after `mark`."""
        self.until(lambda: self.lab.feeds.since(mark, kind, node, "web"), f"{node} writes {kind}")

    def watch_for(self, seconds: float) -> None:
        """Let time pass, telling what happens: here the point is that nothing does."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, "time passes", seconds + 5)

    def _tell(self) -> None:
        self.lab.feeds.fresh()
        for event in self.lab.feeds.seen[self._told :]:
            if event.kind not in QUIET:
                self._line(event.boot_ms - self._began_ms, _short(event))
        self._told = len(self.lab.feeds.seen)

    def _line(self, at_ms: float, words: str) -> None:
        print(f"   {at_ms / 1000:+8.3f} s  {words}", flush=True)

    def table(self) -> str:
        """What the client lost, one line a demonstration."""
        titles = f"   {'':44} {'outage, ms':>15}  {'two owners, ms':>15}"
        families = f"   {'':44} {'IPv4':>7} {'IPv6':>7}  {'IPv4':>7} {'IPv6':>7}"
        return "\n".join([titles, families, *(self._row(row) for row in self.rows)])

    def _row(self, row: Row) -> str:
        outages = " ".join(f"{row.outage_ms[family]:7.0f}" for family in FAMILIES)
        owners = " ".join(f"{row.two_owners_ms[family]:7.0f}" for family in FAMILIES)
        return f"   {row.what:44} {outages}  {owners}"


def _short(event: Event) -> str:
    words = sentence(event)
    return words if len(words) <= WIDTH else f"{words[:WIDTH]}..."


def _boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
