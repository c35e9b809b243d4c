"""What the auditor says is said as a person would: names, reasons and durations. Told from each feed alone and from all."""

import ast
from pathlib import Path

import pytest

from coordinator.sentences import RULES
from protocol.moment import lasting
from tests.audit.worlds import played

ROOT = Path(__file__).parents[2]
BEGIN = "at 0s start lukretia genesis\n"
FEEDS = pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 ms"), (0.419, "0.41 ms"), (12.3, "12.3 ms"), (999, "999 ms"), (1_000, "1 s"), (1_315, "1.3 s"), (9_999, "9.9 s"),
     (22_982, "22s"), (86_400_000, "1d"), (90_061_000, "1d1h"), (2**63 - 1, "751991167d7h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(ms: int, said: str):
    assert lasting(ms) == said


@FEEDS
def test_who_was_killed_is_passed_over_by_its_last_word(tmp_path: Path, nodes: tuple[str, ...] | None):
    """It was "in UP": the last word of its guard is faster than any judgement, and its feed says no more."""
    world = played(f"{BEGIN}at 5s kill lukretia\nat 9s start lukretia\nat 9500ms expect web owner=genesis", tmp_path / "logs")
    (over,) = world.audit("why", "web", "--at", world.at(7_000), nodes=nodes).json["passed_over"]
    assert over == {"node": "lukretia", "why": "its last word says that it is down there"}


@FEEDS
def test_a_reclaim_names_both_nodes(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played(f"{BEGIN}at 6s cut lukretia genesis\nat 16s heal\nat 20s expect web owner=lukretia", tmp_path / "logs")
    assert world.audit("who", "web", nodes=nodes).json["reason"] == "genesis held it while lukretia did: announce again"


@FEEDS
def test_a_judgement_that_is_written_late_says_since_when_it_is_so(tmp_path: Path, nodes: tuple[str, ...] | None):
    """A judgement on which nothing rests is written once a second: 1.3 s of silence, where 0.5 s are enough."""
    world = played(f"{BEGIN}at 6s cut lukretia genesis\nat 16s heal\nat 20s expect web owner=lukretia", tmp_path / "logs")
    lines = world.audit("timeline", "--kind", "judged", nodes=nodes).lines
    dead = {line["node"]: line["text"] for line in lines if " dead" in line["text"]}
    assert dead["genesis"].endswith("silent for 500 ms on every way (direct 500 ms, lan 500 ms)"), "it claimed by this"
    assert dead["lukretia"].startswith("lukretia judges genesis dead: silent for 1.3 s on every way")
    assert dead["lukretia"].endswith("; it was so after 500 ms, and no decision rested on it until now")


@FEEDS
def test_a_peer_that_was_never_heard_is_judged_as_such(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played("at 0s start genesis\nat 4s start lukretia\nat 8s expect web owner=lukretia", tmp_path / "logs")
    said = [line["text"] for line in world.audit("timeline", "--kind", "judged", nodes=nodes).lines]
    assert "genesis judges lukretia dead: not heard in the 1.5 s since genesis listens for it" in said


@FEEDS
@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("at 5s kill lukretia\nat 7s start lukretia", "lukretia started after an end without a stop"),
        ("at 5s move web genesis", "web is down on lukretia, which is in RECOVER: moved to genesis by an operator"),
    ],
    ids=["killed", "moved"],
)
def test_what_the_claim_could_not_know_is_told(tmp_path: Path, nodes: tuple[str, ...] | None, end: str, said: str):
    """The claim rests on the last word, which is faster than the events that say how it came to that."""
    world = played(f"{BEGIN}{end}\nat 9s expect-audit clean", tmp_path / "logs")
    for command in ("who", "why"):
        lines = world.audit(command, "web", "--at", world.at(6_000), nodes=nodes, as_json=False).out.splitlines()
        assert [line for line in lines if line.startswith("  before ") and said in line], lines


def test_a_split_lasts_in_words(tmp_path: Path):
    world = played(f"{BEGIN}at 6s cut lukretia genesis\nat 29s heal\nat 34s expect web owner=lukretia", tmp_path / "logs")
    assert "(22s); lukretia keeps it" in world.audit("splits", as_json=False).out


def test_a_node_that_is_dead_and_not_the_owner_is_said_to_be_dead(tmp_path: Path):
    world = played(f"{BEGIN}at 6s crash lukretia\nat 10s fail web genesis\nat 14s expect web owner=none", tmp_path / "logs")
    assert "lukretia does not take it: genesis judges it dead" in world.audit("who", "web").json["reason"]


def test_every_rule_that_stands_in_an_event_has_a_meaning():
    """Also those that no row of the table has: a claim that is withdrawn, an action that failed."""
    named = set()
    for path in (ROOT / "coordinator" / "core").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decision" and node.args:
                first = node.args[0]
                named |= {first.value} if isinstance(first, ast.Constant) else set()
    assert {"withdrawn-claim", "unguarded", "reconsidered"} <= named
    assert named - {"stopping-down"} <= set(RULES)
