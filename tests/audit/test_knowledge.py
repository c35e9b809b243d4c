"""Up to when an answer is known. Each history is told from one feed and from all."""

from pathlib import Path

import pytest

from tests.audit.worlds import Played, played


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The nodes are cut off from each other at 6 s, and each writes on: both own web."""
    story = "at 0s start lukretia genesis\nat 6s cut lukretia genesis\nat 12s expect web owner=lukretia,genesis"
    return played(story, tmp_path_factory.mktemp("cut") / "logs")


def test_where_every_feed_reaches_the_moment_nothing_is_open(cut: Played):
    assert cut.audit("who", "web", "--at", cut.at(5_000)).json["open_ends"] == []
    assert "known" not in cut.audit("who", "web", "--at", cut.at(5_000), as_json=False).out


def test_with_one_sides_feed_it_says_up_to_when_the_other_side_is_known(cut: Played):
    answer = cut.audit("who", "web", "--at", cut.at(6_300), nodes=("lukretia",))
    (end,) = [end for end in answer.json["open_ends"] if end["node"] == "genesis"]
    assert end["until_ms"] < cut.began_ms + 6_300
    said = cut.audit("who", "web", "--at", cut.at(6_300), nodes=("lukretia",), as_json=False).out
    assert f"genesis until {end['until']}" in said
    assert "genesis has claimed it since" in said
    both = cut.audit("who", "web", "--at", cut.at(6_300)).json["open_ends"]
    assert "genesis" not in [end["node"] for end in both], "its own log reaches further"


@pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])
def test_splits_say_up_to_when_each_feed_is_known(cut: Played, nodes: tuple[str, ...] | None):
    """With one side's feed the split is not seen at all: the other side claimed after its last event that is here."""
    *found, known = cut.audit("splits", nodes=nodes, as_json=False).out.splitlines()
    ends = {end["node"]: end["until"] for end in cut.audit("who", "web", "--at", "2999-01-01", nodes=nodes).json["open_ends"]}
    assert known.startswith("known: ")
    assert all(f"{node} until {ends[node]}" in known for node in ("lukretia", "genesis"))
    assert "what a node did after that is not here" in known
    assert len(found) == 1
    assert ("and still" in found[0]) is (nodes is None)


def test_splits_name_a_candidate_of_which_nothing_is_here(tmp_path: Path):
    alone = played("at 0s start lukretia\nat 6s expect web owner=lukretia", tmp_path / "logs")
    said = alone.audit("splits", nodes=("lukretia",), as_json=False).out
    assert "no split" in said
    assert "genesis not at all" in said
    assert alone.audit("splits", nodes=("lukretia",)).json == []


def test_a_split_says_which_feeds_do_not_reach_its_end(cut: Played):
    (split,) = cut.audit("splits").json
    last = {end["node"]: end["until_ms"] for end in cut.audit("who", "web", "--at", "2999-01-01").json["open_ends"]}
    assert [end["node"] for end in split["open_ends"]] == [min(last, key=lambda node: last[node])]


@pytest.mark.parametrize("nodes", [("lukretia",), None], ids=["one feed", "all feeds"])
def test_a_moment_that_is_still_to_come_is_called_so(cut: Played, nodes: tuple[str, ...] | None):
    said = cut.audit("who", "web", "--at", "2999-01-01T00:00:00Z", nodes=nodes, as_json=False).out
    assert "that moment is still to come" in said
    assert "lukretia has given it up since" in said
    assert "genesis has " in said
