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
