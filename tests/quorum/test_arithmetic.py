"""Two majorities meet, also across a change of voters: tried on every set of up to five of six nodes."""

from collections.abc import Iterator
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.quorum.arithmetic import VOTERS_MIN, Voters
from protocol.invariant import InvariantBroken

NODES = "abcdef"


def subsets(names: frozenset[str]) -> Iterator[frozenset[str]]:
    return map(frozenset, chain.from_iterable(combinations(sorted(names), count) for count in range(len(names) + 1)))


def spelled(names: frozenset[str]) -> str:
    return "".join(sorted(names))


SETS = [names for names in subsets(frozenset(NODES)) if names]


def majorities(voters: Voters) -> list[frozenset[str]]:
    return [names for names in subsets(voters.names) if voters.has_majority(names)]


@pytest.mark.parametrize("names", SETS, ids=spelled)
def test_two_majorities_meet(names: frozenset[str]) -> None:
    found = majorities(Voters(1, names))
    assert all(one & other for one in found for other in found)
    assert len(found) == 2 ** (len(names) - 1) or len(names) % 2 == 0


@pytest.mark.parametrize("names", [names for names in SETS if len(names) >= VOTERS_MIN], ids=spelled)
def test_a_majority_of_the_old_voters_meets_one_of_the_new(names: frozenset[str]) -> None:
    old, changed = Voters(1, names), 0
    for others in SETS:
        if old.may_become(others):
            changed += 1
            assert all(one & other for one in majorities(old) for other in majorities(Voters(2, others)))
    assert changed == (0 if len(names) == VOTERS_MIN else len(names)) + len(NODES) - len(names)


def test_two_changes_at_once_could_miss_each_other_and_are_refused() -> None:
    """A majority of three and one of five may have no node in common: that is why voters change one at a time."""
    old, new = Voters(1, frozenset("abc")), frozenset("abcde")
    assert any(not one & other for one in majorities(old) for other in majorities(Voters(2, new)))
    assert not old.may_become(new)
    assert not old.may_become(frozenset("abd"))


def test_three_voters_do_not_become_two() -> None:
    assert not Voters(1, frozenset("abc")).may_become(frozenset("ab"))


def test_a_change_is_carried_by_a_majority_of_both() -> None:
    old, new = Voters(4, frozenset("abc")), frozenset("abcd")
    assert not old.is_carried(new, "ad"), "two of four"
    assert not old.is_carried(new, "acc"), "one that is named twice is one"
    assert old.is_carried(new, "abd")
    assert old.with_change(new, "abd") == Voters(5, new)
    with pytest.raises(InvariantBroken, match="carry no change"):
        old.with_change(new, "ad")


@pytest.mark.parametrize("names", [names for names in SETS if len(names) >= VOTERS_MIN], ids=spelled)
def test_after_a_change_no_majority_of_the_old_voters_is_without_one_that_voted_for_it(names: frozenset[str]) -> None:
    old = Voters(1, names)
    for new in filter(old.may_become, SETS):
        for votes in filter(lambda votes: old.is_carried(new, votes), subsets(names | new)):
            assert not old.has_majority(names - votes)


def test_strangers_and_repetitions_do_not_count() -> None:
    voters = Voters(1, frozenset("abc"))
    assert not voters.has_majority(["a", "a", "a"])
    assert not voters.has_majority("axyz")
    assert voters.has_majority("ab")


@given(st.frozensets(st.sampled_from(NODES), min_size=1), st.dictionaries(st.sampled_from(NODES), st.integers(0, 50)))
def test_the_newest_of_a_majority_is_the_latest_that_a_majority_has(names: frozenset[str], times_ms: dict[str, int]) -> None:
    voters = Voters(1, names)
    reached = [ms for ms in range(51) if voters.has_majority([name for name, theirs in times_ms.items() if theirs >= ms])]
    assert voters.newest_of_majority(times_ms) == (max(reached) if reached else None)


def test_a_set_of_voters_is_not_empty() -> None:
    with pytest.raises(InvariantBroken, match="at least one"):
        Voters(1, frozenset())
