"""What was measured: samples of one figure, their median and spread, and the table that people read."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """Samples of one quantity. `limit` is the most that the median may be (None: it is shown beside)."""

    what: str
    unit: str
    samples: tuple[float, ...]
    limit: float | None
    remark: str = ""
    at_least: bool = False
    """The limit is the least that the median may be."""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.median >= self.limit if self.at_least else self.median <= self.limit


HEAD = ("what", "limit", "median", "min - max", "n", "")


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table, aligned so that it can be read in a terminal as well."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _row(figure: Figure) -> tuple[str, ...]:
    limit = "" if figure.limit is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.limit)} {figure.unit}"
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    spread = f"{_number(min(figure.samples))} - {_number(max(figure.samples))}"
    words = "; ".join(part for part in (verdict, figure.remark) if part)
    return figure.what, limit, f"{_number(figure.median)} {figure.unit}", spread, str(len(figure.samples)), words


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == round(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
