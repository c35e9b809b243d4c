"""Keys that this version of the file has and that `faild` does not obey yet: refused, since an operator would count on them."""

from collections.abc import Iterator
from typing import Any

from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.reading import Reading

Findings = Iterator[Finding]

CHECKS: dict[str, tuple[Any, str]] = {
    "from": ("local", 'Write "local", and a check on each node'),
}
"""Key to what it means without a word, and the advice where something else is written."""
ACTIONS: dict[str, tuple[Any, str]] = {
    "keep": (False, "Take it out: there is no handover yet"),
    "down_timeout": (None, "Take it out: timeout is for up and down"),
}


def not_obeyed(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        path = ("services", name)
        for index, action in enumerate(service.actions):
            yield from _written((*path, "actions", index), action, ACTIONS)
        for index, check in enumerate(service.checks):
            yield from _written((*path, "checks", index), check, CHECKS)


def _written(path: tuple[str | int, ...], table: object, keys: dict[str, tuple[Any, str]]) -> Findings:
    for key, (usual, instead) in keys.items():
        value = getattr(table, key)
        if value != usual:
            what = f"{key} {_spoken(value)}".rstrip()
            yield Finding((*path, key), f"{what} is not obeyed in this release", instead)


def _spoken(value: Any) -> str:
    if isinstance(value, (bool, list)):
        return ""
    return spoken(value) if isinstance(value, int) else f'"{value}"'


RULES = (not_obeyed,)
