"""Reading a log without touching it: a state folder, or a log.db file.

    source = read(Path("/var/lib/failover"))            # raises LogUnreadable
    source.rows, source.findings, source.remarks
    with stored(Path("/var/lib/failover")) as log:      # raises Odd where the file is not as a log's is
        log.feeds, log.rows(feed, first, last)          # read as often as they are asked for, and not kept

A live node's log is read in one read-only transaction, so that it is one moment of it. Where even that is not
possible (a folder that we may not write, without the -shm file that SQLite wants) a private copy is read. Never with
`immutable=1`: that hides whatever is still in the WAL, and says nothing about it.

The file may be an attacker's. Its form is compared before a row is read, and of another form nothing is read: that is a
finding. The work is bounded by the file's size, in steps and in bytes: pages can point at one another in a ring.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.database import ALL_ROWS
from store.findings import Finding, Flaw
from store.merge import Source
from store.place import oddities
from store.refusals import LogUnreadable
from store.schema import bound, damage, faults, is_no_log, sentence, tame
from store.verify_log import Row
from store.walk import Feed, Odd

BUSY_S = 5.0

ROW_BYTES_MIN = 8
"""What a row takes of a file beside its values: one byte or more for each column, and the place of it in the page."""


def read(path: Path) -> Source:
    """Every row of the log in `path`, from one moment. Raises LogUnreadable with what, where and what to do."""
    file = _log_in(path)
    try:
        return _source(str(path), file, file)
    except sqlite3.DatabaseError as error:
        first = error
    try:
        with tempfile.TemporaryDirectory(prefix="failaudit-") as folder:
            return _source(str(path), file, _copy(file, Path(folder)))
    except (sqlite3.Error, OSError):
        raise LogUnreadable(f"{file}: cannot be read as a log: {first}") from None


def _log_in(path: Path) -> Path:
    try:
        file = path / "log.db" if path.is_dir() else path
        there, asked = file.is_file(), path.is_socket() or _is_url(path)
    except OSError as error:
        raise LogUnreadable(f"{path}: cannot be read: {error.strerror}; read it as its owner, or take a copy") from None
    if asked:
        raise LogUnreadable(f"{path}: no log is read from a socket; a living node is asked by its state folder")
    if file.is_dir() or (path.is_dir() and path.name == "log.db"):
        raise LogUnreadable(f"{file if file.is_dir() else path}: is a folder, and a log is a file")
    if not there:
        raise LogUnreadable(f"{file}: there is no log; name a state folder or a log.db")
    return file


def _is_url(path: Path) -> bool:
    """As `failc --connect` takes one; of its slashes a path has kept one."""
    return str(path).startswith(("unix:/", "http:/", "https:/"))


def _source(name: str, place: Path, file: Path) -> Source:
    with _reading(file) as connection:
        if found := faults(connection):
            return Source(name, [], [_flaw(sentence(found))], oddities(place))
        bytes_max = bound(connection)
        rows: list[Row] = []
        findings = [_flaw(f"its pages are damaged: {line}") for line in damage(connection)]
        try:
            rows.extend(_rows(connection.execute(ALL_ROWS), bytes_max))
        except sqlite3.DataError as error:  # longer than any value of a log
            findings.append(_flaw(f"it cannot be read behind row {len(rows)}: {error}"))
        except _TooMuch:
            findings.append(_flaw("its rows are more than its bytes can hold: pages stand in it twice"))
        return Source(name, rows, findings, oddities(place))


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, and sees one moment of the file."""
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    connection.text_factory = _text
    try:
        tame(connection)
        connection.execute("BEGIN")
        if is_no_log(connection):
            raise sqlite3.DatabaseError("it has no table events")
        yield connection
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class StoredLog:
    """One log that stays open, at one moment."""

    feeds: Mapping[Feed, int]
    """Each feed to its last number; it begins with 1 and has no hole."""
    remarks: Sequence[str]
    connection: sqlite3.Connection
    bytes_max: int

    def rows(self, feed: Feed, first: int = 1, last: int | None = None) -> Iterator[Row]:
        asked = (*feed, first, self.feeds.get(feed, 0) if last is None else last)
        return _rows(self.connection.execute(SOME_ROWS, asked), self.bytes_max)


SOME_ROWS = """SELECT node, incarnation, number, bytes, signature FROM events
    WHERE node = ? AND incarnation = ? AND number BETWEEN ? AND ? ORDER BY number"""
FEEDS = "SELECT node, incarnation, min(number), max(number), count(*) FROM events GROUP BY node, incarnation"


@contextlib.contextmanager
def stored(path: Path) -> Iterator[StoredLog]:
    """The log in `path`. Raises LogUnreadable, and Odd or sqlite3.Error where it is not as it should be: `read` says what."""
    file = _log_in(path)
    with _reading(file) as connection:
        if faults(connection):
            raise Odd
        bytes_max = bound(connection)
        if damage(connection):
            raise Odd
        feeds: dict[Feed, int] = {}
        for node, incarnation, first, last, count in connection.execute(FEEDS):
            if type(node) is not str or type(incarnation) is not int or (first, last) != (1, count):
                raise Odd
            feeds[node, incarnation] = count
        yield StoredLog(feeds, oddities(file), connection, bytes_max)


class _TooMuch(Odd):
    """The rows do not end where the file does."""


def _rows(found: Iterable[Any], bytes_max: int) -> Iterator[Row]:
    left = bytes_max
    for values in found:
        raw, signature = values[3], values[4]
        left -= ROW_BYTES_MIN + (len(raw) if type(raw) is bytes else _bytes(raw))
        if signature is not None:
            left -= _bytes(signature)
        if left < 0:
            raise _TooMuch
        yield Row._make(values)


def _bytes(value: object) -> int:
    return len(value) if isinstance(value, bytes | str) else 0


def _flaw(text: str) -> Finding:
    return Finding(Flaw.SCHEMA, "", 0, 0, text)


def _text(raw: bytes) -> str:
    """A tampered file may hold text that is not UTF-8: it is read all the same, to be found."""
    return raw.decode("utf-8", "backslashreplace")


def _copy(file: Path, folder: Path) -> Path:
    """A private copy with its WAL. It never takes more than half of the room that there is."""
    copy = folder / "log.db"
    wal = file.with_name(file.name + "-wal")
    files = [(file, copy), *([(wal, copy.with_name("log.db-wal"))] if wal.is_file() else [])]
    if sum(source.stat().st_size for source, _ in files) > shutil.disk_usage(folder).free // 2:
        raise OSError("no room for a copy")
    for source, target in files:
        shutil.copyfile(source, target)
    return copy
