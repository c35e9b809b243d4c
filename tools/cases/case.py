"""What a case is: trials with real daemons, each with a control, and what they found.

A trial proves something only if it can fail. So each has one named switch, and is played again without it: that run must end in
CaseFailed, with the words that are expected. A control that passes is a failure of the case.
"""

from collections.abc import Callable
from typing import NamedTuple

from tools.cases.stage import Stage


class Trial(NamedTuple):
    """`play` raises CaseFailed. Without `switch` (`stage.without(switch)`) it must, with words that `expected` matches."""

    name: str
    play: Callable[[Stage], None]
    switch: str
    expected: str
    witnesses: tuple[str, ...] = ()
    """Nodes that vote and own nothing, beside the two that the stage always has."""


class Case(NamedTuple):
    """`name` is its folder in examples/. `programs`: program:package of Debian, for what it needs beyond the laboratory."""

    name: str
    trials: tuple[Trial, ...]
    programs: tuple[str, ...]
    slides: str
    """What the slides of 2000 predicted for the client, in a few words, with their numbers."""
    obstacle: Callable[[], str | None] = lambda: None
    """Why it cannot be played on this machine, although its programs are there; None where it can."""
    crashes: tuple[int, int] = (3, 3)
    """How many are measured, and how many with --long."""
