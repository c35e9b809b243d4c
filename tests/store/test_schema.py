"""A log has exactly one form. Nothing of a file with another form is believed, and nothing in it is ever run."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.journal import Journal
from store.reading import read
from store.refusals import JournalRefused, LogUnreadable
from tests.store.authors import CLUSTER
from tests.store.logs import Logs, write_logs

FROZEN = (
    "CREATE TABLE events(\n"
    "    node TEXT NOT NULL, incarnation INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB,\n"
    "    PRIMARY KEY(node, incarnation, number)) WITHOUT ROWID"
)
"""What stands in every log that was ever written. A program that compares with anything else reads none of them."""

Change = Callable[[sqlite3.Connection], object]


@pytest.fixture
async def logs(tmp_path: Path) -> Logs:
    return await write_logs(tmp_path)


async def opened(logs: Logs) -> Journal:
    me = logs.lukretia
    return await Journal.open(logs.path(), me.node, me.identity, keyring=logs.keyring, cluster=CLUSTER)


def changed(logs: Logs, *statements: str) -> None:
    connection = sqlite3.connect(logs.path() / "log.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rebuilt(table: str) -> tuple[str, ...]:
    """The same rows in a table that is made in another way."""
    return ("ALTER TABLE events RENAME TO old", table, "INSERT INTO events SELECT * FROM old", "DROP TABLE old")


FORMS = {
    "a trigger that swallows": ["CREATE TRIGGER t BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END"],
    "a trigger that deletes": ["CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END"],
    "a view beside the table": ["CREATE VIEW v AS SELECT * FROM events"],
    "a view in its place": ["ALTER TABLE events RENAME TO old", "CREATE VIEW events AS SELECT * FROM old WHERE number < 5"],
    "an endless view in its place": [
        "ALTER TABLE events RENAME TO old",
        "CREATE VIEW events AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
        "SELECT 'lukretia' AS node, 1 AS incarnation, n AS number, x'80' AS bytes, NULL AS signature FROM c",
    ],
    "another table": ["CREATE TABLE more(x)"],
    "an index": ["CREATE INDEX i ON events(number)"],
    "a virtual table": ["CREATE VIRTUAL TABLE more USING fts5(x)"],
    "statistics": ["ANALYZE"],
    "no key": rebuilt(FROZEN.replace(",\n    PRIMARY KEY(node, incarnation, number)) WITHOUT ROWID", ")")),
    "rowids": rebuilt(FROZEN.replace(" WITHOUT ROWID", "")),
    "NOCASE": rebuilt(FROZEN.replace("node TEXT NOT NULL", "node TEXT NOT NULL COLLATE NOCASE")),
    "a check": rebuilt(FROZEN.replace("number INTEGER NOT NULL", "number INTEGER NOT NULL CHECK(number < 10000000)")),
    "a column more": ["ALTER TABLE events ADD COLUMN note TEXT"],
    "a generated column": ["ALTER TABLE events ADD COLUMN note AS (number + 1)"],
    "a column less": ["ALTER TABLE events DROP COLUMN signature"],
    "a version to come": ["PRAGMA user_version = 2"],
}


def test_the_form_of_every_log_that_was_ever_written_stays_the_form(tmp_path: Path):
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.execute(FROZEN.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))  # as it was made at first
    connection.close()
    assert read(tmp_path).findings == []


@pytest.mark.parametrize("form", FORMS)
async def test_another_form_is_named_not_read_and_not_written_to(logs: Logs, form: str):
    changed(logs, *FORMS[form])
    before = (logs.path() / "log.db").read_bytes()
    began = time.process_time()
    source = read(logs.path())
    assert time.process_time() - began < 5, "an endless view is not even begun"
    assert (source.rows, [finding.kind.value for finding in source.findings]) == ([], ["schema"])
    with pytest.raises(LogUnreadable, match=r"its form is not that of a log: .*To recover: move log\.db"):
        await opened(logs)
    assert (logs.path() / "log.db").read_bytes() == before


async def test_text_in_another_encoding_is_another_form(tmp_path: Path):
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.execute("PRAGMA encoding = 'UTF-16'")
    connection.execute(FROZEN)
    connection.close()
    (finding,) = read(tmp_path).findings
    assert "UTF-16" in finding.text


TRIGGERS = {
    "swallows": "BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END",
    "deletes": "AFTER INSERT ON events BEGIN DELETE FROM events WHERE number = NEW.number; END",
    "strips": "AFTER INSERT ON events BEGIN UPDATE events SET signature = NULL WHERE number = NEW.number; END",
}


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_a_trigger_that_comes_while_the_journal_is_open_makes_no_durable_a_lie(logs: Logs, trigger: str):
    journal = await opened(logs)
    changed(logs, f"CREATE TRIGGER t {TRIGGERS[trigger]}")
    with pytest.raises(JournalRefused):
        await journal.append([logs.lukretia.write()])
    changed(logs, "DROP TRIGGER t")
    await journal.close()
    assert len(read(logs.path()).rows) == 14


def pages(path: Path, change: Callable[[bytearray], None]) -> None:
    raw = bytearray(path.read_bytes())
    change(raw)
    path.write_bytes(raw)


def ring(raw: bytearray) -> None:
    """Every child of the table's root becomes its first child."""
    root = raw[4096:8192]
    assert root[0] == 2, "an interior page"
    count = int.from_bytes(root[3:5], "big")
    children = [4096 + int.from_bytes(root[12 + 2 * at : 14 + 2 * at], "big") for at in range(count)] + [4096 + 8]
    for at in children[1:]:
        raw[at : at + 4] = raw[children[0] : children[0] + 4]


