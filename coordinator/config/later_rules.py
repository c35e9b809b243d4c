"""Keys that this version of the file has and that `faild` does not obey yet: refused, since an operator would count on them."""

from collections.abc import Iterator
from typing import Any

from coordinator.config.complaints import Finding
from coordinator.config.reading import Reading

Findings = Iterator[Finding]

CHECKS: dict[str, tuple[Any, str]] = {
    "from": ("local", 'Write "local", and a check on each node'),
}
"""Key to what it means without a word, and the advice where something else is written."""
ACTIONS: dict[str, tuple[Any, str]] = {
    "keep": (False, "Take it out: there is no handover yet"),
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
            what = key if value is True else f'{key} "{value}"'
            yield Finding((*path, key), f"{what} is not obeyed in this release", instead)


RULES = (not_obeyed,)
