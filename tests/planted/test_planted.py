"""The suite bites: each planted bug, in a copy of the tree, is caught by the tests that its patch names.

`python -m pytest tests/planted -s` prints the table. A bug that is not caught means that a safety rule has no test.
"""

import collections
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.planted.planting import LINES_MAX, DoesNotFit, Plant, copy_of, linked

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATCHES = sorted(HERE.glob("*.patch"))
PLANTS = [Plant.read(path) for path in PATCHES]


def test_there_are_enough_of_each_kind_and_none_is_large() -> None:
    areas = collections.Counter(plant.area for plant in PLANTS)
    assert len(PLANTS) >= 25
    assert all(areas[area] >= 5 for area in ("reducer", "decide", "replication", "judgements", "guard", "gate")), areas
    assert [plant.name for plant in PLANTS if not 1 <= plant.changed <= LINES_MAX] == []
    assert [plant.name for plant in PLANTS if not plant.caught_by] == []


def test_git_takes_every_patch() -> None:
    """A reader who wants to see a bug at work applies it by hand: headers count lines, and each hunk has a line on both
    sides."""
    words = ["git", "apply", "--check", "-p1"]
    taken = {path.name: subprocess.run([*words, str(path)], cwd=ROOT, capture_output=True, text=True) for path in PATCHES}
    assert {name: ran.stderr for name, ran in taken.items() if ran.returncode} == {}


def test_every_planted_bug_is_caught(tmp_path: Path) -> None:
    tree = copy_of(ROOT, tmp_path / "tree")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        fates = list(pool.map(lambda plant: fate(plant, linked(tree, tmp_path / plant.name)), PLANTS))
    table = "\n".join(f"{plant.name:50s} {took_s:5.1f} s  {end}" for plant, (end, took_s) in zip(PLANTS, fates))
    print(f"\n{table}")
    escaped = [plant.name for plant, (end, _) in zip(PLANTS, fates) if end != "caught"]
    assert not escaped, f"{', '.join(escaped)}\n{table}"


def fate(plant: Plant, tree: Path) -> tuple[str, float]:
    began = time.monotonic()
    try:
        plant.plant(tree)
    except DoesNotFit as error:
        return str(error), time.monotonic() - began
    return plant.grow(tree), time.monotonic() - began
