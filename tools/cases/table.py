"""The table of `make cases`, and its place in docs/case-studies.md."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from tools.cases.case import Case
from tools.cases.findings import Findings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "case-studies.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
HEAD = ("case", "planned outage", "crash outage (bare address)", "the client lost", "and kept", "the slides predicted")


def block(machine: str, rows: Sequence[tuple[Case, Findings]], quick: bool) -> str:
    """What stands between the two marks: how it was measured, and the table."""
    warning = "**Quick run, for development: not to be quoted.** " if quick else ""
    how = (
        f"{warning}{machine}. Medians and, behind them, the worst. The client asks 200 times a second, each time on a new\n"
        "connection, and never again; lost: no full answer within 250 ms (wanted: at most one a move). Outage: between the\n"
        "last request before and the first after that was answered; 5 ms is none."
    )
    late = max((found.tool_late_ms for _, found in rows), default=0.0)
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD), *(_row(case, found) for case, found in rows)]
    return f"{how} The client itself asked up to {late:.0f} ms late.\n\n" + "\n".join(lines)


def _row(case: Case, it: Findings) -> str:
    bare = f" ({statistics.median(it.crash_address_ms):.0f})" if it.crash_address_ms else ""
    cells = (case.name, _spread(it.planned_ms), f"{_spread(it.crash_ms)}{bare}", _lost(it), "; ".join(it.kept), case.slides)
    return "| " + " | ".join(cells) + " |"


def _spread(samples_ms: Sequence[float]) -> str:
    return f"{statistics.median(samples_ms):.0f} ms, {max(samples_ms):.0f} ms" if samples_ms else ""


def _lost(it: Findings) -> str:
    words = []
    if it.lost_in_move:
        moves = len(it.lost_in_move)
        words.append(f"{sum(it.lost_in_move)} requests in {moves} moves (at most {max(it.lost_in_move)} in one)")
    if it.lost_in_crash:
        words.append(f"{statistics.median(it.lost_in_crash):.0f} in a crash")
    return "; ".join(words)


def write(text: str) -> None:
    """Put it between the marks of the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
