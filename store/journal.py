"""The log of this node: every feed it knows, durable before any peer hears of it.

    journal = await Journal.open(state / "log.db", "lukretia", signer, keyring=keyring, cluster=policy.cluster_id)
    entries = await journal.load()                       # for the fold at start
    written = await journal.append([entry])              # durable now, own entries signed
    await journal.close()

Start-up is recovery: `open` reads everything and refuses a log that its authors cannot have written so. One commit is on
its way at a time; what `append` has queued meanwhile is the next group. A caller may be cancelled; the commit is not.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from protocol.event import Entry, Head
from protocol.invariant import must
from protocol.messages import Keyring, Signer
from store.commit import Group, Heads, Outcome, as_tuple, commit, in_words
from store.cuts import cuts
from store.database import ALL_ROWS, Database
from store.findings import REFUSED_AT_OPEN, Finding, Flaw
from store.place import oddities
from store.refusals import JournalRefused, LogRemoved, LogUnreadable, LogUnsound
from store.schema import bound, damage
from store.verify_log import Row
from store.walk import Opened, Rows, opened

GROUP_ENTRIES_MAX = 2000
"""Entries in one commit: about 7 ms of disk here, the longest that a claim may wait behind a peer catching up."""

KeyringOf = Callable[[Rows], Keyring]

QUIET_S = 1.0
"""A checkpoint waits for this much silence: so none falls into a failover."""

UNCHECKED_BYTES_MAX = 64 << 20
"""A log that is never quiet is checkpointed all the same when its WAL has grown by so much."""

SIGNATURES_AT_OPEN_MAX = 100
"""Newest signatures of each feed verified at start (0.1 ms each, and a service may be waiting for us); the chain to them
proves what is older, and `failaudit verify` looks at every one. docs/decisions/0067-signatures-at-a-start.md."""


@dataclass(frozen=True, slots=True)
class Written:
    """An append that is durable: its entries as stored, own ones signed, and the time from `append` to durable."""

    entries: tuple[Entry, ...]
    took_us: int


Tell = Callable[[Written | JournalRefused], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    group: Group
    tell: Tell
    since: float


class Journal:
    """See the module. Use it from one event loop; everything but `append` and `heads` may be awaited in any order."""

    def __init__(self, database: Database, me: str, signer: Signer, known: Opened[Any]):
        self.noticed = known.noticed
        self.cuts = cuts(known.survey, known.endings, me)
        """What was cut out of the file since this log was written; what is completed from peers no longer shows it."""
        self.remarks = (*known.loose, *known.survey.shorter())
        """What `open` found and did not refuse: feeds that end before what others on this disk know of them, and ends
        without a signature, which were cut off: no signature answers for them, and their author has them signed."""
        self.warnings = tuple(oddities(database.path))
        """What is odd about the place of the file, for people: each is one line."""
        self._database = database
        self._me = me
        self._signer = signer
        self._loaded: list[Entry] | None = known.noticed if type(known.noticed) is list else None
        self._heads: Heads = dict(known.survey.heads)
        self._queue: deque[_Waiting] = deque()
        self._flying: asyncio.Future[Outcome] | None = None
        self._dirty = asyncio.Event()
        self._dirty_bytes = 0
        self._closing = False
        self._broken = False
        self._tidier = asyncio.create_task(self._tidy(), name="journal checkpoint")

    @classmethod
    async def open(
        cls, path: Path, me: str, signer: Signer, *, keyring: Keyring | KeyringOf | None = None, cluster: bytes | None = None,
        notice: Callable[[Iterable[Entry]], Any] = list,
    ) -> "Journal":
        """`path` is the log file or its folder. Without a keyring signatures are only looked for, not verified. A function
        gets the rows: the keys of nodes that are no longer configured stand in what others have written. `notice` gets every
        sound entry in order, once or twice, and what it returns is `noticed`: a long log is not kept in memory for that.

        Raises LogUnreadable, LogUnsound, or JournalRefused where another process has the log open.
        """
        path = path / "log.db" if path.is_dir() and path.name != "log.db" else path
        database = await Database.open(path)
        try:
            if found := await database.read(_damaged):
                raise LogUnsound(path, [Finding(Flaw.SCHEMA, "", 0, 0, found)])
            known = await database.read(_walked, keyring, cluster, notice)
        except sqlite3.Error as error:
            await database.close()
            raise LogUnreadable.because(path, "cannot be read as a log", error) from None
        except BaseException:
            await database.close()
            raise
        refused = [item for item in known.findings if item.kind in REFUSED_AT_OPEN and item not in known.loose]
        if refused:
            await database.close()
            raise LogUnsound(path, refused)
        if known.loose:
            await database.write(_cut, known.loose)
        return cls(database, me, signer, known)

    def append(self, entries: Sequence[Entry]) -> "asyncio.Future[Written]":
        """Queue these entries: first come, first written. The future ends when they are durable, or with JournalRefused."""
        future: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self.order(entries, partial(_fulfil, future))
        return future

    def order(self, entries: Sequence[Entry], tell: Tell) -> None:
        """`append` for callers in the event loop itself: `tell` is called in the turn in which the disk has answered."""
        if self._closing:
            tell(JournalRefused("the journal is closed"))
            return
        self._queue.append(_Waiting(tuple(entries), tell, time.perf_counter()))
        self._begin()

    def heads(self) -> tuple[Head, ...]:
        """The last durable event of every feed, all incarnations."""
        return as_tuple(self._heads)

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        """At most `limit` durable entries of one feed from number `first` on, as (bytes, signature)."""
        return await self._database.read(_some_rows, node, incarnation, first, limit)

    async def load(self) -> list[Entry]:
        """Every durable entry, ordered by node, incarnation and number."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            return loaded
        return [Entry.read(row.raw, row.signature) for row in await self._database.read(_all_rows)]

    def entries(self) -> Iterator[Entry]:
        """`load` one by one: to fold a long log it need not be held. Blocks the caller's thread while the disk is read."""
        with self._database.reading() as connection:
            for row in connection.execute(ALL_ROWS):
                yield Entry.known(row[3], row[4])

    async def on_writer_thread(self, function: Callable[[], object]) -> None:
        """Run `function` once on the thread that commits: a priority that it raises is that thread's."""
        await self._database.write(lambda connection: function())

    async def close(self) -> None:
        """Writes what is queued, then closes the file."""
        if self._closing:
            return
        self._closing = True
        self._tidier.cancel()
        await asyncio.gather(self._tidier, return_exceptions=True)
        while self._flying is not None:
            await asyncio.wait([self._flying])
        await self._database.close()

    def _begin(self) -> None:
        """Hand the next group to the disk, in this very step: a claim waits for no turn of the event loop."""
        if self._flying is not None or not self._queue:
            return
        waiting = self._take()
        self._flying = asyncio.ensure_future(self._reopened(waiting)) if self._broken else self._ordered(waiting)
        self._flying.add_done_callback(partial(self._landed, waiting))

    def _take(self) -> list[_Waiting]:
        """The next commit: whole groups in order, at least one."""
        taken = [self._queue.popleft()]
        count = len(taken[0].group)
        while self._queue and count + len(self._queue[0].group) <= GROUP_ENTRIES_MAX:
            taken.append(self._queue.popleft())
            count += len(taken[-1].group)
        return taken

    def _ordered(self, waiting: Sequence[_Waiting]) -> "asyncio.Future[Outcome]":
        return self._database.begin(self._commit, self._heads, [item.group for item in waiting])

    def _commit(self, connection: sqlite3.Connection, heads: Heads, groups: Sequence[Group]) -> Outcome:
        """On the writer's thread. The handle of a file that was removed is kept: its name may come back."""
        if self._database.removed():
            return Outcome([JournalRefused(in_words(LogRemoved()))] * len(groups), heads)
        return commit(connection, heads, groups, self._me, self._signer)

    async def _reopened(self, waiting: Sequence[_Waiting]) -> Outcome:
        await self._database.reopen()
        return await self._ordered(waiting)

    def _landed(self, waiting: Sequence[_Waiting], done: "asyncio.Future[Outcome]") -> None:
        """One commit has ended, in whatever way: tell those who wait for it, and begin the next."""
        must(done is self._flying, "the commit that ends is the one that is on its way")
        self._flying = None
        if done.cancelled():
            _refuse(waiting, JournalRefused("the journal was stopped: whether this was written is unknown"))
            return
        error = done.exception()
        if error is not None and not isinstance(error, sqlite3.Error):
            self._closing = True
            _refuse([*waiting, *self._queue], JournalRefused(f"the journal's writer has failed: {error!r}"))
            self._queue.clear()
            raise error
        self._settle(waiting, _nothing(waiting, error, self._heads) if error is not None else done.result())
        self._begin()

    def _settle(self, waiting: Sequence[_Waiting], outcome: Outcome) -> None:
        must(len(outcome.results) == len(waiting), f"{len(waiting)} groups have {len(outcome.results)} results")
        must(len(outcome.heads) >= len(self._heads), "a commit takes no feed away")
        self._heads, self._broken, self._loaded = outcome.heads, outcome.broken, None
        self._dirty_bytes += sum(len(entry.raw) for item in waiting for entry in item.group)
        self._dirty.set()
        now = time.perf_counter()
        for item, result in zip(waiting, outcome.results):
            if isinstance(result, JournalRefused):
                item.tell(result)
            else:
                must(len(result) == len(item.group), f"{len(item.group)} entries were ordered, and {len(result)} are stored")
                item.tell(Written(result, round((now - item.since) * 1e6)))

    async def _tidy(self) -> None:
        """The idle task: moves the WAL into the file while no commit is under way."""
        while True:
            await self._dirty.wait()
            while self._dirty.is_set() and self._dirty_bytes < UNCHECKED_BYTES_MAX:
                self._dirty.clear()
                await asyncio.sleep(QUIET_S)
            self._dirty.clear()
            self._dirty_bytes = 0
            try:
                await self._database.write(_checkpoint)
            except (sqlite3.Error, ValueError):
                continue  # a full disk: the WAL keeps everything, and the next quiet moment tries again


