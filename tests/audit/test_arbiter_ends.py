"""What an auditor can know of leases under `arbiter`: a claim by its leave ends every holding below its epoch."""

from pathlib import Path

import pytest

from protocol.kinds import Kind
from tests.audit.elections import feed, write
from tests.audit.worlds import Played, played

OWNED = "at 0s start lukretia genesis\nat 4s expect web owner=lukretia\n"
STOOD_STILL = OWNED + "at 4s freeze lukretia\nat 8s expect web owner=genesis\nat 10s thaw lukretia\n"
"""genesis follows when the lease is over in etcd; lukretia says that it is down at 10 s."""


@pytest.fixture(scope="module")
def stood_still(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(STOOD_STILL + "at 20s expect web owner=lukretia", tmp_path_factory.mktemp("stood still"), "arbiter.toml")


def claims(world: Played, node: str) -> list[tuple[int, int, int]]:
    """Of each of this node's claims when it was made, its number and its epoch."""
    found = [entry.event for entry in feed(world, node) if entry.event.kind == Kind.CLAIM]
    return [(event.wall_ms - world.began_ms, event.number, event.body["epoch"]) for event in found]


def kinds(world: Played) -> list[str]:
    return sorted({finding["kind"] for finding in world.audit("verify").json["findings"]})


@pytest.mark.parametrize("nodes", [None, ("genesis",), ("lukretia",)], ids=["all", "genesis", "lukretia"])
def test_a_successor_by_its_leave_is_no_split_though_the_first_said_later_that_it_is_down(stood_still: Played, nodes):
    assert stood_still.audit("verify", nodes=nodes).json["findings"] == []
    assert stood_still.audit("splits", nodes=nodes).json == []


def test_the_claim_is_shown_with_what_it_ended(stood_still: Played):
    (first, *_), ((at_ms, number, epoch),) = claims(stood_still, "lukretia"), claims(stood_still, "genesis")
    for command in ("who", "why"):
        said = stood_still.audit(command, "web", "--at", stood_still.at(9_000), as_json=False).out
        assert said.startswith("genesis owned web")
        (before,) = [line for line in said.splitlines() if line.startswith("  before")]
        assert f"the lease of lukretia (epoch {first[2]}) was over by {stood_still.at(at_ms)}: genesis {number}" in before
        assert f"claims it by leave of the arbiter (epoch {epoch}), which gives no lease before the one before" in before


def test_before_that_claim_the_lease_is_called_unproved(stood_still: Played):
    answer = stood_still.audit("who", "web", "--at", stood_still.at(5_000)).json
    assert (answer["owner"], answer["split"]) == ("lukretia", False)
    assert answer["lease"].startswith("given by the arbiter; whether it was live just then no log tells, since its answers are")
    assert "genesis" in answer["lease"]
    assert f"gave it up at {stood_still.at(10_000)}" in answer["lease"]


def test_an_older_claim_ends_no_lease(stood_still: Played):
    answer = stood_still.audit("who", "web", "--at", stood_still.at(19_000)).json
    assert (answer["owner"], answer["split"]) == ("lukretia", False)
    assert "nothing here shows that it is over" in answer["lease"]


def test_a_claim_that_names_no_lease_is_unlawful_and_ends_nothing(tmp_path: Path):
    """genesis is cut off from lukretia, and claims by its own word."""
    world = played(f"{OWNED}at 4s cut lukretia genesis\nat 8s expect web owner=lukretia", tmp_path, "arbiter.toml")
    assert kinds(world) == []
    like = next(entry.event for entry in feed(world, "lukretia") if entry.event.kind == Kind.CLAIM)
    body = {name: value for name, value in like.body.items() if name != "arbiter"}
    claim = write(world, "genesis", Kind.CLAIM, {**body, "epoch": body["epoch"] + 1, "rule": "take-over-dead"})
    found = world.audit("verify").json["findings"]
    assert sorted(finding["kind"] for finding in found if finding["number"] == claim.number) == ["split", "unlawful"]


@pytest.mark.parametrize(("events", "found"), [(2, []), (3, ["split"])], ids=["for one step", "longer"])
def test_a_holder_that_goes_on_although_it_has_read_the_claim_is_a_split(tmp_path: Path, events: int, found: list[str]):
    world = played(f"{OWNED}at 4s freeze lukretia\nat 9s expect web owner=genesis", tmp_path, "arbiter.toml")
    heads = (feed(world, "genesis")[-1].head,)
    for number in range(events):
        write(world, "lukretia", Kind.CHECK_PASSED, {"check": number, "text": ""}, heads=heads if number == 0 else ())
    assert kinds(world) == found
    for finding in world.audit("verify").json["findings"]:
        assert "lukretia still holds web here" in finding["text"]
