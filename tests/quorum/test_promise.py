"""What a voter refuses, with its sentence, and when it may be asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.quorum.promise import Ask, Ballot, Refusal, Term
from protocol.invariant import InvariantBroken

TERM = Term(lease_ms=500, stop_ms=30, drift_percent=1)


def ask(candidate: str, epoch: int, voters: int = 1) -> Ask:
    return Ask(candidate, epoch, voters)


def after_a_vote(at_ms: int = 0) -> Ballot:
    """It has voted for genesis, epoch 7."""
    return Ballot.first().with_vote(ask("genesis", 7), at_ms, TERM)


def test_a_promise_lasts_longer_than_a_lease_and_what_it_takes_to_stop() -> None:
    assert TERM.promise_ms == 536, "530 ms and one percent, rounded up"


@given(st.integers(1, 60_000), st.integers(0, 60_000), st.integers(0, 20))
def test_when_a_promise_is_over_the_holder_is_down_whichever_clock_is_fast(lease_ms: int, stop_ms: int, drift: int) -> None:
    """The holder's clock runs slower by all that is allowed: its lease and its stop take this long by the voter's clock."""
    assert Term(lease_ms, stop_ms, drift).promise_ms >= (lease_ms + stop_ms) * (1 + drift / 100) - 1e-6


def test_an_epoch_that_was_voted_for_or_read_gets_no_vote() -> None:
    assert after_a_vote().refusal(ask("genesis", 7), 0, 1, 0) == Refusal("epoch 7 is not above 7, which is known here")
    assert Ballot.first().refusal(ask("genesis", 7), 9, 1, 0) == Refusal("epoch 7 is not above 9, which is known here")
    assert Ballot.first().refusal(ask("genesis", 10), 9, 1, 0) is None


def test_a_promise_to_another_is_kept_and_says_for_how_long() -> None:
    ballot = after_a_vote().with_heartbeat("genesis", 7, 100, TERM)
    assert ballot.refusal(ask("lukretia", 8), 7, 1, 300) == Refusal("it is promised to genesis", 336)
    assert ballot.refusal(ask("lukretia", 8), 7, 1, 635) == Refusal("it is promised to genesis", 1)
    assert ballot.refusal(ask("lukretia", 8), 7, 1, 636) is None


def test_the_holder_itself_may_claim_again_at_any_time() -> None:
    assert after_a_vote().refusal(ask("genesis", 8), 7, 1, 1) is None


def test_the_end_of_the_holder_ends_the_promise() -> None:
    assert after_a_vote().with_end("genesis").refusal(ask("lukretia", 8), 7, 1, 1) is None
    assert after_a_vote().with_end("lukretia").refusal(ask("lukretia", 8), 7, 1, 1) is not None


def test_a_voter_that_has_voted_for_a_later_claim_promises_an_earlier_one_nothing() -> None:
    """It says so by the number of its vote: the earlier holder does not count its echo."""
    ballot = after_a_vote().with_heartbeat("lukretia", 6, 100, TERM)
    assert "lukretia" not in ballot.promises
    assert "lukretia" in after_a_vote().with_heartbeat("lukretia", 8, 100, TERM).promises


def test_a_restarted_voter_gives_no_vote_for_one_term() -> None:
    ballot = Ballot.restarted(7, "genesis", 1_000, TERM)
    refused = ballot.refusal(ask("lukretia", 8), 7, 1, 1_100)
    assert refused == Refusal("it has restarted, and keeps for one term what it may have promised", 436)
    assert ballot.refusal(ask("lukretia", 8), 7, 1, 1_536) is None
    assert ballot.refusal(ask("lukretia", 7), 7, 1, 1_536) is not None, "the vote stands in its feed"


def test_who_counts_by_other_voters_gets_no_vote() -> None:
    refused = Ballot.first().refusal(ask("genesis", 7, voters=1), 0, 2, 0)
    assert refused == Refusal("it counts by voters 1, and voters 2 are in force")


def test_a_vote_that_breaks_a_promise_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="breaks a promise"):
        after_a_vote().with_vote(ask("lukretia", 8), 1, TERM)
    with pytest.raises(InvariantBroken, match="after one for 7"):
        after_a_vote().with_vote(ask("genesis", 7), 1, TERM)


def test_a_shorter_promise_does_not_replace_a_longer_one() -> None:
    ballot = after_a_vote().with_heartbeat("genesis", 7, 400, TERM)
    assert ballot.with_heartbeat("genesis", 7, 100, TERM).promises == {"genesis": 936}


def test_a_vote_before_what_a_restart_forgot_is_over_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="436 ms before what a restart forgot is over"):
        Ballot.restarted(7, "genesis", 1_000, TERM).with_vote(ask("lukretia", 8), 1_100, TERM)
    assert Ballot.restarted(7, "genesis", 1_000, TERM).with_vote(ask("lukretia", 8), 1_536, TERM).epoch == 8


def test_a_vote_that_is_read_again_after_a_restart_names_its_candidate() -> None:
    for epoch, candidate in ((7, ""), (0, "genesis")):
        with pytest.raises(InvariantBroken, match=f"a vote for epoch {epoch}"):
            Ballot.restarted(epoch, candidate, 1_000, TERM)
