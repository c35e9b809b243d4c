"""What may be concluded from what an etcd says: epochs, revisions, and how long a holder may go on."""

from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.quorum.arbiter import Refusal, Seen, Sight, hold_ms, next_epoch
from coordinator.core.quorum.promise import Term

NUMBERS = st.integers(0, 2**52)
TERMS = st.builds(Term, st.integers(2, 60).map(lambda seconds: seconds * 1000), st.integers(0, 1000), st.integers(0, 20))


@given(NUMBERS, NUMBERS, NUMBERS)
def test_an_epoch_is_above_the_keys_the_revision_and_all_that_is_known(epoch: int, revision: int, known: int):
    found = next_epoch(Seen(Sight(1, revision), None, epoch, 0), known)
    assert found > max(epoch, revision, known)
    assert found - 1 in (epoch, revision, known), "no number is left out without need"


@given(TERMS)
def test_the_holder_is_down_before_etcd_lets_the_key_go(term: Term):
    """etcd counts the whole lease by a clock that is faster than the holder's by the whole drift."""
    ends_by_the_holder = hold_ms(term) + term.stop_ms
    ends_by_etcd_on_the_clock_of_the_holder = term.lease_ms * 100 / (100 + term.drift_percent)
    assert ends_by_the_holder <= ends_by_etcd_on_the_clock_of_the_holder
    assert ends_by_the_holder > ends_by_etcd_on_the_clock_of_the_holder - 1, "no time is given away"


def test_what_went_back_is_said_by_name():
    known = Sight(cluster=5, revision=10)
    assert known.went_back(known) is None
    assert known.went_back(Sight(5, 11)) is None
    assert known.went_back(Sight(5, 9)) is Refusal.OLD_REVISION
    assert known.went_back(Sight(6, 11)) is Refusal.OTHER_CLUSTER
