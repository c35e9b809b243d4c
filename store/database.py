"""The file under the journal: one SQLite database in WAL mode, one read-write connection, one that only reads.

    database = await Database.open(Path("/var/lib/failover/log.db"))
    rows = await database.read(all_rows)            # on the reading connection's thread
    done = await database.write(function, ...)      # the whole transaction is one function in one thread hop
    await database.close()

Why so: SQLite before 3.51.3 can corrupt a WAL that two connections write or checkpoint, so there is exactly one; a
transaction in several hops could be cancelled halfway and stay open; a checkpoint inside a commit is what makes the
slowest commits slow, so it runs when the writer is idle (`wal_autocheckpoint=0`). synchronous=FULL is not a knob:
with NORMAL a power cut erases events that peers already hold, and the node would use their numbers again: a fork.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite

from store.place import strange
from store.refusals import JournalRefused, LogRemoved, LogUnreadable, StrangeForm
from store.schema import SCHEMA_VERSION, TABLE, confine, faults, is_new, sentence, tame

P = ParamSpec("P")
T = TypeVar("T")

ALL_ROWS = "SELECT node, incarnation, number, bytes, signature FROM events ORDER BY node, incarnation, number"

WAL_BYTES_READY = 4 << 20
"""The WAL is grown so far at start: a commit that overwrites blocks costs half of one that makes the file longer
(160 us for 327 us here), and a quiet moment lets the WAL begin again long before 4 MiB are used up."""

FRAME_BYTES = 4096 + 24

SPARE_BYTES_MIN = 64 << 20
"""With less free space than this the WAL is not grown: what is left belongs to events."""

BUSY_S = 2.0
"""How long the writer waits for a reader that holds a lock: readers never do for long in WAL mode."""


class Database:
    """Both connections, and the lock that keeps a second `faild` away from this folder."""

    def __init__(self, path: Path, lock: int, writer: aiosqlite.Connection, reader: aiosqlite.Connection):
        self.path = path
        self._lock = lock
        self._writer = writer
        self._reader = reader
        self._files = _files(path)

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """Creates the file where there is none. Raises LogUnreadable with words."""
        lock = _locked(path)
        try:
            writer = await _connect(path, _prepared)
        except (sqlite3.Error, OSError) as error:
            os.close(lock)
            raise LogUnreadable.because(path, "cannot be opened as a log", error) from None
        try:
            reader = await _connect(path, _read_only)
        except (sqlite3.Error, OSError) as error:
            await writer.close()
            os.close(lock)
            raise LogUnreadable.because(path, "cannot be read", error) from None
        _sync_folder(path.parent)
        return cls(path, lock, writer, reader)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One more connection that only reads, for the thread that asks: what it looks at is one moment of the log."""
        with contextlib.closing(_read_only(self.path)) as connection:
            connection.execute("BEGIN")
            yield connection

    async def write(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _hop(self._writer, function, *args, **kwargs)

    def begin(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """`write` without a turn of the event loop before it: the thread has its order when this returns."""
        return _order(self._writer, function, *args, **kwargs)

    async def read(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _hop(self._reader, function, *args, **kwargs)

    def removed(self) -> bool:
        """Whether the names no longer lead to the files that are open. What goes into those is lost. Some 80 us
        of a commit: two turns through the interpreter's lock."""
        return _files(self.path) != self._files

    async def reopen(self) -> None:
        """After an I/O error: what a failed fsync left in the kernel is unknown, so this handle is never used again."""
        with contextlib.suppress(sqlite3.Error):  # its thread ends all the same
            await self._writer.close()
        self._writer = await _connect(self.path, self._prepared_again)

    def _prepared_again(self, path: Path) -> sqlite3.Connection:
        """Another file, or a new one, does not hold what the journal takes for written."""
        if self.removed():
            raise LogRemoved
        return _prepared(path)

    async def close(self) -> None:
        """The reader first: the last connection to close checkpoints, and that must be the writer."""
        try:
            await self._reader.close()
            await self._writer.close()
        finally:
            os.close(self._lock)


async def _connect(path: Path, connector: Callable[[Path], sqlite3.Connection]) -> aiosqlite.Connection:
    connection = aiosqlite.Connection(lambda: connector(path), iter_chunk_size=64)
    thread: Any = getattr(connection, "_thread", connection)
    thread.daemon = True  # else a journal that was not closed hangs the end of the process for ever
    try:
        return await connection
    except BaseException:
        thread.join(BUSY_S)  # it has been told to end; later it would find the event loop closed and complain
        raise


async def _hop(connection: aiosqlite.Connection, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """One call of `function` on the connection's thread. A caller that is cancelled does not stop it: it ends whole."""
    return await _order(connection, function, *args, **kwargs)


def _order(connection: aiosqlite.Connection, function: Callable[..., T], *args: Any, **kwargs: Any) -> "asyncio.Future[T]":
    """Put it on the thread's queue, as all the connection's own methods do, which take one statement a hop."""
    worker: Any = connection
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    worker._tx.put_nowait((future, partial(function, worker._conn, *args, **kwargs)))
    return future


def _files(path: Path) -> list[tuple[int, int] | None]:
    """Which files the log and its WAL are; None where there is none."""
    return [_file(name) for name in (f"{path}", f"{path}-wal")]


def _file(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepared(path: Path) -> sqlite3.Connection:
    connection = _writable(path)
    try:
        _grow_wal(connection, path.with_name(path.name + "-wal"))
    except sqlite3.Error:  # slower commits are no reason not to start, but this handle has failed
        connection.close()
        connection = _writable(path)
    confine(connection)
    return connection


def _writable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        tame(connection)
        if not is_new(connection) and (found := faults(connection)):
            raise StrangeForm(sentence(found))
        for line in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {line}").fetchall()
        if is_new(connection):
            connection.execute(TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _grow_wal(connection: sqlite3.Connection, wal: Path) -> None:
    """Many unsynced commits of one page, then a checkpoint: the WAL is long, the file is not, nothing but a number changed."""
    missing = WAL_BYTES_READY - (wal.stat().st_size if wal.exists() else 0)
    if missing <= 0 or shutil.disk_usage(wal.parent).free < SPARE_BYTES_MIN:
        return
    connection.execute("PRAGMA synchronous=OFF")
    for _ in range(missing // FRAME_BYTES):
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def _read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    tame(connection)
    return connection


def _locked(path: Path) -> int:
    """A file of its own: closing any descriptor of log.db would drop SQLite's own locks on it in this process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if refusal := strange(path):
        raise LogUnreadable(refusal)
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LogUnreadable(f"{path}: no lock can be made beside it: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise JournalRefused(f"{path}: another faild has this log open. Stop it, or give this one another --state") from None
    return lock


def _sync_folder(folder: Path) -> None:
    """A new file's name is durable only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