def upside_down(raw: bytearray) -> None:
    """The first two rows of a leaf change their places: a reader that looks for one of them by its name does not find it."""
    at = next(at for at in range(4096, len(raw), 4096) if raw[at] == 10)
    raw[at + 8 : at + 10], raw[at + 10 : at + 12] = raw[at + 10 : at + 12], raw[at + 8 : at + 10]


async def _long(logs: Logs) -> None:
    journal = await opened(logs)
    await journal.append([logs.lukretia.write() for _ in range(200)])
    await journal.close()


@pytest.mark.parametrize("damage", [ring, upside_down])
async def test_damaged_pages_are_named_and_reading_them_ends(logs: Logs, damage: Callable[[bytearray], None]):
    await _long(logs)
    pages(logs.path() / "log.db", damage)
    source = read(logs.path())
    assert {finding.kind.value for finding in source.findings} == {"schema"}
    assert any("pages are damaged" in finding.text for finding in source.findings)
    with pytest.raises(JournalRefused, match="its pages are damaged"):
        await opened(logs)


async def test_a_value_that_no_event_can_have_is_named_and_not_kept(logs: Logs):
    logs.sql("INSERT INTO events VALUES ('lukretia', 1, 10, zeroblob(200000000), NULL)")
    source = read(logs.path())
    assert {row.number for row in source.rows if row.node == "lukretia"} >= set(range(1, 9))
    assert [finding.kind.value for finding in source.findings] == ["schema"]


@pytest.mark.parametrize("name", ["log.db", "log.db-wal", "log.db.lock"])
async def test_a_symbolic_link_in_the_place_of_a_file_is_refused(logs: Logs, name: str):
    """The events, or the lock, would be where another user has put them."""
    target = logs.folder / "elsewhere"
    target.touch()
    if name == "log.db":
        (logs.path() / name).rename(target)
    (logs.path() / name).unlink(missing_ok=True)
    (logs.path() / name).symlink_to(target)
    with pytest.raises(LogUnreadable, match=f"{name}: is a symbolic link"):
        await opened(logs)


async def test_a_folder_or_a_pipe_in_the_place_of_the_log_is_refused(logs: Logs):
    place = logs.path() / "log.db"
    place.unlink()
    place.mkdir()
    with pytest.raises(LogUnreadable, match="is a folder"):
        await opened(logs)
    with pytest.raises(LogUnreadable, match="is a folder"):
        read(place)
    place.rmdir()
    os.mkfifo(place)
    with pytest.raises(LogUnreadable, match="is a pipe"):
        await opened(logs)


async def test_a_log_that_others_can_write_is_told_and_is_no_finding(logs: Logs):
    (logs.path() / "log.db").chmod(0o666)
    source = read(logs.path())
    assert source.findings == []
    assert any("mode 0666" in remark for remark in source.remarks)
    journal = await opened(logs)
    assert any("mode 0666" in warning for warning in journal.warnings)
    await journal.close()
