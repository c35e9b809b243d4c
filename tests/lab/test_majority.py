"""A service under `partition = "majority"` on real nodes: two candidates and a witness. Facts, never times."""


import pytest

from tools.lab.measure import Measure
from tools.lab.pytest_plugin import MASTER, SLAVE, Cluster

UMPIRE = "umpire"
SERVE, MAJORITY = 'partition    = "serve"', 'partition    = "majority"'


@pytest.fixture
def voters(packet_filter, make_lab):
    lab = make_lab(MASTER, SLAVE, witnesses=[UMPIRE])
    lab.init(lambda text: text.replace(SERVE, MAJORITY))
    return Cluster(lab)


def web(cluster, at):
    return cluster.lab.service(at)


HARM = {
    "stopped": lambda lab: lab.nodes[MASTER].freeze(),
    "killed": lambda lab: lab.nodes[MASTER].kill_everything(),
    "cut-off": lambda lab: lab.cut(MASTER),
}
MEND = {
    "stopped": lambda lab: lab.nodes[MASTER].thaw(),
    "killed": lambda lab: lab.start(MASTER),
    "cut-off": lambda lab: lab.heal(MASTER),
}


@pytest.mark.parametrize("accident", HARM)
def test_an_owner_that_no_majority_hears_falls_silent_before_another_answers(voters, accident):
    """It stands still, is gone with its guard, or speaks to nobody: the kernel ends its lease, and the voters waited."""
    HARM[accident](voters.lab)
    Measure(voters.lab).until_answered_by(SLAVE)
    assert voters.two_owners_ms() == {4: 0, 6: 0}
    MEND[accident](voters.lab)
    voters.until_serves(MASTER)
    assert voters.two_owners_ms() == {4: 0, 6: 0}, "nor when it is back"
    assert voters.claimants() == [SLAVE, MASTER]
    voters.is_sound()


def test_the_status_says_by_whose_votes_it_is_owned_and_for_how_long(voters):
    shown = web(voters, MASTER)
    assert set(shown["lease"]["votes"]) <= {MASTER, SLAVE, UMPIRE}
    assert len(shown["lease"]["votes"]) >= 2
    assert 0 < shown["lease"]["left_ms"] <= 500
    assert shown["enforced_by"] == "nftables"
    assert web(voters, SLAVE)["lease"] is None, "it holds none"


def test_with_one_voter_of_three_left_nobody_owns_it_until_a_second_one_is_back(voters):
    """The owner lives and is heard by nobody: it gives the service up by itself, and says why."""
    voters.lab.nodes[UMPIRE].kill_everything()
    voters.lab.nodes[SLAVE].kill_everything()
    voters.lab.wait_until(lambda: web(voters, MASTER)["owner"] is None, "it is given up")
    assert not voters.holds_address(MASTER)
    assert web(voters, MASTER)["lease"] is None
    voters.lab.start(UMPIRE)
    voters.until_serves(MASTER)
    assert voters.two_owners_ms() == {4: 0, 6: 0}


def test_the_witness_alone_is_no_loss(voters):
    voters.lab.nodes[UMPIRE].kill_everything()
    voters.until_written("judged", MASTER)
    voters.for_a_while()
    voters.lab.failc(MASTER, "move", "web", SLAVE)
    voters.until_serves(SLAVE)
    assert voters.two_owners_ms() == {4: 0, 6: 0}
