"""What an auditor can know of leases: when one was over is shown by the votes for others, and by nothing else."""

from pathlib import Path

import pytest

from protocol.kinds import Kind
from tests.audit.elections import ELECTED, STOOD_STILL, claims_by_its_own_vote, event, feed, majority, votes_for_itself, write
from tests.audit.worlds import Played, played
from tools.simulator.random_run import RandomRun

CUT = "at 4s cut genesis lukretia\nat 4s cut genesis carthage\n"
"""genesis is alone; lukretia goes on by its own vote and carthage's."""


@pytest.fixture(scope="module")
def stood_still(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return majority(STOOD_STILL + "at 20s expect web owner=lukretia", tmp_path_factory.mktemp("stood still"))


def kinds(world: Played) -> list[str]:
    return sorted({finding["kind"] for finding in world.audit("verify").json["findings"]})


def test_a_successor_by_votes_is_no_split_though_the_first_said_later_that_it_is_down(stood_still: Played):
    """lukretia stood still for longer than its lease: what it says at 10 s is about 4.5 s."""
    down = event(stood_still, "lukretia", Kind.DOWN, 1)
    claim = event(stood_still, "genesis", Kind.CLAIM, 2)
    assert down.wall_ms > claim.wall_ms + 3_000
    assert stood_still.audit("verify").json["findings"] == []
    assert stood_still.audit("splits").json == []


@pytest.mark.parametrize("nodes", [("genesis",), ("carthage",), ("lukretia",)], ids=lambda nodes: str(nodes[0]))
def test_any_copy_shows_it(stood_still: Played, nodes: tuple[str, ...]):
    assert stood_still.audit("verify", nodes=nodes).json["findings"] == []
    assert stood_still.audit("splits", nodes=nodes).json == []


def test_between_the_votes_and_the_claim_no_node_owned_it(stood_still: Played):
    vote = event(stood_still, "genesis", Kind.VOTE, 2)
    answer = stood_still.audit("who", "web", "--at", stood_still.at(vote.wall_ms - stood_still.began_ms))
    assert (answer.code, answer.json["owner"], answer.json["owners"]) == (1, None, [])
    assert answer.json["reason"].startswith("the lease of lukretia (epoch 1) was over by ")
    assert "carthage 14 votes for genesis (epoch 2) and genesis 14 votes for genesis (epoch 2)" in answer.json["reason"]
    told = stood_still.audit("why", "web", "--at", stood_still.at(vote.wall_ms - stood_still.began_ms), as_json=False)
    assert "no node owned web" in told.out.splitlines()[0]


def test_before_the_votes_the_claim_stands_and_its_lease_is_called_unproved(stood_still: Played):
    """Two seconds after its last event: no log tells that lukretia was silent by then, nor that it was not."""
    answer = stood_still.audit("who", "web", "--at", stood_still.at(6_000)).json
    assert (answer["owner"], answer["split"]) == ("lukretia", False)
    assert "whether it was live just then no log tells" in answer["lease"]
    assert "no other node could own web" in answer["lease"]
    assert f"was over by {stood_still.at(6_456)}" in answer["lease"]
    assert f"gave it up at {stood_still.at(10_000)}" in answer["lease"]


def test_the_new_owner_is_shown_with_the_proof_that_the_first_was_down(stood_still: Played):
    for command in ("who", "why"):
        said = stood_still.audit(command, "web", "--at", stood_still.at(9_000), as_json=False).out
        assert said.startswith("genesis owned web")
        (before,) = [line for line in said.splitlines() if line.startswith("  before")]
        assert "the lease of lukretia (epoch 1) was over by" in before


def test_votes_for_an_older_epoch_end_no_lease(stood_still: Played):
    """At 15 s lukretia owns it under epoch 3: what was voted for genesis under epoch 2 says nothing of that."""
    answer = stood_still.audit("who", "web", "--at", stood_still.at(15_000)).json
    assert (answer["owner"], answer["epoch"]) == ("lukretia", 3)
    assert "nothing here shows that it is over" in answer["lease"]


def test_under_serve_nothing_is_said_of_leases(tmp_path: Path):
    world = played("at 0s start lukretia genesis\nat 5s expect web owner=lukretia", tmp_path)
    assert world.audit("who", "web", "--at", world.at(5_000)).json["lease"] is None
    assert "lease" not in world.audit("who", "web", "--at", world.at(5_000), as_json=False).out


@pytest.mark.parametrize("epoch", [1, 2], ids=["the same epoch", "a later epoch"])
def test_a_claim_by_one_vote_of_three_beside_an_owner_is_a_split(tmp_path: Path, epoch: int):
    world = majority(f"{ELECTED}{CUT}at 8s expect web owner=lukretia", tmp_path)
    assert kinds(world) == []
    claim = claims_by_its_own_vote(world, "genesis", epoch)
    found = world.audit("verify").json["findings"]
    assert sorted(finding["kind"] for finding in found if finding["number"] == claim.number) == ["split", "unlawful"]
    (split,) = world.audit("splits").json
    assert split["owners"] == ["genesis", "lukretia"]


def test_silence_ends_no_lease(tmp_path: Path):
    """lukretia has lost its power, and wrote nothing more. A claim by one vote of three shows nothing of that."""
    world = majority(f"{ELECTED}{CUT}at 5s crash lukretia\nat 8s expect web owner=none", tmp_path)
    claims_by_its_own_vote(world, "genesis", 2)
    assert kinds(world) == ["split", "unlawful"]


def read_the_votes(world: Played, *numbers: int) -> None:
    """lukretia writes a check that passed, as often, each a second after the one before; it knows all that the others wrote."""
    heads = tuple(feed(world, node)[-1].head for node in ("carthage", "genesis"))
    for number in numbers:
        write(world, "lukretia", Kind.CHECK_PASSED, {"check": number, "text": ""}, heads=heads if number == 0 else ())


@pytest.mark.parametrize(("events", "found"), [(2, []), (3, ["split"])], ids=["for one step", "longer"])
def test_a_holder_that_goes_on_although_it_has_read_the_votes_is_a_split(tmp_path: Path, events: int, found: list[str]):
    """lukretia wakes up, reads that genesis was elected, and goes on: it writes of its checks, and of no release."""
    world = majority(f"{ELECTED}at 4s freeze lukretia\nat 9s expect web owner=genesis", tmp_path)
    read_the_votes(world, *range(events))
    assert kinds(world) == found
    for finding in world.audit("verify").json["findings"]:
        assert (finding["node"], finding["number"]) == ("lukretia", feed(world, "lukretia")[-1].event.number)
        assert "lukretia still holds web here" in finding["text"]
        assert "was over by" in finding["text"]


def test_votes_for_several_others_end_a_lease_as_well(tmp_path: Path):
    """What counts is who can still echo lukretia: neither genesis nor carthage, whomever each of them has voted for."""
    world = majority(f"{ELECTED}at 4s crash lukretia\nat 5s cut genesis carthage\nat 8s expect web owner=none", tmp_path)
    late = world.at(60_000)
    assert world.audit("who", "web", "--at", late).json["owner"] == "lukretia"
    votes_for_itself(world, "genesis", 2)
    assert world.audit("who", "web", "--at", late).json["owner"] == "lukretia", "carthage and lukretia are a majority"
    votes_for_itself(world, "carthage", 3)
    assert world.audit("who", "web", "--at", late).json["owner"] is None
    assert kinds(world) == []


@pytest.mark.parametrize("seed", [18, 31, 40])
def test_what_is_drawn_ends_without_a_finding(seed: int):
    """In each of these a holder was cut off or stood still, and said that it is down after another had followed it."""
    RandomRun(seed, 4_000, leases=True).play()
