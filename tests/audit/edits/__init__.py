"""Every edit of a log that was tried against it, each with its verdict. docs/audit.md has the same table for people.

    EDITS["a row in the middle is deleted"].make(bench)     # on lukretia's copy; then `failaudit verify` says the verdict
"""

from tests.audit.edits import of_bytes, of_files, of_rows
from tests.audit.edits.bench import EDITS, ME, Bench

__all__ = ["EDITS", "ME", "Bench", "of_bytes", "of_files", "of_rows"]
