"""A changed failover.toml, for the verb `apply`: keys of a service or of the timing set, or a service removed.

    changed(policy, "web", ("split_winner=incumbent", "nodes=genesis,lukretia"))
    changed(policy, "web", ("removed",))
    changed(policy, "web", ("back",), first)       # as it was at first

The text is changed and parsed again, so that what is applied and logged is a whole file, as an operator would write it.
"""

import json
import re
from collections.abc import Sequence

from coordinator.config import parse
from coordinator.policy import Policy

LISTS = frozenset({"nodes"})


def changed(policy: Policy, section: str, words: Sequence[str], first: Policy | None = None) -> Policy:
    """Raises BadConfig where the file is not sound any more. `first`: the file with which the scenario began."""
    parts = _parts(policy.text)
    ours = re.compile(r"\[timing\]" if section == "timing" else rf"\[+services\.{re.escape(section)}[\].]")
    for word in words:
        key, _, value = word.partition("=")
        if word == "removed":
            parts = [part for part in parts if not ours.match(part)]
        elif word == "back":
            parts += [part for part in _parts((first or policy).text) if ours.match(part)]
        else:
            parts = _set(parts, ours, key, _toml(key, value))
    return parse("".join(parts), "the applied configuration")


def _parts(text: str) -> list[str]:
    """The file, cut before each header of a table."""
    return re.split(r"(?m)^(?=\[)", text)


def _set(parts: list[str], ours: re.Pattern[str], key: str, value: str) -> list[str]:
    """In the first of these tables that has the key; added to the first of them where none has."""
    line = re.compile(rf"(?m)^{re.escape(key)}\s*=.*$")
    mine = [place for place, part in enumerate(parts) if ours.match(part)]
    place = next((place for place in mine if line.search(parts[place])), mine[0])
    head, _, rest = parts[place].partition("\n")
    written, found = line.subn(f"{key} = {value}", rest, count=1)
    return [*parts[:place], f"{head}\n{written}" if found else f"{head}\n{key} = {value}\n{rest}", *parts[place + 1 :]]


def _toml(key: str, value: str) -> str:
    if key in LISTS:
        return json.dumps(value.split(","))
    return value if value.isdecimal() else json.dumps(value)
