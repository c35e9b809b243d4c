"""The disk of one machine: what is durable stays, what was not synced is lost, and it can hang, fill up or go back in time.

    disk.append(entries, written)       # `written` is called after the commit with the entries as stored, or with the refusal
    disk.hang(); disk.release()

The log on it is written by the production rule (`store.commit.commit`, on a SQLite database in memory), with its group
commit: whatever waited while one commit was under way goes into the next one.
"""

import random
import sqlite3
from collections.abc import Callable, Sequence

from protocol.event import Entry, Head
from protocol.messages import Signer
from store.commit import Heads, commit
from store.refusals import JournalRefused
from store.schema import TABLE
from tools.simulator.event_queue import EventQueue

Result = tuple[Entry, ...] | JournalRefused
Written = Callable[[Result], None]

SYNC_US = (200, 900)
"""How long a commit takes: an fsync on a good disk."""

FULL = "the disk is full (SQLITE_FULL): nothing of this was written. Free some space on the state folder's disk"


class Disk:
    def __init__(self, agenda: EventQueue, rng: random.Random, node: str, signer: Signer) -> None:
        self.full = False
        self.slow_us = 0
        """Time added to each commit."""
        self._agenda = agenda
        self._rng = rng
        self._node = node
        self._signer = signer
        self._hanging = False
        self._committing = False
        self._life = 0
        self._queue: list[tuple[Sequence[Entry], Written]] = []
        self._history: list[tuple[int, tuple[Entry, ...]]] = []
        self.heads: Heads = {}
        self._feeds: dict[tuple[str, int], list[Entry]] = {}
        self._format([])

    # What is on it

    def feed(self, node: str, incarnation: int) -> Sequence[Entry]:
        return self._feeds.get((node, incarnation), [])

    def entries(self) -> list[Entry]:
        """Everything durable, feed by feed in the order of their numbers."""
        return [entry for feed in sorted(self._feeds) for entry in self._feeds[feed]]

    def as_heads(self) -> tuple[Head, ...]:
        return tuple(self.heads[feed] for feed in sorted(self.heads))

    # What faild does

    def append(self, entries: Sequence[Entry], written: Written) -> None:
        self._queue.append((entries, written))
        self._commit_soon()

    def close(self, flushed: bool) -> None:
        """faild is gone. What it had not got back is lost, except where a commit was already on its way (`flushed`)."""
        if flushed and self._committing and not self.full:
            self._commit([group for group, _ in self._queue[:1]])
        self._queue.clear()
        self._committing = False
        self._life += 1

    # What happens to it

    def fill(self) -> None:
        self.full = True

    def slow_down(self, slow_us: int) -> None:
        self.slow_us = slow_us

    def hang(self) -> None:
        self._hanging = True

    def release(self) -> None:
        """Neither full nor hanging any more."""
        self.full = self._hanging = False
        self._commit_soon()

    def forget(self) -> None:
        self._format([])
        self._history.clear()

    def roll_back(self, to_us: int) -> None:
        """Put the disk back as it was then."""
        self._history = [item for item in self._history if item[0] <= to_us]
        self._format([entry for _, rows in self._history for entry in rows])

    # Inside

    def _commit_soon(self) -> None:
        if self._queue and not self._committing and not self._hanging:
            self._committing = True
            life = self._life
            delay_us = self._rng.randint(*SYNC_US) + self.slow_us
            self._agenda.after(delay_us, lambda: self._synced(life))

    def _synced(self, life: int) -> None:
        if life != self._life:
            return
        self._committing = False
        if self._hanging:
            return
        queue, self._queue = self._queue, []
        results = self._commit([group for group, _ in queue])
        for (_, written), result in zip(queue, results):
            written(result)
        self._commit_soon()

    def _commit(self, groups: Sequence[Sequence[Entry]]) -> list[Result]:
        if self.full:
            return [JournalRefused(FULL) for _ in groups]
        before = self.heads
        outcome = commit(self._connection, before, groups, self._node, self._signer)
        self.heads = outcome.heads
        results: list[Result] = list(outcome.results)
        self._note([entry for result in results if not isinstance(result, JournalRefused) for entry in result], before)
        return results

    def _note(self, stored: Sequence[Entry], before: Heads) -> None:
        known = {feed: head.number for feed, head in before.items()}
        rows = []
        for entry in stored:
            feed = entry.head.feed
            if entry.event.number > known.get(feed, 0):
                known[feed] = entry.event.number
                self._feeds.setdefault(feed, []).append(entry)
                rows.append(entry)
        if rows:
            self._history.append((self._agenda.now_us, tuple(rows)))

    def _format(self, rows: Sequence[Entry]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(TABLE)
        self.heads = {}
        self._feeds = {}
        for entry in rows:
            self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (*entry.ref, entry.raw, entry.signature))
            self.heads[entry.head.feed] = entry.head
            self._feeds.setdefault(entry.head.feed, []).append(entry)
