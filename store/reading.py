"""Reading somebody's log without touching it: a state folder, or a log.db file.

    source = read(Path("/var/lib/failover"))            # raises LogUnreadable

A live node's log is read in one read-only transaction, so that it is one moment of it. Where even that is not
possible (a folder that we may not write, without the -shm file that SQLite wants) a private copy is read. Never with
`immutable=1`: that hides whatever is still in the WAL, and says nothing about it.
"""

import shutil
import sqlite3
import tempfile
from pathlib import Path

from store.database import ALL_ROWS
from store.merged import Source
from store.refusals import LogUnreadable
from store.soundness import Row

BUSY_S = 5.0


def read(path: Path) -> Source:
    """Every row of the log in `path`, from one moment. Raises LogUnreadable with what, where and what to do."""
    file = _log_in(path)
    try:
        return Source(str(path), _rows(file))
    except sqlite3.DatabaseError as error:
        first = error
    try:
        return Source(str(path), _rows_of_copy(file))
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
    if not there:
        raise LogUnreadable(f"{file}: there is no log; name a state folder or a log.db")
    return file


def _is_url(path: Path) -> bool:
    """As `failc --connect` takes one; of its slashes a path has kept one."""
    return str(path).startswith(("unix:/", "http:/", "https:/"))


def _rows(file: Path) -> list[Row]:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    connection.text_factory = _text
    try:
        connection.execute("BEGIN")
        return [Row(*row) for row in connection.execute(ALL_ROWS)]
    finally:
        connection.close()


def _text(raw: bytes) -> str:
    """A tampered file may hold text that is none: it is read all the same, to be found."""
    return raw.decode("utf-8", "backslashreplace")


def _rows_of_copy(file: Path) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="failaudit-") as folder:
        copy = Path(folder) / "log.db"
        shutil.copyfile(file, copy)
        wal = file.with_name(file.name + "-wal")
        if wal.is_file():
            shutil.copyfile(wal, copy.with_name("log.db-wal"))
        return _rows(copy)
