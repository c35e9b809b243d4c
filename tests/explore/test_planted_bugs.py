"""The exploration bites: the bugs that are planted into votes and leases are found by it, each with a short history.

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


THE_GATE = "the kernel's gate lies outside of the core: the explored machine has one that is right"
UNDER_SERVE = "it is about the lease under `serve`, by which no two nodes are kept apart for certain"
NO_CHANGE = "voters do not change here: nothing but a file changes them yet"

NO_FENCE = "no node is switched off by another here, and no operator says anything"

FOUND = {
    "quorum-an-ended-lease-lives-again": Where("owned", 3, 1, "keeps its address after the end of its lease"),
    "quorum-a-heartbeat-binds-nobody": Where("paused", 3, 0, "votes for another while it is bound"),
    "lease-any-end-frees": Where("paused", 3, 0, "votes for another while it is bound"),
    "lease-ends-unnoticed": Where("owned", 3, 0, "keeps its address after the end of its lease"),
    "lease-minority-claims": Where("free", 1, 0, "a: KeyError"),
    "lease-over-is-no-reason": Where("cut", 3, 0, "keeps its address after the end of its lease"),
    "lease-restart-forgets": Where("blink", 3, 1, "w votes for another while it is bound to a"),
    "lease-votes-unnamed": Where("free", 1, 0, "names the votes of"),
    "quorum-a-vote-is-no-promise": Where("asked", 3, 1, "b votes for another while it is bound to b"),
    "quorum-echo-is-enough": Where("read", 3, 0, "a and b may both answer"),
    "quorum-half-is-enough": Where("halves", 4, 0, "a and b may both answer"),
    "quorum-newest-of-one": Where("cut", 3, 0, "a and b may both answer"),
    "quorum-promise-without-the-stop": Where("paused", 3, 0, "b votes for another while it is bound to a"),
    "quorum-restart-forgets-promises": Where("blink", 3, 1, "w votes for another while it is bound to a"),
    "quorum-unread-votes-count": Where("five", 3, 0, "a and b may both answer"),
}

BEYOND = {
    "lease-hooks-lengthen-promises": "it costs time and no safety: the service has an address alone there",
    "lease-waits-for-who-is-leaving": "it costs time and no safety: nothing that must hold is broken",
    "lease-fence-frees-nothing": NO_FENCE,
    "lease-refusal-outlives-its-promise": "it costs time and no safety: the candidate waits although nothing binds the voter",
    "lease-word-that-it-is-off-frees": NO_FENCE,
    "lease-kernel-by-serve": THE_GATE,
    "lease-over-is-no-end": THE_GATE,
    "lease-voters-change-by-a-file": NO_CHANGE,
    "lease-announced-while-shut": THE_GATE,
    "lease-repeated-while-shut": THE_GATE,
    "lease-opens-unseen": THE_GATE,
    "lease-outlives-the-service": THE_GATE,
    "lease-survives-a-crash": THE_GATE,
    "lease-believes-the-socket": UNDER_SERVE,
    "lease-counts-from-now": UNDER_SERVE,
    "lease-long-beside-a-rival": UNDER_SERVE,
    "lease-opens-beside-a-rival": UNDER_SERVE,
    "lease-outlives-dead": UNDER_SERVE,
    "quorum-old-voters-go-on": NO_CHANGE,
    "quorum-two-voters-at-once": NO_CHANGE,
    "lease-each-votes-for-itself": "with it no node ever owns, and that is safe: the simulator demands an owner, and finds it",
}


def test_each_bug_of_votes_and_leases_is_found_or_said_to_be_beyond() -> None:
    planted = {path.stem for path in PLANTED.glob("quorum-*.patch")} | {path.stem for path in PLANTED.glob("lease-*.patch")}
    assert sorted(planted) == sorted([*FOUND, *BEYOND])


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
