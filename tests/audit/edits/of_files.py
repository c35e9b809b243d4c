"""Edits of the file: its WAL, its pages, its schema."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

from protocol.event import Entry
from tests.audit.edits.bench import ALL, ME, Bench, at, edit

# --- the file ---------------------------------------------------------------------------------------------------------


@edit("an edit stands only in the WAL", "chain")
def _in_the_wal(bench: Bench) -> None:
    aside = bench.folder / "aside"
    aside.mkdir()
    where, place = at(bench.covered)
    raw = Entry.of(replace(bench.covered.event, wall_ms=1)).raw
    with bench.open() as connection:
        connection.execute(f"UPDATE events SET bytes = ? {where}", (raw, *place))
        for name in ("log.db", "log.db-wal"):
            shutil.copyfile(bench.folder / name, aside / name)
    for name in ("log.db", "log.db-wal"):
        shutil.copyfile(aside / name, bench.folder / name)


@edit("another cluster's WAL", "cluster")
def _foreign_wal(bench: Bench) -> None:
    with closing(sqlite3.connect(bench.other.state(ME) / "log.db", isolation_level=None)) as connection:
        rows = connection.execute(ALL).fetchall()
        connection.execute("DELETE FROM events")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        shutil.copyfile(bench.other.state(ME) / "log.db-wal", bench.folder / "log.db-wal")


@edit("half a file", "unreadable")
def _half(bench: Bench) -> None:
    raw = bench.file.read_bytes()
    bench.file.write_bytes(raw[: len(raw) // 2])


@edit("the header of the file is overwritten", "unreadable")
def _file_header(bench: Bench) -> None:
    bench.file.write_bytes(bytes(100) + bench.file.read_bytes()[100:])


@edit("the header of the table's first page is overwritten", "unreadable")
def _page_header(bench: Bench) -> None:
    raw = bench.file.read_bytes()
    bench.file.write_bytes(raw[:4096] + bytes(12) + raw[4108:])


# --- the schema -------------------------------------------------------------------------------------------------------

NO_KEY = (",\n    PRIMARY KEY(node, incarnation, number)) WITHOUT ROWID", ")")


@edit("no primary key, and a row twice", "schema")
def _twice(bench: Bench) -> None:
    bench.reform(bench.table.replace(*NO_KEY))
    bench.sql("INSERT INTO events SELECT * FROM events WHERE number = 3")


@edit("no primary key, and a forged twin of a row", "schema")
def _forged_twin(bench: Bench) -> None:
    entry = bench.covered
    bench.reform(bench.table.replace(*NO_KEY))
    raw = Entry.of(replace(entry.event, wall_ms=1)).raw
    bench.sql("INSERT INTO events VALUES (?, ?, ?, ?, ?)", *entry.ref, raw, None)


@edit("no primary key, and a signed fork", "schema")
def _signed_fork(bench: Bench) -> None:
    entry = bench.feed()[-1]
    bench.reform(bench.table.replace(*NO_KEY))
    twin = bench.signed(replace(entry.event, wall_ms=1))
    bench.sql("INSERT INTO events VALUES (?, ?, ?, ?, ?)", *twin.ref, twin.raw, twin.signature)


def view(bench: Bench, select: str) -> None:
    with bench.open() as connection:
        connection.execute("ALTER TABLE events RENAME TO old")
        connection.execute(f"CREATE VIEW events AS {select}")


@edit("a view in the place of the table", "schema")
def _view(bench: Bench) -> None:
    view(bench, "SELECT * FROM old")


@edit("a view that hides the tail", "schema")
def _hiding_view(bench: Bench) -> None:
    view(bench, "SELECT * FROM old WHERE number < 9")


@edit("an endless view", "schema")
def _endless_view(bench: Bench) -> None:
    view(
        bench,
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
        "SELECT 'lukretia' AS node, 1 AS incarnation, n AS number, x'80' AS bytes, NULL AS signature FROM c",
    )


TRIGGERS = {
    "ignores": "BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END",
    "deletes": "AFTER INSERT ON events BEGIN DELETE FROM events WHERE number = NEW.number; END",
    "strips the signature of": "AFTER INSERT ON events BEGIN UPDATE events SET signature = NULL WHERE number = NEW.number; END",
}
for _does, _text in TRIGGERS.items():

    @edit(f"a trigger that {_does} what is inserted", "schema")
    def _trigger(bench: Bench, text: str = _text) -> None:
        bench.sql(f"CREATE TRIGGER t {text}")


@edit("an index with other rows than the table", "schema")
def _index(bench: Bench) -> None:
    with bench.open() as connection:
        connection.execute("CREATE INDEX i ON events(number)")
        row = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'i'").fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'i'")
    bench.sql("DELETE FROM events WHERE number = 7")
    with bench.open() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)


@edit("a table more", "schema")
def _more(bench: Bench) -> None:
    bench.sql("CREATE TABLE more(x)")


@edit("a column is missing", "schema")
def _less(bench: Bench) -> None:
    bench.sql("ALTER TABLE events DROP COLUMN signature")


@edit("a generated column", "schema")
def _generated(bench: Bench) -> None:
    bench.sql("ALTER TABLE events ADD COLUMN next AS (number + 1)")


@edit("names without regard to case", "schema")
def _nocase(bench: Bench) -> None:
    bench.reform(bench.table.replace("node TEXT NOT NULL", "node TEXT NOT NULL COLLATE NOCASE"))


@edit("a CHECK that will refuse number 10,000,000", "schema")
def _check(bench: Bench) -> None:
    bench.reform(bench.table.replace("number INTEGER NOT NULL", "number INTEGER NOT NULL CHECK(number < 10000000)"))


@edit("text as UTF-16", "schema")
def _utf16(bench: Bench) -> None:
    with bench.open() as connection:
        rows, table = connection.execute(ALL).fetchall(), bench.table
    bench.file.unlink()
    with bench.open() as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        connection.execute(table)
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
