"""An operator says that a node is down, and the node's own feed says otherwise. Told from each feed alone and from all."""

from pathlib import Path

import pytest

from coordinator.core.commands import Wanted
from tests.audit.worlds import Played, played

BEGIN = "at 0s start lukretia genesis\n"
DOWN = Wanted("fail", "web", "lukretia")
FEEDS = pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])


def cut(folder: Path, words: tuple[tuple[int, str, Wanted], ...]) -> Played:
    """Cut off at 6 s, in again at 29 s: lukretia holds web all the time, genesis from 6.4 s."""
    return played(f"{BEGIN}at 6s cut lukretia genesis\nat 29s heal\nat 34s expect web owner=lukretia", folder, words=words)


@FEEDS
def test_a_word_about_a_node_that_was_only_cut_off_hides_no_split(tmp_path: Path, nodes: tuple[str, ...] | None):
    """The same cut, once without and once with the word: both times two owners for as long."""
    plain, said = cut(tmp_path / "plain", ()), cut(tmp_path / "said", ((8_700, "genesis", DOWN),))
    (without,), (told,) = plain.audit("splits", nodes=nodes).json, said.audit("splits", nodes=nodes).json
    assert told["owners"] == without["owners"] == ["genesis", "lukretia"]
    assert told["from_ms"] == without["from_ms"]
    assert abs(told["to_ms"] - without["to_ms"]) < 500
    at = said.audit("who", "web", "--at", said.at(20_000), nodes=nodes)
    assert at.json["split"]


@FEEDS
def test_the_word_and_its_signer_are_a_finding(tmp_path: Path, nodes: tuple[str, ...] | None):
    assert cut(tmp_path / "plain", ()).audit("verify", nodes=nodes).json["findings"] == []
    world = cut(tmp_path / "said", ((8_700, "genesis", DOWN),))
    (fence,) = world.audit("timeline", "--kind", "fenced").lines
    (finding,) = world.audit("verify", nodes=nodes).json["findings"]
    assert [finding[key] for key in ("kind", "node", "number")] == ["split", "genesis", fence["number"]]
    assert finding["text"].startswith("simulator said that web is down on lukretia (epoch 1), and by lukretia's own feed")
    assert world.at(29_000)[:19] in finding["text"]
    assert "clocks" not in finding["text"], "lukretia knew of the word when it wrote that it gives web up"
    for command in ("who", "why"):
        said = world.audit(command, "web", "--at", world.at(20_000), nodes=nodes, as_json=False).out
        assert "simulator said that it is down on lukretia (genesis" in said


def test_without_the_nodes_own_feed_the_word_is_believed_and_the_answer_is_hedged(tmp_path: Path):
    """The cut lasts: each side's copy ends with what that side knew."""
    story = f"{BEGIN}at 6s cut lukretia genesis\nat 20s expect web owner=lukretia,genesis"
    world = played(story, tmp_path / "logs", words=((8_700, "genesis", DOWN),))
    one = world.audit("who", "web", "--at", world.at(12_000), nodes=("genesis",))
    assert one.json["owners"] == ["genesis"]
    said = world.audit("who", "web", "--at", world.at(12_000), nodes=("genesis",), as_json=False).out
    assert "lukretia went on after simulator said that it is down there" in said
    assert world.audit("verify", nodes=("genesis",)).json["findings"] == []


@pytest.mark.parametrize(
    "story",
    [
        "at 6s crash lukretia\nat 20s expect web owner=genesis",
        "at 6s crash lukretia\nat 15s start lukretia\nat 20s expect web owner=lukretia",
        "at 5s down-fails web lukretia\nat 6s move web genesis\nat 20s expect web owner=genesis",
    ],
    ids=["dead", "dead and back", "stuck"],
)
@FEEDS
def test_a_word_that_was_true_is_no_finding_and_makes_no_split(tmp_path: Path, story: str, nodes: tuple[str, ...] | None):
    world = played(BEGIN + story, tmp_path / "logs", words=((8_700, "genesis", DOWN),))
    assert len(world.audit("timeline", "--kind", "fenced").lines) == 1
    assert world.audit("verify", nodes=nodes).json["findings"] == []
    assert world.audit("splits", nodes=nodes).json == []
