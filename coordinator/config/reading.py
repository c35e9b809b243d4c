"""From a text to the shape: syntax, unknown keys, missing keys and wrong types, every one of them with its place.

What is wrong in shape is cut out and the rest is kept, so that one look finds everything: `Reading.file` is what remains.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coordinator.config import syntax
from coordinator.config.complaints import BadConfig, Complaint, Finding
from coordinator.config.durations import written
from coordinator.config.positions import Path, Positions, locate
from coordinator.config.shape import FileShape, table_at
from coordinator.state.file_v1 import TEXT_BYTES_MAX

PLACEHOLDERS: Mapping[str, Any] = {"cluster": "unnamed", "id": "0" * 32, "nodes": {}}
"""Stand in for required keys that are missing or wrong, so that the rules can look at the rest."""

BYTE_ORDER_MARK = "\ufeff"
"""Some editors put it before everything that they save as UTF-8."""

LATER = {"fence"}
"""Actions and checks that the design names and this release does not have."""


@dataclass(frozen=True, slots=True)
class Reading:
    raw: Mapping[str, Any]
    """As tomllib read it."""
    file: FileShape
    """What has the right shape."""
    findings: tuple[Finding, ...]
    positions: Positions

    def names(self, table: str) -> tuple[str, ...]:
        """The names under [nodes], [services] or [operators], also of those whose content is wrong."""
        value = self.raw.get(table)
        return tuple(value) if isinstance(value, dict) else ()

    def links(self, node: str) -> frozenset[str]:
        """The names of a node's links, also of those whose address is wrong: one complaint about a link is enough."""
        nodes = self.raw.get("nodes")
        table = nodes.get(node) if isinstance(nodes, dict) else None
        links = table.get("links") if isinstance(table, dict) else None
        return frozenset(links) if isinstance(links, dict) else frozenset()


def read_text(text: str, name: str) -> Reading:
    """Raises BadConfig where the text is no TOML at all."""
    if len(text.encode()) > TEXT_BYTES_MAX:
        instead = "All of it goes into the log of every node: make two clusters of it"
        raise BadConfig([Complaint(1, 1, name, "", f"the file has more than {TEXT_BYTES_MAX} bytes", instead)])
    try:
        text = text.removeprefix(BYTE_ORDER_MARK)
        raw = tomllib.loads(text)
        positions = locate(text)
    except ValueError as error:  # also a number of more digits than Python reads
        raise BadConfig([syntax.wrong(error, text, name)]) from None
    except RecursionError:
        raise BadConfig([Complaint(1, 1, name, "", "tables or lists are nested hundreds deep", "Flatten it")]) from None
    return _shaped(raw, positions)


def _shaped(raw: dict[str, Any], positions: Positions) -> Reading:
    findings: list[Finding] = []
    rest = raw
    while True:
        try:
            return Reading(raw, FileShape.model_validate(rest), tuple(findings), positions)
        except ValidationError as error:
            for detail in error.errors():
                if detail["type"] != "missing" or not _has(raw, detail["loc"]):
                    findings.append(_finding(detail))
                rest = _without(rest, detail)


def _has(value: Any, path: Path) -> bool:
    """Whether the text has this key: then it is missing only because we cut it out, and was complained about."""
    for part in path:
        if isinstance(part, int) if isinstance(value, list) else isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True


def _without(value: Any, detail: ErrorDetails) -> Any:
    """The tables without what `detail` complains about; the whole list where it is inside one."""
    path = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
    for depth, part in enumerate(path):
        if isinstance(part, int):
            path = path[:depth]
            break
    return {**_cut(value, path), **{key: PLACEHOLDERS[key] for key in _lost(value, path, detail)}}


def _lost(value: dict[str, Any], path: Path, detail: ErrorDetails) -> list[str]:
    keys = [path[0]] if len(path) == 1 else [detail["loc"][0]] if not path else []
    return [str(key) for key in keys if key in PLACEHOLDERS]


def _cut(table: Any, path: Path) -> Any:
    if not path or not isinstance(table, dict) or path[0] not in table:
        return table
    rest = {key: value for key, value in table.items() if key != path[0]}
    return rest if len(path) == 1 else {**table, path[0]: _cut(table[path[0]], path[1:])}


def _finding(detail: ErrorDetails) -> Finding:
    path: Path = detail["loc"]
    kind = detail["type"]
    if kind == "failover":
        return Finding(path, detail["ctx"]["what"], detail["ctx"]["instead"])
    if kind == "extra_forbidden":
        return Finding(path, *_unknown(path))
    if kind == "missing":
        return Finding(path, "is missing", f"Write {_example(path)}")
    return Finding(path, f"is {_kind_of(detail['input'])}, not {_wanted(kind)}", f"Write {_example(path)}")


def _unknown(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    if key in LATER:
        return f'"{key}" is not in this release', "Use a script for it until it is"
    shape = table_at(path[:-1])
    known = list(shape.model_fields) if shape else []
    return f'unknown key "{key}"', nearest(key.lower(), known)


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant, as advice."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known) or 'none'}"


def _example(path: Path) -> str:
    shape = table_at(path[:-1])
    key = str(path[-1])
    if len(path) == 2 and path[0] in ("nodes", "services", "operators"):
        return f"a table [{path[0]}.NAME], with a name of its own"
    if shape is None or key not in shape.model_fields:
        return 'a string, such as lan = "10.77.0.11"' if "links" in path else "what the documentation shows"
    examples = shape.model_fields[key].examples
    if not examples:
        return f"a table [{'.'.join(str(part) for part in path)}...]"
    return f"{key} = {toml(examples[0])}"


def toml(value: Any) -> str:
    """A value as TOML writes it; only what our examples need."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(item)}' for key, item in value.items())} }}"
    return str(value)


WANTED = {
    "string": "a string",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a table",
    "model": "a table",
}


def _wanted(kind: str) -> str:
    return WANTED.get(kind.split("_")[0], "what is expected here")


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {written(value)}"
    if isinstance(value, str):
        return f'the string "{value[:40]}"'
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "something else"
