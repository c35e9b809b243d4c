"""Everything that three voters can do up to a depth, in the production core: what `make test` has the time for.

`make explore` goes deeper; docs/leases.md has what it found, with the numbers.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.explore.kept import Kept, OtherExploration
from tools.explore.scene import Scene
from tools.explore.search import Bounds, End, Search
from tools.explore.starts import START

ROOT = Path(__file__).parents[2]
ABOUT = {"from": "owned"}


def explored(start: str, bounds: Bounds, folder: Path | None = None, workers: int = 1) -> tuple[End, Kept]:
    kept = Kept(ABOUT, Scene(START[start], bounds.accidents).key(b""), folder)
    return Search(start, bounds, kept, workers).run(lambda kept: None), kept


@pytest.mark.parametrize(
    ("start", "depth", "accidents"),
    [("cold", 5, 0), ("free", 4, 1), ("owned", 4, 2), ("cut", 4, 1), ("followed", 4, 1)],
)
def test_nothing_is_wrong_in_any_state_within_the_depth(
    start: str, depth: int, accidents: int, capsys: pytest.CaptureFixture[str]
) -> None:
    end, _ = explored(start, Bounds(depth, accidents))
    with capsys.disabled():
        print(f"\n{end.states} distinct states within {depth} choices from '{start}', at most {accidents} accidents")
    assert end.fault is None
    assert end.whole
    assert end.states > 500


def test_what_was_stopped_goes_on_and_comes_to_the_same_states(tmp_path: Path) -> None:
    whole, all_of_it = explored("owned", Bounds(3, 1))
    stopped, _ = explored("owned", Bounds(3, 1, states=300), tmp_path / "found")
    assert not stopped.whole
    resumed, kept = explored("owned", Bounds(3, 1), tmp_path / "found", workers=2)
    assert resumed == whole
    assert kept.keys == all_of_it.keys, "a key does not tell which process found it, nor by which path"
    assert sorted(kept.level) == sorted(all_of_it.level)


def test_what_a_killed_run_had_written_behind_its_last_progress_is_found_anew(tmp_path: Path) -> None:
    whole, _ = explored("owned", Bounds(2, 1), tmp_path)
    for name in ("keys", "level-03"):
        with open(tmp_path / name, "ab") as file:
            file.write(bytes(range(64)))
    resumed, kept = explored("owned", Bounds(3, 1), tmp_path)
    assert resumed.states == explored("owned", Bounds(3, 1))[0].states > whole.states
    assert len((tmp_path / "keys").read_bytes()) == 16 * len(kept.keys)


def test_a_folder_of_another_exploration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text(json.dumps({"from": "cut"}))
    with pytest.raises(OtherExploration, match="name another folder"):
        explored("owned", Bounds(2, 1), tmp_path)


def told(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tools.explore", *words], cwd=ROOT, capture_output=True, text=True)


def test_a_history_is_told_by_its_choices() -> None:
    takeover = ", ".join([*START["owned"].words, "cut a", *["round"] * 4])
    ran = told("--replay", takeover)
    assert ran.returncode == 0, ran.stderr
    assert "claim, epoch 1" in ran.stdout
    assert "owner: a" in ran.stdout
    assert "claim, epoch 2" in ran.stdout
    assert [line for line in ran.stdout.splitlines() if " owner: " in line][-1].endswith("owner: b")


def test_a_holder_lets_go_in_the_moment_in_which_its_lease_ends() -> None:
    """Found by the exploration: it was woken for that, did nothing, and looked at the table with its next heartbeat."""
    ran = told("--replay", ", ".join([*START["owned"].words, "tick", "tick", "tick"]))
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.splitlines()[-1] == "   634 ms  tick             owner: none"


def test_a_history_that_cannot_happen_is_refused_with_the_choice() -> None:
    ran = told("--replay", "start a, resume b")
    assert ran.returncode == 1
    assert "resume b" in ran.stdout
    assert "is not open here" in ran.stdout
