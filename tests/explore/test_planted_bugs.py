"""The exploration bites: bugs that are planted into votes and leases are found by it, each with a short history.

`FOUND` says from where and within which depth. What it cannot find stands in `BEYOND`, with the reason.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.planted.planting import Plant, copy_of, linked

ROOT = Path(__file__).parents[2]
PLANTED = ROOT / "tests" / "planted"


class Where(NamedTuple):
    start: str
    depth: int
    accidents: int
    wrong: str


FOUND = {
    "quorum-an-ended-lease-lives-again": Where("owned", 3, 1, "keeps its address after the end of its lease"),
    "quorum-a-heartbeat-binds-nobody": Where("owned", 4, 1, "votes for another while it is bound"),
    "lease-any-end-frees": Where("owned", 4, 1, "votes for another while it is bound"),
    "lease-ends-unnoticed": Where("owned", 3, 0, "keeps its address after the end of its lease"),
    "lease-minority-claims": Where("owned", 1, 0, "a: KeyError"),
}

BEYOND: dict[str, str] = {}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(ROOT, tmp_path_factory.mktemp("trees") / "tree")


@pytest.mark.parametrize("name", sorted(FOUND))
def test_the_bug_is_found_and_told_by_a_history_that_shows_it_again(name: str, tree: Path, tmp_path: Path) -> None:
    where, copy = FOUND[name], linked(tree, tmp_path / name)
    Plant.read(PLANTED / f"{name}.patch").plant(copy)
    ran = run(copy, "--from", where.start, "--depth", str(where.depth), "--accidents", str(where.accidents))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(rf"WRONG: .*{where.wrong}", ran.stdout), ran.stdout
    replay = re.search(r"--replay '([^']+)'", ran.stdout)
    assert replay, ran.stdout
    assert run(copy, "--replay", replay[1]).returncode == 1, "the same fault, by one command"
    without = run(ROOT, "--replay", replay[1])
    assert without.returncode == 0 or "is not open here" in without.stdout, "without the bug it is no fault, or cannot happen"


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"}
    words = (sys.executable, "-m", "tools.explore", *words)
    return subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True)
