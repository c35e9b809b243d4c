"""No node owns it: since when, and why no candidate takes it. Each history is told from one feed and from all."""

from pathlib import Path

import pytest

from tests.audit.worlds import played

BEGIN = "at 0s start lukretia genesis\n"


@pytest.mark.parametrize("nodes", [("genesis",), None], ids=["one feed", "all feeds"])
@pytest.mark.parametrize(
    ("story", "out"),
    [
        ("at 3s fail web genesis\nat 6s kill lukretia", "genesis does not take it: in FAIL (operator)"),
        ("at 3s hold web\nat 6s kill lukretia", "genesis does not take it: an operator holds it"),
        ("at 3s standby genesis\nat 6s kill lukretia", "genesis does not take it: in standby, by an operator"),
    ],
    ids=["failed", "held", "in standby"],
)
@pytest.mark.parametrize("command", ["who", "why"])
def test_after_a_last_word_it_is_since_then_and_every_candidate_that_is_out_has_its_reason(
    tmp_path: Path, story: str, out: str, nodes: tuple[str, ...] | None, command: str
):
    world = played(f"{BEGIN}{story}\nat 12s expect web owner=none", tmp_path / "logs")
    answer = world.audit(command, "web", "--at", world.at(11_000), nodes=nodes)
    assert (answer.code, answer.json["owner"]) == (1, None)
    said = answer.json["reason"]
    assert said.startswith("genesis heard lukretia's last word: web is down there (epoch 1) (genesis ")
    assert f"{world.at(6_000)[:19]}" in said
    assert out in said
    assert "lukretia does not take it: " in said


def test_why_begins_its_headline_with_the_last_word_and_not_with_the_order_of_long_before(tmp_path: Path):
    world = played(f"{BEGIN}at 3s fail web genesis\nat 6s kill lukretia\nat 12s expect web owner=none", tmp_path / "logs")
    headline = world.audit("why", "web", "--at", world.at(11_000), as_json=False).out.splitlines()[0]
    assert f"since {world.at(6_000)[:19]}" in headline


@pytest.mark.parametrize("nodes", [("genesis",), None], ids=["one feed", "all feeds"])
def test_a_dead_owner_is_not_the_owner_again_when_its_successor_has_let_go(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played(f"{BEGIN}at 6s crash lukretia\nat 10s fail web genesis\nat 14s expect web owner=none", tmp_path / "logs")
    answer = world.audit("who", "web", "--at", world.at(12_000), nodes=nodes)
    assert (answer.code, answer.json["owners"]) == (1, [])
    assert answer.json["reason"].startswith("web is down on genesis, which is in FAIL")
    assert "lukretia does not take it: " in answer.json["reason"]
