"""The one form that a log's file may have, and a connection that can do nothing but what a log needs.

    tame(connection)                            # before the first statement on a file that others may have written
    faults(connection)                          # [] where the file has the form of a log; each fault is one sentence
    damage(connection)                          # what `integrity_check` says; [] where nothing is wrong
    confine(connection)                         # from now on: rows of `events`, transactions, checkpoints

A trigger can swallow what a commit reports as durable, a view can show other rows than the table has, an index can hide
some, and a table without its key can hold two rows of one name. None of that shows in the rows. So the schema is
compared letter by letter, and a file with any other one is not read at all.
"""

import sqlite3
from collections.abc import Iterable

TABLE = """CREATE TABLE events(
    node TEXT NOT NULL, incarnation INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB,
    PRIMARY KEY(node, incarnation, number)) WITHOUT ROWID"""
"""As SQLite keeps it in `sqlite_schema`: every log that there is has these letters, so they never change."""

SCHEMA_VERSION = 1

VALUE_BYTES_MAX = 1 << 20
"""No value of a file is read that is longer: an event has 65,535 bytes at most, and the rest is named without being kept."""

SCHEMA_OBJECTS_MAX = 20
"""So many strange objects are named; a file can hold millions."""

STEPS_AT_ONCE = 100_000
"""SQLite's virtual machine asks us so often whether to go on: about every 10 ms."""

STEPS_PER_BYTE = 4
"""A row has at least 8 bytes and takes some 20 steps. Pages that point at one another in a ring would go on for ever."""


def tame(connection: sqlite3.Connection) -> None:
    """What a foreign file says is data. Nothing in it is run, whatever the defaults of this SQLite are.

    Python 3.11 cannot turn on SQLite's defensive mode. `writable_schema` off and `confine` refuse what it would refuse.
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for line in ("trusted_schema=OFF", "writable_schema=OFF", "cell_size_check=ON", "mmap_size=0", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {line}").fetchall()


def is_new(connection: sqlite3.Connection) -> bool:
    """Whether the file holds nothing at all: the log is to be made in it."""
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None


def faults(connection: sqlite3.Connection) -> list[str]:
    """In what the file differs from a log. Looks at the schema only, and never runs anything that stands in it."""
    found = [
        _strange(*row)
        for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT ?", (SCHEMA_OBJECTS_MAX,))
        if row != ("table", "events", "events", TABLE)
    ]
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        found.append(f"its text is {encoding}, a log's is UTF-8")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= SCHEMA_VERSION:
        found.append(f"its version is {version}; this program reads {SCHEMA_VERSION}")
    return found


def is_no_log(connection: sqlite3.Connection) -> bool:
    """Whether nothing in the file is called as a log's table is: not a log that was changed, but another file."""
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchone() is None


def _strange(kind: object, name: object, table: object, sql: object) -> str:
    if name == "events" and kind == "table":
        return "its table events is not made as a log's is"
    if name == "events":
        return f"events is a {kind}, and no table"
    where = f" on {table}" if kind in ("trigger", "index") else ""
    return f"it has a {kind} {name}{where}, and a log has none"


def damage(connection: sqlite3.Connection) -> list[str]:
    """What is wrong in the pages, in SQLite's words: rows out of order, a page used twice, NULL where none may be."""
    said = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({SCHEMA_OBJECTS_MAX})")]
    return [] if said == ["ok"] else [line for text in said for line in text.splitlines()][:SCHEMA_OBJECTS_MAX]


def bound(connection: sqlite3.Connection) -> int:
    """From now on statements end with `interrupted` where they take more steps than the file's bytes can ask for.

    Returns the bytes of the file as it is read: no more can be in its rows.
    """
    (pages,), (page_bytes,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    left = [STEPS_PER_BYTE * int(pages * page_bytes) // STEPS_AT_ONCE + 100]

    def enough() -> bool:
        left[0] -= 1
        return left[0] < 0

    connection.set_progress_handler(enough, STEPS_AT_ONCE)
    return int(pages * page_bytes)


ALLOWED = {
    (sqlite3.SQLITE_READ, "events"), (sqlite3.SQLITE_INSERT, "events"), (sqlite3.SQLITE_DELETE, "events"),
    (sqlite3.SQLITE_PRAGMA, "wal_checkpoint"), (sqlite3.SQLITE_PRAGMA, "user_version"), (sqlite3.SQLITE_PRAGMA, "synchronous"),
}  # fmt: skip
ALLOWED_ANYHOW = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION}


def confine(connection: sqlite3.Connection) -> None:
    """Nothing but rows of `events`, in no name but ours: what a trigger or a view asks for, put there later, is refused."""
    connection.set_authorizer(_authorized)


def _authorized(action: int, first: str | None, second: str | None, database: str | None, within: str | None) -> int:
    allowed = within is None and (action in ALLOWED_ANYHOW or (action, first) in ALLOWED)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def sentence(found: Iterable[str]) -> str:
    """All that is wrong with the form of a file, as one line."""
    return "its form is not that of a log: " + "; ".join(found)
