"""Where an exploration begins: a few choices that are taken first, always the same, and what they lead to.

    START["owned"].names, START["owned"].words

A path from here is a history of machines that are switched on: nothing stands in a state that its inputs did not bring about.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Start(NamedTuple):
    names: tuple[str, ...]
    words: tuple[str, ...]
    story: str
    relays: bool = True
    """Whether a heartbeat that is passed on by a third node may arrive; else all of these are lost."""


def power(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"start {name}" for name in names)


def between(*pairs: str) -> tuple[str, ...]:
    """Both ways of each pair are cut."""
    return tuple(f"cut {way}" for pair in pairs for way in (f"{pair[0]}>{pair[1]}", f"{pair[1]}>{pair[0]}"))


THREE, FOUR, FIVE = ("a", "b", "w"), ("a", "b", "v", "w"), ("a", "b", "v", "w", "x")

FREE = (*power(THREE), *["round"] * 3)
OWNED = (*power(THREE), *["round"] * 4)
CUT = (*OWNED, "cut a", "round", "round")
HEARD = (*OWNED, "cut a>b", "tick", "beat b>a", "tick", "beat a>w", "beat w>a")
HALVES = (*power(FOUR), *["round"] * 4, *between("ab", "aw", "vb", "vw"))
APART = (*power(FIVE), *["round"] * 3, *between("ab", "ax"), "round", "round", "cut a>v", "round")
LENT = (*APART, "heal", *between("ab"), "cut a>v")

START: Mapping[str, Start] = {
    "cold": Start(THREE, (), "three machines without power, with empty disks"),
    "free": Start(THREE, FREE, "all have joined, and no node owns the service yet"),
    "asked": Start(THREE, (*FREE, "tick", "beat a>w"), "a has just asked, and w has voted for it"),
    "silent": Start(THREE, (*FREE, "tick", "beat a>w", "pause a", "round"), "the same, and a stands still since then"),
    "owned": Start(THREE, OWNED, "a owns the service, by the votes of all"),
    "cut": Start(THREE, CUT, "a was cut off, and its lease is about to end"),
    "followed": Start(THREE, (*CUT, "round", "round"), "b owns the service after a, which is cut off yet"),
    "heard": Start(THREE, HEARD, "a owns it, b has not heard of it for 200 ms, and w has echoed what it just heard"),
    "paused": Start(THREE, (*HEARD, "pause a", "round"), "the same, and a stands still since then"),
    "blink": Start(THREE, (*HEARD, "stop w", "start w"), "the same, and w was restarted in that moment"),
    "halves": Start(FOUR, HALVES, "four voters, of which a, the owner, and v are cut off from the two others"),
    "five": Start(FIVE, LENT, "a lives on {a, v, w}; x has voted for b, and hears a again; v does not", relays=False),
    "read": Start(
        FIVE,
        (*LENT, "tick", "tick", "beat x>a", "feed x>a", "beat a>x"),
        "the same; a has read that vote, and an echo of x is on its way",
        relays=False,
    ),
}
