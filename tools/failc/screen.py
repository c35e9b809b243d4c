"""How things look in a terminal: columns that line up, colour only where it helps and is wanted."""

import os
import shutil
import sys
import textwrap
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
    "no node": "red",
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


def width() -> int | None:
    """How many letters a line may have; None where stdout is no terminal."""
    return shutil.get_terminal_size().columns if terminal() else None


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colour: bool, room: int | None = None) -> list[str]:
    """Lines with two spaces between columns; the last column may be as long as it likes.

    Where a line would be longer than `room`, each row is a block of its own, with one line for each of its cells: what is cut
    off at the right margin is what one looks for.
    """
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    if room is not None and rows and sum(widths) + 2 * (len(widths) - 1) > room:
        return _blocks(head, rows, colour)
    lines = [_line([click.style(cell, bold=True) if colour else cell for cell in head], head, widths)]
    return lines + [_line([paint(cell, colour) for cell in row], row, widths) for row in rows]


def _blocks(head: Sequence[str], rows: Sequence[Sequence[str]], colour: bool) -> list[str]:
    longest = max(len(cell) for cell in head[1:])
    lines = []
    for name, *cells in rows:
        lines.append(click.style(name, bold=True) if colour else name)
        lines += [f"  {title:{longest}}  {paint(cell, colour)}".rstrip() for title, cell in zip(head[1:], cells) if cell]
    return lines


def _line(shown: Sequence[str], bare: Sequence[str], widths: Sequence[int]) -> str:
    """Pads by the bare text: colours have no width."""
    return "  ".join(cell + " " * (width - len(text)) for cell, text, width in zip(shown, bare, widths)).rstrip()


def folded(said: list[str], columns: int) -> list[str]:
    """Sentences as long as they are: why it is so stands at their end. A coloured one keeps its colour in each of its lines."""
    return [part for line in said for part in _wrapped(line, columns)]


def _wrapped(line: str, columns: int) -> list[str]:
    """Rows of tables, which have several colours, are left alone: they fit already."""
    bare = click.unstyle(line)
    if len(bare) <= columns or line.count("\x1b") > 2:
        return [line]
    before, found, after = line.partition(bare)
    return [f"{before}{part}{after}" if found else part for part in textwrap.wrap(bare, columns, subsequent_indent="  ")]
