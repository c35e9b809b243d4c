"""Where an exploration begins: a few choices that are taken first, always the same, and what they lead to.

    START["owned"].names, START["owned"].words

A path from here is a history of machines that are switched on: nothing stands in a state that its inputs did not bring about.
"""

from collections.abc import Mapping
from typing import NamedTuple

THREE = ("a", "b", "w")
POWER = ("start a", "start b", "start w")
OWNED = (*POWER, *["round"] * 4)


class Start(NamedTuple):
    names: tuple[str, ...]
    words: tuple[str, ...]
    story: str


START: Mapping[str, Start] = {
    "cold": Start(THREE, (), "three machines without power, with empty disks"),
    "free": Start(THREE, (*POWER, *["round"] * 3), "all have joined, and no node owns the service yet"),
    "owned": Start(THREE, OWNED, "a owns the service, by the votes of all"),
    "cut": Start(THREE, (*OWNED, "cut a", *["round"] * 2), "a was cut off, and its lease is about to end"),
    "followed": Start(THREE, (*OWNED, "cut a", *["round"] * 4), "b owns the service after a, which is cut off yet"),
}
