"""What is wrong with a text that is no TOML, in words that say what to write.

    complaint = wrong(error, text, "failover.toml")     # error: what tomllib raised

tomllib says what it expected; people need to hear what stands there: a quote that a word processor made, a space that
only looks like one, a table that stands there twice.
"""

import ast
import re
from typing import NamedTuple

from coordinator.config.complaints import Complaint, dotted

PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
TWICE = re.compile(r"Cannot declare (\(.*\)) twice")
OVERWRITTEN = "Cannot overwrite a value"
INLINE_TWICE = re.compile(r"Duplicate inline table key '(.*)'")

QUOTES = dict.fromkeys("“”„‟«»‘’‚‛′″", ("is a quote as word processors make them", 'Write a plain one: "'))
SPACES = dict.fromkeys("\u00a0\u2007\u202f\u2009\u3000", ("looks like a space and is not one", "Write a plain space"))
NOTHINGS = dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ("cannot be seen and does not belong here", "Delete it"))
SIGNS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", ("looks like a hyphen and is not one", "Write a plain one: -")),
    "＝": ("looks like an equals sign and is not one", "Write a plain one: ="),
}
LOOKALIKES = {**QUOTES, **SPACES, **NOTHINGS, **SIGNS}
"""What editors, web pages and mail put in the place of a letter that TOML has."""

GENERAL = "Correct the TOML here: strings need quotes, headers brackets, a key stands once in a table"


class _Words(NamedTuple):
    line: int
    column: int
    what: str
    instead: str


def wrong(error: ValueError, text: str, name: str) -> Complaint:
    """The complaint about the first thing that is no TOML."""
    words = str(error)
    at = PLACE.search(words)
    last = text.count("\n") + 1
    line, column = (int(at[1]), int(at[2])) if at and at[1] else (last, len(text.rsplit("\n", 1)[-1]) + 1)
    what = words[: at.start()] if at else words
    said = _twice(what, line, column, text) or _lookalike(line, column, text)
    said = said or _Words(line, column, f"{what[:1].lower()}{what[1:]}", GENERAL)
    return Complaint(said.line, said.column, name, "", f"not TOML: {said.what}", said.instead)


def _twice(what: str, line: int, column: int, text: str) -> _Words | None:
    instead = "Write all its keys into one of them, or give this one another name"
    if declared := TWICE.fullmatch(what):
        table = dotted(tuple(ast.literal_eval(declared[1])))
        return _Words(line, 1, f"the table [{table}] stands here a second time{_first(table, line, text)}", instead)
    if inline := INLINE_TWICE.fullmatch(what):
        return _Words(line, column, f'the key "{inline[1]}" stands twice in one table', "Take one of them out")
    if what != OVERWRITTEN:
        return None
    written = text.split("\n")[line - 1].strip()
    if written.startswith("["):
        said = f"{written} stands here, and something else has that name already"
        return _Words(line, 1, said, "Write each of them as [[...]], or give this one another name")
    key = written.partition("=")[0].strip()
    return _Words(line, 1, f'the key "{key}" stands here a second time in its table', "Take one of them out")


def _first(table: str, before: int, text: str) -> str:
    """Where the header stands for the first time, where it can be found."""
    header = re.compile(rf"[ \t]*\[\[?[ \t]*{re.escape(table)}[ \t]*\]")
    for number, line in enumerate(text.split("\n")[: before - 1], 1):
        if header.match(line):
            return f", first in line {number}"
    return ""


def _lookalike(line: int, column: int, text: str) -> _Words | None:
    """The letter at the place where reading ended, or the first of its kind before it in that line."""
    written = text.split("\n")[line - 1]
    places = [column - 1, *(at for at, letter in enumerate(written[:column]) if letter in LOOKALIKES)]
    for at in places:
        if at < len(written) and written[at] in LOOKALIKES:
            what, instead = LOOKALIKES[written[at]]
            return _Words(line, at + 1, f"{_named(written[at])} {what}", instead)
    return None


def _named(letter: str) -> str:
    code = f"U+{ord(letter):04X}"
    return f"{letter} ({code})" if letter.isprintable() else code
