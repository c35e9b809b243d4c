"""What the log says no with. The text of each is one line for people: where, what, and what to do."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from protocol.event import Entry
from store.findings import Finding


class JournalRefused(Exception):
    """Nothing of this append is stored, and the journal stays usable: the next append may succeed.

    `ours` and `theirs` are set where two different events claim one (node, incarnation, number): the evidence of a fork.
    """

    def __init__(self, why: str, ours: Entry | None = None, theirs: Entry | None = None):
        super().__init__(why)
        self.why = why
        self.ours = ours
        self.theirs = theirs


class LogRemoved(sqlite3.OperationalError):
    """The file of the log, or its WAL, was removed or replaced under the process that has it open."""

    def __str__(self) -> str:
        return (
            "log.db or log.db-wal was removed or replaced under faild: nothing of this was written. Stop faild, put both "
            "back or move what is there away, and start again: the peers have the feeds"
        )


class StrangeForm(sqlite3.DatabaseError):
    """The file is a database, and not made as a log is."""


def recovery(path: Path) -> str:
    """What to do with a log that is damaged or was tampered with."""
    return (
        f"To recover: move {path.name}, {path.name}-wal and {path.name}-shm away (keep them as evidence) and start again: "
        "the peers have the feeds; without them faild goes on in a new incarnation of its own"
    )


NO_DAMAGE = {
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
"""The system does not let us at the file; that says nothing against what is in it."""


class LogUnreadable(JournalRefused):
    """The file cannot be opened or read as a log at all."""

    @classmethod
    def because(cls, path: Path, what: str, error: sqlite3.Error | OSError) -> "LogUnreadable":
        """With the way to recover, where the file is damaged or is no log."""
        damaged = isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF not in NO_DAMAGE
        return cls(f"{path}: {what}: {error}" + (f". {recovery(path)}" if damaged else ""))


class LogUnsound(JournalRefused):
    """The log holds something that its authors cannot have written so: edited, reordered, spliced, holed or damaged."""

    def __init__(self, path: Path, findings: Sequence[Finding]):
        first = findings[0]
        more = f" ({len(findings) - 1} more findings: failaudit verify)" if len(findings) > 1 else ""
        super().__init__(f"{path}: {first.sentence}{more}. {recovery(path)}")
        self.findings = tuple(findings)
