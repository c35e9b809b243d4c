"""A device said "off" of a node that ran on: found where the node's own feed shows it, and never by two clocks alone."""

from pathlib import Path

import pytest

from tests.audit.worlds import Played, played

LIE = """\
at 0s  start lukretia genesis
at 5s  fence-lies lukretia
at 6s  cut lukretia genesis
at 10s expect web owner=lukretia,genesis
at 20s heal
at 25s expect web owner=lukretia
"""
TRUE = """\
at 0s  start lukretia genesis
at 6s  cut lukretia genesis
at 10s expect web owner=genesis
at 20s heal
at 21s start lukretia
at 30s expect web owner=lukretia
"""
FEEDS = pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])


def lied(folder: Path) -> Played:
    return played(LIE, folder / "logs", "two-nodes-fenced.toml")


@FEEDS
def test_what_the_device_said_is_a_finding_when_the_node_has_read_it_and_wrote_on(
    tmp_path: Path, nodes: tuple[str, ...] | None
) -> None:
    world = lied(tmp_path)
    results = world.audit("timeline", "--kind", "fence-result").lines
    (finding,) = world.audit("verify", nodes=nodes).json["findings"]
    assert [finding[key] for key in ("kind", "node", "number")] == ["split", "genesis", results[0]["number"]]
    assert finding["text"].startswith(
        "genesis said that lukretia was switched off, with dns, web, and by its own feed it ran on"
    )


@FEEDS
def test_it_hides_no_split(tmp_path: Path, nodes: tuple[str, ...] | None) -> None:
    world = lied(tmp_path)
    told = {split["service"]: split["owners"] for split in world.audit("splits", nodes=nodes).json}
    assert told == {"web": ["genesis", "lukretia"], "dns": ["genesis", "lukretia"]}
    assert world.audit("who", "web", "--at", world.at(15_000), nodes=nodes).json["split"]
    said = world.audit("who", "web", "--at", world.at(15_000), nodes=nodes, as_json=False).out
    assert "genesis said that it had switched lukretia off (genesis" in said


@FEEDS
def test_one_that_was_true_is_no_finding_and_makes_no_split(tmp_path: Path, nodes: tuple[str, ...] | None) -> None:
    world = played(TRUE, tmp_path / "logs", "two-nodes-fenced.toml")
    assert world.audit("verify", nodes=nodes).json["findings"] == []
    assert world.audit("splits", nodes=nodes).json == []
    why = world.audit("why", "web", "--at", world.at(15_000), nodes=nodes, as_json=False).out
    assert "genesis has switched lukretia off: lukretia is off: level 1" in why
    assert "lukretia was switched off by genesis" in why
