"""A changed failover.toml, for the verb `apply`: keys of a service or of the timing set, or a service removed.

    changed(policy, "web", ("split_winner=incumbent", "nodes=genesis,lukretia"))
    changed(policy, "web", ("removed",))
    changed(policy, "web", ("back",), first)       # as it was at first
    changed(policy, "carthage", ("removed",))      # the same for a node

The text is changed and parsed again, so that what is applied and logged is a whole file, as an operator would write it.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coordinator.config import BadConfig, Complaint
from coordinator.policy import Policy
from tools.simulator.orders import parsed

LISTS = frozenset({"nodes"})

NAME = "the applied configuration"

Key = tuple[str, ...]


def changed(policy: Policy, section: str, words: Sequence[str], first: Policy | None = None) -> Policy:
    """Raises BadConfig where the file is not sound any more. `first`: the file with which the scenario began."""
    if section in (first or policy).nodes and section not in (first or policy).services:
        return _with_nodes(policy, section, words, first or policy)
    parts = _parts(policy.text)
    ours = ("timing",) if section == "timing" else ("services", section)
    for word in words:
        key, _, value = word.partition("=")
        if word == "removed":
            parts = [part for part in parts if not _is_in(part, ours)]
        elif word == "back":
            parts += [part for part in _parts((first or policy).text) if _is_in(part, ours)]
        else:
            parts = _set(parts, ours, key, _toml(key, value))
    return parsed("".join(parts), NAME)


def _with_nodes(policy: Policy, node: str, words: Sequence[str], first: Policy) -> Policy:
    """The file without a node, or with it again: in each service's order it has its old place."""
    if list(words) not in (["removed"], ["back"]):
        raise BadConfig([Complaint(1, 1, NAME, f"nodes.{node}", "is removed, or back", "Write one of both words")])
    back, parts = list(words) == ["back"], _parts(policy.text)
    if back == (node in policy.nodes):
        return policy
    ours = ("nodes", node)
    parts = [*parts, *(part for part in _parts(first.text) if _is_in(part, ours))] if back else parts
    parts = parts if back else [part for part in parts if not _is_in(part, ours)]
    for name, service in policy.services.items():
        before = first.services[name].nodes if back and name in first.services else service.nodes
        nodes = [one for one in before if one in service.nodes or (back and one == node)]
        parts = _set(parts, ("services", name), "nodes", json.dumps(nodes if back else [one for one in nodes if one != node]))
    made = parsed("".join(parts), NAME)
    return first if replace(made, text=first.text, digest=first.digest) == first else made


def _parts(text: str) -> list[str]:
    """The file, cut before each header of a table."""
    return re.split(r"(?m)^(?=[ \t]*\[)", text)


def _is_in(part: str, ours: Key) -> bool:
    return _header(part)[: len(ours)] == ours


def _header(part: str) -> Key:
    """The name in the header with which this part begins, however it is quoted; empty where it begins with none."""
    line = part.partition("\n")[0]
    if not line.lstrip().startswith("["):
        return ()
    try:
        table: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()  # a list goes on in a line of its own
    key: list[str] = []
    while table:
        (name,) = table
        key.append(name)
        table = table[name][0] if isinstance(table[name], list) else table[name]
    return tuple(key)


def _set(parts: list[str], ours: Key, key: str, value: str) -> list[str]:
    """In the first of these tables that has the key; added to the first of them where none has."""
    mine = [place for place, part in enumerate(parts) if _is_in(part, ours)]
    if not mine:
        name = ours[-1] if re.fullmatch("[A-Za-z0-9_-]+", ours[-1]) else json.dumps(ours[-1])
        header = f"[{'.'.join((*ours[:-1], name))}]"
        raise BadConfig([Complaint(1, 1, NAME, ".".join(ours), "has no table of its own", f"Write {header} into the file")])
    place = next((place for place in mine if _lines_of(key, parts[place])), mine[0])
    lines = parts[place].split("\n")
    begin, end = _lines_of(key, parts[place]) or (1, 1)
    return [*parts[:place], "\n".join([*lines[:begin], f"{key} = {value}", *lines[end:]]), *parts[place + 1 :]]


def _lines_of(key: str, part: str) -> tuple[int, int] | None:
    """From which line to before which one the key and its value stand; a list may have several."""
    lines = part.split("\n")
    written = re.compile(rf"""[ \t]*(["']?){re.escape(key)}\1[ \t]*=""")
    begin = next((number for number, line in enumerate(lines) if written.match(line)), None)
    if begin is None:
        return None
    for end in range(begin + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[begin:end]))
        except tomllib.TOMLDecodeError:
            continue
        return begin, end
    return None


def _toml(key: str, value: str) -> str:
    if key in LISTS:
        return json.dumps(value.split(","))
    return value if value.isdecimal() else json.dumps(value)
