"""What the nodes write, read from their logs as it comes: live, read-only, also of a node that has lost its power.

    feeds = FeedIndex([node.state for node in lab.nodes.values()])
    for event in feeds.fresh(): ...          # every event once, whichever log showed it first
    feeds.since(mark, "claim")               # what was claimed after a `mark = feeds.mark()`

Labels of time (`boot_ms`) are comparable here because all nodes run on one machine.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from protocol.event import Event, Ref, decode

NEW_ROWS = "SELECT number, bytes FROM events WHERE node = ? AND incarnation = ? AND number > ? ORDER BY number"
FEEDS = "SELECT node, incarnation, max(number) FROM events GROUP BY node, incarnation"


class _Log:
    """One log and how far it was read. A log that is not there yet, or is busy for a moment, has nothing new."""

    def __init__(self, state: Path):
        self._file = state / "log.db"
        self._connection: sqlite3.Connection | None = None
        self.read_to: dict[tuple[str, int], int] = {}

    def fresh(self) -> list[Event]:
        try:
            return self._fresh()
        except sqlite3.OperationalError:
            self.close()
            return []

    def _fresh(self) -> list[Event]:
        if self._connection is None:
            if not self._file.exists():
                return []
            self._connection = sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        found: list[Event] = []
        for node, incarnation, last in self._connection.execute(FEEDS).fetchall():
            known = self.read_to.get((node, incarnation), 0)
            if last > known:
                rows = self._connection.execute(NEW_ROWS, (node, incarnation, known)).fetchall()
                found += [decode(raw) for _, raw in rows]
                self.read_to[node, incarnation] = max(number for number, _ in rows)
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class FeedIndex:
    """The feeds of a cluster, merged from the logs of its nodes. `seen` holds every event so far, in order of arrival."""

    def __init__(self, states: Iterable[Path]):
        self._logs = {state: _Log(state) for state in states}
        self._names: set[Ref] = set()
        self.seen: list[Event] = []

    def fresh(self) -> list[Event]:
        """The events that were not there at the last call, by their own clocks."""
        found = {event.ref: event for log in self._logs.values() for event in log.fresh() if event.ref not in self._names}
        ordered = sorted(found.values(), key=lambda event: (event.boot_ms, event.ref))
        self._names.update(found)
        self.seen += ordered
        return ordered

    def same_everywhere(self) -> bool:
        """Whether every log holds every feed, all equally far."""
        self.fresh()
        first, *others = (log.read_to for log in self._logs.values())
        return all(other == first for other in others)

    def mark(self) -> int:
        """A place in `seen` to look on from."""
        self.fresh()
        return len(self.seen)

    def since(self, mark: int, kind: str, node: str | None = None, service: str | None = None) -> list[Event]:
        """Events of one kind after `mark`, of one node and service where they are named."""
        self.fresh()
        return [
            event
            for event in self.seen[mark:]
            if event.kind == kind and node in (None, event.node) and service in (None, event.service)
        ]

    def close(self) -> None:
        for log in self._logs.values():
            log.close()
