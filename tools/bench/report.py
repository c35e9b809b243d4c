"""The table goes to the terminal and, with --write, between two marks into docs/benchmarks.md."""

from collections.abc import Sequence
from pathlib import Path

from tools.bench.figures import Figure, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"


def block(machine: str, how: str, figures: Sequence[Figure]) -> str:
    """What stands between the marks."""
    return f"{machine}\n\n{how}\n\n{table(figures)}"


def write(text: str, page: Path = PAGE) -> None:
    """Replace the block; raises ValueError where the page has no marks."""
    old = page.read_text()
    before, mark, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{page} has no place for the table: it needs the lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
