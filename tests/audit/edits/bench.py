"""Every edit of a log that was tried against it, each with its verdict. docs/audit.md has the same table for people.

    EDITS["a row in the middle is deleted"].make(bench)     # on lukretia's copy; then `failaudit verify` says the verdict
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.event import Entry, Event
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain
from tests.audit.worlds import Played
from tools.simulator.keys import Keys

ME = "lukretia"
ALL = "SELECT node, incarnation, number, bytes, signature FROM events"


@dataclass
class Bench:
    """Two copies of one history with both nodes stopped, and the history of another cluster to take from."""

    world: Played
    other: Played

    @property
    def folder(self) -> Path:
        return self.world.state(ME)

    @property
    def file(self) -> Path:
        return self.folder / "log.db"

    @contextmanager
    def open(self, node: str = ME) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.world.state(node) / "log.db", isolation_level=None)) as connection:
            yield connection

    def sql(self, statement: str, *values: object, node: str = ME) -> None:
        with self.open(node) as connection:
            connection.execute(statement, values)

    def feed(self, node: str = ME, of: Played | None = None) -> list[Entry]:
        with closing(sqlite3.connect((of or self.world).state(ME) / "log.db")) as connection:
            rows = connection.execute(f"{ALL} WHERE node = ? ORDER BY incarnation, number", (node,)).fetchall()
        return [Entry.read(raw, signature) for *_, raw, signature in rows]

    def put(self, entry: Entry, node: str = ME) -> None:
        self.sql("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", *entry.ref, entry.raw, entry.signature, node=node)

    def signed(self, event: Event, by: str = ME) -> Entry:
        entry = Entry.of(event)
        return entry.signed(Keys([by], real=True).signer(by).sign(Domain.EVENT, entry.id))

    def row(self, kind: Callable[[Entry], bool]) -> Entry:
        """The first event of lukretia that is so, not the first of its feed nor near its end."""
        return next(entry for entry in self.feed()[2:-6] if kind(entry))

    @property
    def covered(self) -> Entry:
        """One that only the chain to a later signature covers."""
        return self.row(lambda entry: entry.signature is None)

    @property
    def sealed(self) -> Entry:
        """One with a signature of its own that others name."""
        return self.row(lambda entry: entry.signature is not None and entry.event.kind not in ALWAYS_SIGNED)

    def reform(self, table: str, select: str = "SELECT * FROM old") -> None:
        """The same rows in a table that is made in another way."""
        with self.open() as connection:
            connection.execute("ALTER TABLE events RENAME TO old")
            connection.execute(table)
            connection.execute(f"INSERT INTO events {select}")
            connection.execute("DROP TABLE old")

    @property
    def table(self) -> str:
        with self.open() as connection:
            ((text,),) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'events'")
        return str(text)


Make = Callable[[Bench], None]


@dataclass(frozen=True)
class Edit:
    make: Make
    verdict: str
    """A kind of finding; `unreadable` (exit 3); a remark; or nothing: `sound`."""
    shown_by: str = ""
    """Where the verdict is `sound`: what would show it."""


EDITS: dict[str, Edit] = {}


def edit(name: str, verdict: str, shown_by: str = "") -> Callable[[Make], Make]:
    def keep(make: Make) -> Make:
        assert name not in EDITS
        EDITS[name] = Edit(make, verdict, shown_by)
        return make

    return keep


def at(entry: Entry) -> tuple[str, tuple[Any, ...]]:
    return "WHERE node = ? AND incarnation = ? AND number = ?", tuple(entry.ref)


def change(bench: Bench, entry: Entry, **columns: object) -> None:
    where, place = at(entry)
    sets = ", ".join(f"{name} = ?" for name in columns)
    bench.sql(f"UPDATE events SET {sets} {where}", *columns.values(), *place)
