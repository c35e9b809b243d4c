"""Reading a table of a stored file: each key is taken once, by a reader that knows its type, and no key may be left over.

    it = table(value)
    restarts = it.take("restarts", number(range(101)), 0)
    it.done()                                           # raises Unreadable where a key is left

A reader is a function from a value to what it means; it raises Unreadable.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
D = TypeVar("D")

REQUIRED: Any = object()


class Unreadable(Exception):
    """This version cannot read the text. The words are for a developer: operators hear of it when their file is checked."""


class Table:
    def __init__(self, values: Mapping[str, object]):
        self._left = dict(values)

    def take(self, key: str, read: Callable[[object], T], default: D = REQUIRED) -> T | D:
        if key in self._left:
            return read(self._left.pop(key))
        if default is REQUIRED:
            raise Unreadable(f"{key} is missing")
        return default

    def put(self, key: str, value: object) -> None:
        """For another reader, who is to take it."""
        self._left[key] = value

    def __contains__(self, key: str) -> bool:
        """Whether this key is still to be taken."""
        return key in self._left

    def rest(self) -> dict[str, object]:
        """Everything in it, where the keys are names."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        if self._left:
            raise Unreadable(f"unknown: {', '.join(self._left)}")


def need(condition: bool, what: str) -> None:
    if not condition:
        raise Unreadable(what)


def table(value: object) -> Table:
    if not isinstance(value, dict):
        raise Unreadable("not a table")
    return Table(value)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise Unreadable("not a string")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unreadable("not true or false")
    return value


def number(allowed: range) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise Unreadable("not a whole number in its range")
        return value

    return read


def words(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Unreadable(f"none of {', '.join(choices)}")
        return value

    return read


def every(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A list, each of whose items `read` reads."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Unreadable("not a list")
        return tuple(read(item) for item in value)

    return read_all
