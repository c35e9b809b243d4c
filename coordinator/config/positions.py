"""Where each header, key and array element of a TOML text stands.

    positions = locate(text)                            # text that tomllib has already accepted
    positions.of(("services", "web", "lease"))          # Position(line=14, column=1)

tomllib forgets positions, and a complaint without a line is half a complaint. This scanner knows only enough TOML to
walk past values; what it makes of a text that tomllib refuses is not defined. It begins when the first place is asked for: most
texts are sound, and those of a thousand services take it longer than anything else that is done with them.
"""

import bisect
import re
import tomllib
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys and array indices from the root of the file."""

BLANK = re.compile(r"[ \t]*")
BLANK_LINES = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
STRING = re.compile(r'''"""(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL)
PLAIN = re.compile(r"[^,\]}\n#]+")
"""Numbers, booleans and dates: none of them holds a comma, a bracket or a hash."""


class Position(NamedTuple):
    """Counted from 1, in characters."""

    line: int
    column: int


class Positions:
    def __init__(self, text: str):
        self._text = text

    @cached_property
    def _lines(self) -> list[int]:
        return [0] + [match.end() for match in re.finditer("\n", self._text)]

    @cached_property
    def _offsets(self) -> dict[Path, int]:
        scanner = _Scanner(self._text)
        scanner.file()
        return scanner.offsets

    def of(self, path: Path) -> Position:
        """The key, header or element at `path`; the nearest table around it where the text has no such key."""
        while path and path not in self._offsets:
            path = path[:-1]
        return self.at(self._offsets.get(path, 0))

    def at(self, offset: int) -> Position:
        line = bisect.bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)


def locate(text: str) -> Positions:
    return Positions(text)


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.here = 0
        self.offsets: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}
        """Array of tables to the number of its tables so far."""

    def file(self) -> None:
        table: Path = ()
        self._pass(BLANK_LINES)
        while self.here < len(self.text):
            if self.text[self.here] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._pass(BLANK_LINES)

    def _header(self) -> Path:
        start = self.here
        doubled = self.text.startswith("[[", start)
        self.here += 2 if doubled else 1
        parts = [part for part, _ in self._key()]
        self.here += 2 if doubled else 1
        path: Path = ()
        for part in parts[:-1]:
            path = self._newest((*path, part))
            self.offsets.setdefault(path, start)
        path = (*path, parts[-1])
        self.offsets.setdefault(path, start)
        if doubled:
            self.tables[path] = self.tables.get(path, 0) + 1
            path = self._newest(path)
            self.offsets[path] = start
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self.tables[path] - 1) if path in self.tables else path

    def _pair(self, table: Path) -> None:
        path = table
        for part, offset in self._key():
            path = (*path, part)
            self.offsets.setdefault(path, offset)
        self.here += 1  # the equals sign
        self._value(path)

    def _key(self) -> Iterator[tuple[str, int]]:
        """The parts of a dotted key; leaves `here` on what follows it."""
        parts = []
        while True:
            self._pass(BLANK)
            offset = self.here
            parts.append((_plain(self._pass(KEY_PART)), offset))
            self._pass(BLANK)
            if not self.text.startswith(".", self.here):
                return iter(parts)
            self.here += 1

    def _value(self, path: Path) -> None:
        self._pass(BLANK)
        opening = self.text[self.here]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline(path)
        else:
            self._pass(STRING if opening in "\"'" else PLAIN)

    def _array(self, path: Path) -> None:
        self.here += 1
        index = 0
        self._pass(BLANK_LINES)
        while self.text[self.here] != "]":
            self.offsets[(*path, index)] = self.here
            self._value((*path, index))
            self._comma()
            index += 1
        self.here += 1

    def _inline(self, path: Path) -> None:
        self.here += 1
        self._pass(BLANK_LINES)
        while self.text[self.here] != "}":
            self._pair(path)
            self._comma()
        self.here += 1

    def _comma(self) -> None:
        self._pass(BLANK_LINES)
        if self.text[self.here] == ",":
            self.here += 1
            self._pass(BLANK_LINES)

    def _pass(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.here)
        if match is None:
            raise ValueError(f"not TOML at offset {self.here}")
        self.here = match.end()
        return match.group()


def _plain(part: str) -> str:
    if part[0] not in "\"'":
        return part
    value: str = tomllib.loads(f"key = {part}")["key"]
    return value
