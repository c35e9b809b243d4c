"""Scenario files: what is refused, with its line; what `failc simulate` prints and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from coordinator.config import read
from tools.simulator.command import simulate
from tools.simulator.script import read_script
from tools.simulator.verbs import VERBS
from tools.simulator.words import BadScenario

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "tests" / "scenarios" / "two-nodes.toml"
POLICY = read(CONFIG, files=False)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("at 1s explode lukretia", "unknown verb 'explode'"),
        ("at 1s start nobody", "no node 'nobody'"),
        ("at 1s check-fails mail lukretia", "no service 'mail'"),
        ("at 1s cut lukretia genesis wan", "no link between"),
        ("at 1s cut lukretia lukretia", "names lukretia twice"),
        ("at 1 start lukretia", "1 has no unit"),
        ("at 1.5s start lukretia", "not a whole number"),
        ("start lukretia", "is no line of a scenario"),
        ("at 1s start", "lacks a node"),
        ("at 1s expect web", "lacks what is expected"),
        ("at 1s expect web owner=someone", "no node 'someone'"),
        ("at 1s expect web split=perhaps", "no answer to split"),
        ("at 1s expect web state@lukretia=DOWN", "no state 'DOWN'"),
        ("at 1s expect-audit spotless", "no kind of finding"),
        ("at 1s always web exactly-one", "no thing to hold always"),
        ("at 1s loss 120", "not a percentage"),
        ("at 1s works web lukretia genesis", "too much"),
    ],
)
def test_a_line_that_means_nothing_is_refused_with_its_number(line: str, complaint: str) -> None:
    with pytest.raises(BadScenario, match="accident:2: ") as refused:
        read_script("accident", f"at 1s start lukretia\n{line}\n", POLICY)
    assert complaint in str(refused.value)


def test_time_never_falls() -> None:
    with pytest.raises(BadScenario, match="accident:3: time falls"):
        read_script("accident", "at 2s start lukretia\n# later\nat 1s stop lukretia\n", POLICY)


def test_comments_and_empty_lines_are_nothing() -> None:
    steps = read_script("accident", "# a story\n\nat 1s start lukretia genesis # both\n", POLICY)
    assert [(step.line.number, step.line.at_ms, step.line.args) for step in steps] == [(3, 1000, ("lukretia", "genesis"))]


def test_every_verb_is_told_to_people() -> None:
    told = (ROOT / "docs" / "simulator.md").read_text().replace("\\|", "|")  # as it is written in a table
    assert [verb.usage for verb in VERBS.values() if f"`{verb.usage}`" not in told] == []


@pytest.fixture
def play(tmp_path: Path):
    def run(text: str, *options: str) -> Result:
        path = tmp_path / "accident.scenario"
        path.write_text(text)
        return CliRunner().invoke(simulate, ["--config", str(CONFIG), *options, str(path)])

    return run


def test_what_comes_as_told_ends_with_0(play) -> None:
    result = play("at 0s start lukretia genesis\nat 3s expect web owner=lukretia\n")
    assert result.exit_code == 0
    assert result.stdout.startswith("seed 0\n")


def test_an_expectation_that_fails_ends_with_1_and_says_what_is(play) -> None:
    result = play("at 0s start lukretia genesis\nat 3s expect web owner=genesis state@genesis=UP\n")
    assert result.exit_code == 1
    assert "NOT SO: web is owned by lukretia; genesis is RECOVER" in result.stdout


def test_a_wrong_line_ends_with_2_and_a_missing_file_with_3(play) -> None:
    wrong = play("at 0s explode lukretia\n")
    assert (wrong.exit_code, "accident.scenario:1: unknown verb 'explode'" in wrong.stderr) == (2, True)
    missing = CliRunner().invoke(simulate, ["--config", str(CONFIG), "nowhere.scenario"])
    assert missing.exit_code == 3


def test_json_has_one_object_a_step(play) -> None:
    result = play("at 0s start lukretia genesis\nat 3s expect web owner=lukretia\n", "--json", "--seed", "4")
    first, last = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["line"], first["at_ms"], first["ok"]) == (1, 0, True)
    assert last["services"]["web"] == {
        "owners": ["lukretia"],
        "epoch": 1,
        "split": False,
        "states": {"lukretia": "UP", "genesis": "RECOVER"},
    }


def test_an_always_that_breaks_is_told_at_its_moment(play) -> None:
    text = """
at 0s start lukretia genesis
at 1s always web at-most-one
at 3s cut lukretia genesis
at 5s expect web split=yes
"""
    result = play(text, "--json")
    steps = [json.loads(line) for line in result.stdout.splitlines()]
    broken = next(step for step in steps if not step["ok"])
    assert (result.exit_code, broken["line"]) == (1, 3)
    assert 3_300 < broken["at_ms"] < 3_700
