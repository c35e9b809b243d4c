"""One group commit: what the writer does on the database's thread, from the queue's groups to durable rows.

    outcome = commit(connection, heads, groups, me, signer)

A group is what one `append` brought, and stands or falls as one: it must continue its feeds exactly where the log
ends. What is here already, byte for byte, is left out; a second, different event at one number is refused and never
overwrites the first. Groups are independent: one that is refused does not harm its neighbours in the commit.
"""

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocol.event import NO_PREVIOUS, Entry, Head
from protocol.invariant import must
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain, Signer
from store.refusals import JournalRefused, LogRemoved

Heads = dict[tuple[str, int], Head]
Group = Sequence[Entry]
INSERT = "INSERT INTO events(node, incarnation, number, bytes, signature) VALUES (?, ?, ?, ?, ?)"
SELECT_ONE = "SELECT bytes, signature FROM events WHERE node = ? AND incarnation = ? AND number = ?"


class Outcome(NamedTuple):
    """For each group its entries as stored or the refusal; the heads afterwards; whether the handle is to be replaced."""

    results: Sequence[tuple[Entry, ...] | JournalRefused]
    heads: Heads
    broken: bool = False


def commit(connection: sqlite3.Connection, heads: Heads, groups: Sequence[Group], me: str, signer: Signer) -> Outcome:
    """All the sound groups in one durable transaction. Never raises for what a disk or an author can do wrong."""
    grown = dict(heads)
    results: list[tuple[Entry, ...] | JournalRefused] = []
    rows: list[Entry] = []
    try:
        for group in groups:
            results.append(_plan(connection, grown, group, me, signer, rows))
        if rows:
            _store(connection, rows)
    except sqlite3.Error as error:
        _roll_back(connection)
        refusal = JournalRefused(in_words(error))
        refused = [item if isinstance(item, JournalRefused) else refusal for item in results]
        return Outcome(refused + [refusal] * (len(groups) - len(results)), heads, not is_full(error))
    return Outcome(results, grown)


def _plan(
    connection: sqlite3.Connection, heads: Heads, group: Group, me: str, signer: Signer, rows: list[Entry]
) -> tuple[Entry, ...] | JournalRefused:
    """The group as it is to be stored; `heads` and `rows` grow only where all of it fits."""
    tentative: Heads = {}
    fresh: list[int] = []
    stored: list[Entry] = []
    for at, entry in enumerate(group):
        feed = entry.head.feed
        head = tentative.get(feed) or heads.get(feed)
        known = head is not None and entry.event.number <= head.number
        if known:
            fault = _differs(connection, entry, (*rows, *stored))
        else:
            fault = _does_not_follow(head, entry)
            tentative[feed] = entry.head
            fresh.append(at)
        if fault:
            return fault
        stored.append(entry)
    for at in _to_sign(stored, fresh, me):
        stored[at] = stored[at].signed(signer.sign(Domain.EVENT, stored[at].id))
    last = stored[fresh[-1]] if fresh else None
    must(last is None or last.event.node != me or last.signature, "our last event of a group is signed: else peers drop it")
    heads.update(tentative)
    rows.extend(stored[at] for at in fresh)
    return tuple(stored)


def _to_sign(stored: Sequence[Entry], fresh: Sequence[int], me: str) -> list[int]:
    """Own entries that need a signature of their own: the last of each feed in the group, so that it can be sent as it is.

    Our earlier feeds come back from peers with their signatures, and may stand behind what we write now.
    """
    own = [at for at in fresh if stored[at].event.node == me]
    last = {stored[at].head.feed: at for at in own}
    unsigned = [at for at in own if stored[at].signature is None]
    return [at for at in unsigned if at == last[stored[at].head.feed] or stored[at].event.kind in ALWAYS_SIGNED]


def _does_not_follow(head: Head | None, entry: Entry) -> JournalRefused | None:
    number, previous = (head.number + 1, head.id) if head else (1, NO_PREVIOUS)
    if entry.event.number != number:
        return JournalRefused(f"{name(entry)} does not follow: this log's next number of that feed is {number}")
    if entry.event.previous != previous:
        return JournalRefused(f"{name(entry)} does not follow: it names another event {number - 1} than this log has")
    return None


def _differs(connection: sqlite3.Connection, entry: Entry, waiting: Sequence[Entry]) -> JournalRefused | None:
    """None where the log has, or is about to have, exactly these bytes at that number."""
    ours = next((item for item in waiting if item.ref == entry.ref), None) or _stored(connection, entry)
    if ours is not None and ours.raw == entry.raw:
        return None
    return JournalRefused(f"{name(entry)} is here already, and is another event: a fork of {entry.event.node}", ours, entry)


def _stored(connection: sqlite3.Connection, entry: Entry) -> Entry | None:
    row = connection.execute(SELECT_ONE, entry.ref).fetchone()
    return Entry.read(row[0], row[1]) if row else None


def _store(connection: sqlite3.Connection, rows: Sequence[Entry]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, [(*entry.ref, entry.raw, entry.signature) for entry in rows])
    connection.execute("COMMIT")


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):  # a broken handle will be replaced
        if connection.in_transaction:  # after some errors SQLite has rolled back by itself
            connection.execute("ROLLBACK")


def is_full(error: sqlite3.Error) -> bool:
    """A full disk is clean: nothing is written, and the same handle works when there is space again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def in_words(error: sqlite3.Error) -> str:
    if isinstance(error, LogRemoved):
        return str(error)
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    if is_full(error):
        return f"the disk is full ({code}): nothing of this was written. Free some space on the state folder's disk"
    return f"the disk refused the write ({code}: {error}): nothing of this was written. Look at the state folder's disk"


def name(entry: Entry) -> str:
    return f"{entry.event.node} {entry.event.incarnation}/{entry.event.number}"


def as_tuple(heads: Mapping[tuple[str, int], Head]) -> tuple[Head, ...]:
    return tuple(heads[feed] for feed in sorted(heads))