def _nothing(waiting: Sequence[_Waiting], error: sqlite3.Error, heads: Heads) -> Outcome:
    """The handle itself failed, or could not be had anew: nothing is written, and the next try begins with a new one."""
    return Outcome([JournalRefused(in_words(error))] * len(waiting), heads, broken=True)


def _fulfil(future: "asyncio.Future[Written]", result: Written | JournalRefused) -> None:
    if future.done():
        return  # its caller was cancelled; what is written stays written
    if isinstance(result, JournalRefused):
        future.set_exception(result)
    else:
        future.set_result(result)


def _refuse(waiting: Sequence[_Waiting], refusal: JournalRefused) -> None:
    for item in waiting:
        item.tell(refusal)


def _damaged(connection: sqlite3.Connection) -> str:
    """What is wrong with the pages, as one line; the work is bounded by the size of the file."""
    bound(connection)
    found = damage(connection)
    connection.set_progress_handler(None, 0)
    return "its pages are damaged: " + "; ".join(found) if found else ""


class _Stored:
    """The rows on the disk, as often as they are asked for."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def __iter__(self) -> Iterator[Row]:
        return map(Row._make, self._connection.execute(ALL_ROWS))

    def proving(self) -> dict[tuple[str, int], int]:
        """From the number at which the newest SIGNATURES_AT_OPEN_MAX signatures of a feed begin."""
        feeds = self._connection.execute("SELECT DISTINCT node, incarnation FROM events").fetchall()
        return {feed: row[0] for feed in feeds for row in self._connection.execute(NEWEST_SIGNATURES, feed)}


    def nodes(self) -> list[str]:
        return [node for (node,) in self._connection.execute("SELECT DISTINCT node FROM events")]

    def naming(self, node: str, words: Sequence[str]) -> Iterator[bytes]:
        """SQLite looks: to read a long log only for the few rows that are wanted takes longer than all the rest of a start."""
        asked = " OR ".join(["instr(bytes, ?)"] * len(words))
        found = self._connection.execute(NAMING.format(asked), (node, *(word.encode() for word in words)))
        return (raw for (raw,) in found)


NAMING = "SELECT bytes FROM events WHERE node = ? AND ({}) ORDER BY incarnation, number"

NEWEST_SIGNATURES = (
    "SELECT number FROM events WHERE node = ? AND incarnation = ? AND signature IS NOT NULL "
    f"ORDER BY number DESC LIMIT 1 OFFSET {SIGNATURES_AT_OPEN_MAX - 1}"
)


def _walked(
    connection: sqlite3.Connection,
    keyring: Keyring | KeyringOf | None,
    cluster: bytes | None,
    notice: Callable[[Iterable[Entry]], Any],
) -> Opened[Any]:
    rows = _Stored(connection)
    known = keyring(rows) if callable(keyring) else keyring
    return opened(rows, known, cluster, SIGNATURES_AT_OPEN_MAX, notice)


def _all_rows(connection: sqlite3.Connection) -> list[Row]:
    return [Row(*row) for row in connection.execute(ALL_ROWS)]


def _some_rows(
    connection: sqlite3.Connection, node: str, incarnation: int, first: int, limit: int
) -> list[tuple[bytes, bytes | None]]:
    return connection.execute(
        "SELECT bytes, signature FROM events WHERE node = ? AND incarnation = ? AND number >= ? ORDER BY number LIMIT ?",
        (node, incarnation, first, limit),
    ).fetchall()


def _cut(connection: sqlite3.Connection, loose: Sequence[Finding]) -> None:
    for item in loose:
        connection.execute("DELETE FROM events WHERE node = ? AND incarnation = ? AND number >= ?", item[1:4])


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


__all__ = ["Journal", "JournalRefused", "LogUnreadable", "LogUnsound", "Written"]
