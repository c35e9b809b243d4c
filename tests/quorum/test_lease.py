"""How long a holder may own, and which echoes count."""

from dataclasses import replace

import pytest

from coordinator.core.quorum.arithmetic import Voters
from coordinator.core.quorum.lease import Lease, VoterView, counts
from coordinator.core.quorum.promise import Term
from protocol.invariant import InvariantBroken

TERM = Term(lease_ms=500, stop_ms=30)
THREE = Voters(1, frozenset({"genesis", "lukretia", "witness"}))


def lease() -> Lease:
    return Lease.asked("genesis", 7, THREE, {"genesis": 1_000, "witness": 1_010})


def test_it_counts_from_when_the_majority_was_asked() -> None:
    assert lease().until_ms(TERM) == 1_500
    assert lease().is_live(1_499, TERM)
    assert not lease().is_live(1_500, TERM)


def test_an_echo_extends_it_from_when_the_heartbeat_was_sent() -> None:
    longer = lease().with_echo("genesis", 1_400, 1_400, TERM).with_echo("witness", 1_300, 1_480, TERM)
    assert longer.until_ms(TERM) == 1_800


def test_one_voter_alone_extends_nothing() -> None:
    assert lease().with_echo("genesis", 1_400, 1_400, TERM).until_ms(TERM) == 1_510


def test_a_lease_that_ended_is_never_live_again() -> None:
    late = lease().with_echo("genesis", 1_490, 1_490, TERM).seen_at(1_510, TERM)
    assert late.over
    assert not late.with_echo("witness", 1_500, 1_515, TERM).is_live(1_515, TERM)
    unseen = lease().with_echo("witness", 1_450, 1_500, TERM)
    assert unseen.over, "its end is seen before the echo that comes in the same moment"


def test_an_older_echo_takes_nothing_back() -> None:
    assert lease().with_echo("witness", 900, 1_100, TERM) == lease()


def test_an_echo_of_what_was_not_sent_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="not been sent"):
        lease().with_echo("witness", 1_200, 1_100, TERM)


def test_votes_of_a_minority_make_no_lease() -> None:
    with pytest.raises(InvariantBroken, match="no majority"):
        Lease.asked("genesis", 7, THREE, {"genesis": 1_000, "stranger": 1_000})


VIEW = VoterView(vote_number=4, read_to=4, newest_for_another=6, voters=1, knows_claim=True)


def test_an_echo_counts_where_nothing_speaks_against_it() -> None:
    assert counts(VIEW, epoch=7, voters=1)


@pytest.mark.parametrize(
    "wrong",
    [{"read_to": 3}, {"newest_for_another": 8}, {"newest_for_another": 7}, {"voters": 2}, {"knows_claim": False}],
    ids=["a vote is unread", "voted for a later claim", "voted for the same epoch", "voted for other voters", "knows no claim"],
)
def test_an_echo_does_not_count(wrong: dict[str, int]) -> None:
    assert not counts(replace(VIEW, **wrong), epoch=7, voters=1)


def test_a_change_of_voters_keeps_what_the_remaining_ones_have_echoed() -> None:
    four = Voters(2, THREE.names | {"second"})
    assert lease().with_voters(four, 1_100, TERM).over, "two of four are no majority"
    third = lease().with_echo("lukretia", 1_050, 1_090, TERM)
    assert third.with_voters(four, 1_100, TERM).until_ms(TERM) == 1_500
    with pytest.raises(InvariantBroken, match="after 1"):
        lease().with_voters(THREE, 1_100, TERM)


def test_a_lease_is_of_a_node_under_an_epoch() -> None:
    for holder, epoch in (("", 7), ("genesis", 0)):
        with pytest.raises(InvariantBroken, match="holds nothing"):
            Lease.asked(holder, epoch, THREE, {"genesis": 1_000, "witness": 1_010})
