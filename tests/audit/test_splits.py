"""Who keeps the service in a split, by which claim and why. Each history is told from one feed and from all."""

from pathlib import Path

import pytest

from tests.audit.worlds import played

BEGIN = "at 0s start lukretia genesis\n"
FEEDS = pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])


@FEEDS
def test_who_was_moved_to_keeps_it_because_of_the_move(tmp_path: Path, nodes: tuple[str, ...] | None):
    story = "at 5s move web genesis\nat 8s cut lukretia genesis\nat 16s heal\nat 20s expect web owner=genesis"
    world = played(BEGIN + story, tmp_path / "logs")
    (told,) = world.audit("splits", nodes=nodes).json
    assert (told["winner"], told["rule"]) == ("genesis", "move")
    said = world.audit("splits", nodes=nodes, as_json=False).out
    assert "genesis keeps it because an operator moved it there" in said
    assert "preference" not in said


@FEEDS
def test_in_a_split_a_claim_is_shown_with_its_own_epoch(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played(f"{BEGIN}at 6s cut lukretia genesis\nat 16s heal\nat 20s expect web owner=lukretia", tmp_path / "logs")
    for command in ("who", "why"):
        said = world.audit(command, "web", "--at", world.at(12_000), nodes=nodes, as_json=False).out.splitlines()
        assert said[0].startswith("lukretia owned web")
        assert "epoch 1" in said[0]


@FEEDS
def test_an_announcement_is_credited_to_the_split_that_it_answers(tmp_path: Path, nodes: tuple[str, ...] | None):
    """lukretia's disk is full when the first split heals, and its power fails then: that one was never answered."""
    first = (
        "at 6s cut lukretia genesis\nat 10s disk-full lukretia\nat 16s heal\nat 20s crash lukretia\nat 21s disk-back lukretia\n"
    )
    again = "at 25s start lukretia\nat 40s cut lukretia genesis\nat 50s heal\nat 55s expect web owner=lukretia"
    world = played(BEGIN + first + again, tmp_path / "logs")
    one, two = world.audit("splits", nodes=nodes).json
    assert (one["winner"], one["reclaimed_at"]) == ("lukretia", None)
    assert two["to_ms"] <= two["reclaimed_at_ms"] < two["to_ms"] + 500
    assert "NOT announced again" in world.audit("splits", nodes=nodes, as_json=False).out.splitlines()[0]


@FEEDS
def test_an_operators_reclaim_answers_the_split_before_it(tmp_path: Path, nodes: tuple[str, ...] | None):
    first = (
        "at 6s cut lukretia genesis\nat 10s disk-full lukretia\nat 16s heal\nat 20s crash lukretia\nat 21s disk-back lukretia\n"
    )
    world = played(
        f"{BEGIN}{first}at 25s start lukretia\nat 40s reclaim web\nat 45s expect web owner=lukretia", tmp_path / "logs"
    )
    (told,) = world.audit("splits", nodes=nodes).json
    assert told["reclaimed_at"][:19] == world.at(40_000)[:19]


@FEEDS
@pytest.mark.parametrize("node", ["genesis", "lukretia"])
def test_a_clock_that_is_an_hour_ahead_hides_no_announcement(tmp_path: Path, node: str, nodes: tuple[str, ...] | None):
    story = f"at 0s clock-jumps 1h {node}\nat 6s cut lukretia genesis\nat 16s heal\nat 30s expect web owner=lukretia"
    world = played(BEGIN + story, tmp_path / "logs")
    (told,) = world.audit("splits", nodes=nodes).json
    assert told["reclaimed_at"] is not None


@FEEDS
@pytest.mark.parametrize(
    "story",
    [
        "at 5s disk-slow genesis 300ms\nat 6s cut lukretia genesis\nat 6450ms heal",
        "at 5s disk-hangs genesis\nat 6s cut lukretia genesis\nat 9s heal\nat 11s disk-back genesis",
    ],
    ids=["given up when it was heard again", "given up since the disk did not take it"],
)
def test_a_claim_that_was_withdrawn_before_anything_ran_is_no_split(tmp_path: Path, story: str, nodes: tuple[str, ...] | None):
    world = played(f"{BEGIN}{story}\nat 14s expect web owner=lukretia", tmp_path / "logs")
    assert [claim["node"] for claim in world.audit("timeline", "--kind", "claim", nodes=nodes).lines] == ["lukretia", "genesis"]
    assert world.audit("splits", nodes=nodes).json == []
    for at_ms in (6_410, 6_500, 8_000):
        answer = world.audit("who", "web", "--at", world.at(at_ms), nodes=nodes).json
        assert (answer["owner"], answer["split"]) == ("lukretia", False)


@FEEDS
def test_a_claim_of_which_an_action_ran_is_a_split_however_short(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played(f"{BEGIN}at 6s cut lukretia genesis\nat 6450ms heal\nat 14s expect web owner=lukretia", tmp_path / "logs")
    (told,) = world.audit("splits", nodes=nodes).json
    assert told["owners"] == ["genesis", "lukretia"]
