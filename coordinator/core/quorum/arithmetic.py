"""What a majority is, and how the set of voters may change.

    voters = Voters(1, frozenset({"lukretia", "genesis", "witness"}))
    voters.needed                                           # 2
    voters.has_majority({"lukretia", "witness"})            # True
    voters.newest_of_majority({"lukretia": 900, "witness": 700})    # 700: two of three have echoed at least this

Each function names what must hold (its obligation) and why it does; tests/quorum/test_arithmetic.py tries every small set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.invariant import must

VOTERS_MIN = 3
"""With two, a majority is both: the loss of either one stops the service, and with one vote each both may own."""


@dataclass(frozen=True)
class Voters:
    """The nodes whose votes count, and which change of voters made them so: the first set is number 1."""

    number: int
    names: frozenset[str]

    def __post_init__(self) -> None:
        must(self.number >= 1 and bool(self.names), "a set of voters has a number and at least one node")

    @property
    def needed(self) -> int:
        """How many votes a majority has, at least.

        Obligation: two majorities of one set have a node in common.
        Proof: twice as many are more than there are nodes, so two sets of this size cannot be disjoint.
        """
        return len(self.names) // 2 + 1

    def has_majority(self, names: Iterable[str]) -> bool:
        """Whether these nodes are a majority. A node that is named twice counts once, and one that is no voter not at all."""
        return len(self.names.intersection(names)) >= self.needed

    def newest_of_majority(self, times_ms: Mapping[str, int]) -> int | None:
        """The latest time such that a majority has this time or a later one; None where fewer than a majority have any.

        Obligation: the voters with this time or a later one are a majority.
        Proof: it is the one at place `needed` from the newest, so `needed` voters have it or a later one.
        """
        newest_first = sorted((ms for name, ms in times_ms.items() if name in self.names), reverse=True)
        return newest_first[self.needed - 1] if len(newest_first) >= self.needed else None

    def may_become(self, names: frozenset[str]) -> bool:
        """Whether one change leads to these voters: one node more or one fewer, and still enough of them.

        Obligation: a majority of the old voters and one of the new have a node in common.
        Proof: of n voters in one set and n + 1 in the other, both majorities lie in the larger and have n + 2 members together.
        """
        return len(self.names ^ names) == 1 and len(names) >= VOTERS_MIN

    def with_change(self, names: frozenset[str], votes: Iterable[str]) -> "Voters":
        """The next set, by the votes of a majority of this one and of the next one: the caller has asked `is_carried`."""
        must(self.is_carried(names, votes), f"{sorted(votes)} carry no change from {sorted(self.names)} to {sorted(names)}")
        return Voters(self.number + 1, names)

    def is_carried(self, names: frozenset[str], votes: Iterable[str]) -> bool:
        """Whether these votes bring the change to `names` about.

        Obligation: no holder and no claimant can go on by the old voters alone.
        Proof: one of every majority of them has voted for the change, and its echo and its vote count no more for the old set.
        """
        voted = frozenset(votes)
        return self.may_become(names) and self.has_majority(voted) and Voters(self.number + 1, names).has_majority(voted)
