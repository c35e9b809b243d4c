"""What the log says no with. The text of each is one line for people: where, what, and what to do."""

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


class LogUnreadable(JournalRefused):
    """The file cannot be opened or read as a log at all."""


class LogUnsound(JournalRefused):
    """The log holds something that its authors cannot have written so: edited, reordered, spliced, holed or damaged."""

    def __init__(self, path: Path, findings: Sequence[Finding]):
        first = findings[0]
        more = f" ({len(findings) - 1} more findings: failaudit verify)" if len(findings) > 1 else ""
        super().__init__(
            f"{path}: {first.kind}: {first.name}: {first.text}{more}. To recover: move {path.name}, {path.name}-wal and "
            f"{path.name}-shm away (keep them as evidence) and start again: the peers have the feeds, and faild opens "
            "a new incarnation of its own"
        )
        self.findings = tuple(findings)
