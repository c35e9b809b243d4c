"""What another configuration changes, in words; and what of it a running node cannot change.

changes(old, new)                               # ("services.web.failback: auto -> 10m", "nodes.umpire: added")
unchangeable(old, new, "lukretia", path)        # complaints with their lines
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from coordinator.config.complaints import Complaint, Finding, place
from coordinator.config.durations import spoken
from coordinator.config.reading import read_text
from coordinator.policy import Policy

QUIET = frozenset({"cluster", "cluster_id", "digest", "text", "name"})
"""Fields that say nothing to people, or cannot differ."""


WORDS = {("failback_ms", 0): "auto", ("failback_ms", None): "manual", ("retry_ms", None): "never"}


def changes(old: Policy, new: Policy) -> tuple[str, ...]:
    """One line for each key that differs, by the path that it has in the file."""
    found = tuple(_objects("", old, new))
    return found or ("nothing that is in force: comments, spelling or order",)


def _objects(path: str, old: Any, new: Any) -> Iterator[str]:
    for field in fields(old):
        if field.name not in QUIET:
            was, now = (_written(field.name, getattr(one, field.name)) for one in (old, new))
            yield from _values(f"{path}.{_key(field.name)}".lstrip("."), was, now)


def _values(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _tables(path, old, new)
    elif hasattr(old, "__dataclass_fields__"):
        yield from _objects(path, old, new)
    elif isinstance(old, tuple) and any(hasattr(item, "__dataclass_fields__") for item in (*old, *new)):
        yield f"{path}: {_count(old, new)}configured anew"
    elif path.endswith((".key", "community")):
        yield f"{path}: another one"
    else:
        yield f"{path}: {_text(old)} -> {_text(new)}"


def _tables(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield f"{path}.{name}: removed"
        elif name not in old:
            yield f"{path}.{name}: added"
        else:
            yield from _values(f"{path}.{name}", old[name], new[name])


def _key(name: str) -> str:
    """As it stands in the file: durations carry their unit there in the value."""
    return name.removesuffix("_ms").removesuffix("_ppm")


def _written(name: str, value: Any) -> Any:
    """A number as people write it there."""
    if value is None or isinstance(value, int):
        return WORDS.get((name, value)) or _with_unit(name, value)
    return value


def _with_unit(name: str, value: int | None) -> Any:
    if value is not None and name.endswith("_ms"):
        return spoken(value)
    return f"{value / 10_000:g}%" if value is not None and name.endswith("_ppm") else value


def _count(old: tuple[Any, ...], new: tuple[Any, ...]) -> str:
    return "" if len(old) == len(new) else f"{len(old)} -> {len(new)}, "


def _text(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return f"[{value[0]}]:{value[1]}" if ":" in value[0] else f"{value[0]}:{value[1]}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)


def unchangeable(old: Policy, new: Policy, me: str, path: Path) -> list[Complaint]:
    """Changes that a running node cannot make. Every other one can be applied, or is for the core to judge."""
    found = list(_unchangeable(old, new, me))
    return place(found, read_text(new.text, str(path)).positions, str(path)) if found else []


def _unchangeable(old: Policy, new: Policy, me: str) -> Iterator[Finding]:
    if old.cluster_id != new.cluster_id:
        key = "cluster" if old.cluster != new.cluster else "id"
        yield Finding((key,), "makes another cluster, which a running node cannot join", "Write the old one, or start anew")
    for name, node in new.nodes.items():
        if name in old.nodes and node.key != old.nodes[name].key:
            whose = "this node signs with" if name == me else f"the history of {name} is proved by"
            yield Finding(("nodes", name, "key"), f"is not the key that {whose}", "Write that, or give the node a new name")
