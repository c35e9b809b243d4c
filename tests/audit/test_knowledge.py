"""Up to when an answer is known. Each history is told from one feed and from all."""


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


@pytest.mark.parametrize("nodes", [("lukretia",), None], ids=["one feed", "all feeds"])
def test_a_moment_that_is_still_to_come_is_called_so(cut: Played, nodes: tuple[str, ...] | None):
    said = cut.audit("who", "web", "--at", "2999-01-01T00:00:00Z", nodes=nodes, as_json=False).out
    assert "that moment is still to come" in said
    assert "lukretia has let it go since" in said
    assert "genesis has " in said
