"""What a case is: trials with real daemons, each with a control, and what they found.

A trial proves something only if it can fail. So each has one named switch, and is played a second time without it: that run must
end in CaseFailed, with the words that are expected. A control that passes is a failure of the case.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tools.cases.stage import Stage


class CaseFailed(Exception):
    """What should have been so and was not, in words that name the node and the client."""


@dataclass
class Findings:
    """What the trials of a case measured: outages in ms, requests lost in each move and crash, and sentences."""

    planned_ms: list[float] = field(default_factory=list)
    crash_ms: list[float] = field(default_factory=list)
    crash_address_ms: list[float] = field(default_factory=list)
    """The outage of the bare address in the same crashes, as ICMP saw it."""
    lost_in_move: list[int] = field(default_factory=list)
    lost_in_crash: list[int] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What the client kept or lost otherwise: one short sentence a trial."""
    tool_late_ms: float = 0.0
    """How late the client itself asked at worst."""


class Trial(NamedTuple):
    """`play` raises CaseFailed. Without `switch` (`stage.without(switch)`) it must, with words that `expected` matches."""

    name: str
    play: Callable[["Stage"], None]
    switch: str
    expected: str


class Case(NamedTuple):
    """`name` is its folder in examples/. `programs`: program:package of Debian, for what it needs beyond the laboratory."""

    name: str
    trials: tuple[Trial, ...]
    programs: tuple[str, ...]
    slides: str
    """What the slides of 2000 predicted for the client, in a few words, with their numbers."""
