"""What is wrong with a configuration, as people read it: where, what, and what to write instead.

failover.toml:14:1: services.db.lease: 500ms is shorter than 3 heartbeats (3 x 200ms). Raise it or send more often.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.config.positions import Path, Positions
from protocol.printable import printable


@dataclass(frozen=True, slots=True)
class Finding:
    """A complaint whose line is not known yet."""

    path: Path
    what: str
    instead: str


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    line: int
    column: int
    file: str
    path: str
    """Dotted, `services.web.actions[0].address`; empty for the file as a whole."""
    what: str
    instead: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return printable(f"{where}{self.path + ': ' if self.path else ''}{self.what}. {self.instead}")


class BadConfig(ValueError):
    """The configuration is refused; `complaints` are all of them, in the order of their lines."""

    def __init__(self, complaints: Iterable[Complaint]):
        self.complaints = tuple(sorted(complaints))
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


def place(findings: Iterable[Finding], positions: Positions, file: str) -> list[Complaint]:
    """Findings with their lines, in that order; what was found twice in the same words is said once."""
    placed = {
        Complaint(*positions.of(finding.path), file, dotted(finding.path), finding.what, finding.instead)
        for finding in findings
    }
    return sorted(placed)


def dotted(path: Path) -> str:
    """The path as TOML would name it: keys with dots, elements in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"')
    return text
