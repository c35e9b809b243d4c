"""`make mutants`: one change at a time to what decides who owns what, and which test sees it.

    python -m tests.mutants                                     all of them (docs/mutants.md; hours on two cores)
    python -m tests.mutants --draw 500 --seed 7                 a sample: the same one for the same code and seed
    python -m tests.mutants --files coordinator/decision/decide.py --only decide.py:moved
    python -m tests.mutants --again FILE                        those that survived in the results FILE

All happens in a copy of the tree. Ends with 1 where a mutant survives that docs/mutants.md does not explain.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutants.breeding import Mutant, breed
from tests.mutants.guarded import FILES as GUARD
from tests.mutants.report import explained, summary
from tests.mutants.trials import KILLED, Fate, Trials
from tests.planted.planting import copy_of

ROOT = Path(__file__).parents[2]
STATE = (
    "reducer", "transitions", "orders", "standing", "epochs", "proof", "configurations", "ownership", "incarnation", "model",
    "authorization",
)  # fmt: skip
FILES = (
    *(f"coordinator/state/{name}.py" for name in STATE),
    "coordinator/decision/decide.py",
    "coordinator/decision/snapshot.py",
    "coordinator/core/failure_detector.py",
    "protocol/events/given.py",
    "coordinator/trust.py",
    "protocol/commands.py",
    *GUARD,
)
TESTS = ("tests/core", "tests/protocol", "tests/museum", "tests/scenarios", "tests/audit", "tests/simulation", "tests/config")
QUICK = ("fold", "reasons", "decide", "liveness", "epochs", "orders", "authority", "configurations", "told", "effects")
FRESH_TESTS = (
    *(f"tests/core/test_{name}.py" for name in QUICK),
    "tests/protocol/test_commands.py",
    "tests/protocol/test_given.py",
    "tests/protocol/test_vectors.py",
)
"""For what only a fresh process shows: quick ones, since a process for each has no footprints to choose by."""


def main() -> int:
    asked = arguments()
    mutants = [mutant for file in asked.files for mutant in breed(ROOT, file) if asked.only in mutant.name]
    known = read(asked.again) if asked.again else {}
    if known:
        mutants = [mutant for mutant in mutants if known.get(mutant.name, {}).get("fate", KILLED) != KILLED]
    elif asked.go_on and Path(asked.results).exists():
        known = read(asked.results)
    of = len(mutants)
    if asked.draw and asked.draw < of:
        mutants = random.Random(asked.seed).sample(mutants, asked.draw)  # as drawn: a run that is cut short is a smaller sample
        drawn = f"{len(mutants)} of {of} drawn with seed {asked.seed}"
    else:
        drawn = f"all {of}"
    print(drawn, flush=True)
    if asked.go_on:
        mutants = [mutant for mutant in mutants if mutant.name not in known]
    path = Path(asked.results).resolve()

    def tell(fate: Fate) -> None:
        known[fate.mutant.name] = fate.told()
        with open(path, "a") as results:  # no descriptor stays open: a changed guard has written into it
            results.write(json.dumps(fate.told()) + "\n")
        if fate.fate != KILLED:
            print(f"{fate.fate}: {fate.mutant.name} (line {fate.mutant.first})", flush=True)

    began = time.monotonic()
    run(mutants, asked, tell)
    print(f"{summary(known.values())}\n{drawn}; {time.monotonic() - began:.0f} s")
    return int(any(told["fate"] != KILLED and told["name"] not in explained() for told in known.values()))


def read(path: str) -> dict[str, dict[str, Any]]:
    """The newest word about each mutant."""
    return {told["name"]: told for told in map(json.loads, Path(path).read_text().splitlines())}


def run(mutants: list[Mutant], asked: argparse.Namespace, tell: Callable[[Fate], None]) -> None:
    """pytest in this process, on a copy of the tree: what is imported from here on is the copy's."""
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    kept = Path(asked.footprints).resolve() if asked.footprints else None
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        root = copy_of(ROOT, Path(folder) / "tree")
        for name in [
            name
            for name in sys.modules
            if name.split(".")[0] in ("tests", "protocol", "store", "actions", "coordinator", "tools")
        ]:
            if not name.startswith("tests.mutants"):
                del sys.modules[name]
        sys.path[:] = [str(root), *(part for part in sys.path if Path(part or ".").resolve() != ROOT)]
        os.environ["PYTHONPATH"] = str(root)
        os.chdir(root)
        trials = Trials(root, tuple(asked.files), mutants, asked.budget, tell, FRESH_TESTS, kept, asked.side_by_side)
        pytest.main(
            [
                "-o",
                "addopts=--import-mode=importlib",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "-p",
                "no:terminal",
                "--hypothesis-profile=mutants",
                "--assert=plain",
                *asked.tests,
            ],
            plugins=[trials],
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("--files", nargs="+", default=FILES)
    parser.add_argument("--tests", nargs="+", default=TESTS)
    parser.add_argument("--only", default="", help="only mutants whose name contains this")
    parser.add_argument("--draw", type=int, default=0, help="so many of them; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of tests for one mutant, the likeliest first")
    parser.add_argument("--side-by-side", type=int, default=1, help="so many at a time: tests of the guard mostly wait")
    parser.add_argument("--footprints", help="of the tests: kept in this file, or taken from it where it is there")
    parser.add_argument("--again", help="those that survived in these results")
    parser.add_argument(
        "--go-on", action="store_true", help="what the results tell already is believed: a run that was broken off"
    )
    parser.add_argument("--results", default="mutants.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
