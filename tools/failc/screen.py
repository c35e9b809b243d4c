"""How things look in a terminal: columns that line up, colour only where it helps and is wanted."""

import os
import sys
from collections.abc import Sequence

import click

COLOURS = {
    "UP": "green",
    "RECOVER": "cyan",
    "FAIL": "red",
    "INDOUBT": "yellow",
    "RECLAIM": "magenta",
    "STARTING": "yellow",
    "STOPPING": "yellow",
    "alive": "green",
    "unreachable": "yellow",
    "in doubt": "yellow",
    "dead": "red",
    "down": "red",
    "SPLIT": "red",
    "HELD": "yellow",
    "nobody": "red",
}
"""Word to colour; every word says the same without it."""


def terminal() -> bool:
    """Whether stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def coloured() -> bool:
    """Whether stdout is a terminal whose owner has not asked for no colour (no-color.org)."""
    return terminal() and not os.environ.get("NO_COLOR")


def paint(cell: str, colour: bool) -> str:
    """The cell with the colour of its first known word."""
    if colour:
        for word, name in COLOURS.items():
            if cell == word or cell.startswith(word + " ") or cell.endswith(" " + word):
                return click.style(cell, fg=name, bold=True if word == "SPLIT" else None)
    return cell


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colour: bool) -> list[str]:
    """Lines with two spaces between columns; the last column may be as long as it likes."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [_line([click.style(cell, bold=True) if colour else cell for cell in head], head, widths)]
    return lines + [_line([paint(cell, colour) for cell in row], row, widths) for row in rows]


def _line(shown: Sequence[str], bare: Sequence[str], widths: Sequence[int]) -> str:
    """Pads by the bare text: colours have no width."""
    return "  ".join(cell + " " * (width - len(text)) for cell, text, width in zip(shown, bare, widths)).rstrip()
