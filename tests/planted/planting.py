"""A planted bug: a patch of at most five lines to product code, and the tests that must fail with it.

    plant = Plant.read(path)
    fate = plant.grow(tree)         # in a copy of the tree: "caught", or what happened instead

A patch is a unified diff under a few header lines. It is applied by its text, wherever that stands now, and must fit in
exactly one place: a patch that no longer fits fails the suite as loudly as a bug that is not caught.
"""

import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

LINES_MAX = 5
TIMEOUT_S = 120
CODE = ("protocol", "store", "actions", "coordinator", "tools", "tests")
LIBRARIES = (
    "aiohttp", "aiosqlite", "asyncio", "cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.x509",
    "hypothesis.strategies", "msgpack", "pydantic", "pyroute2", "pysnmp.hlapi.v3arch.asyncio", "pytest_asyncio",
    "sqlite3", "ssl",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
COPIED = (*CODE, "docs", "examples", "pyproject.toml", "Makefile", "README.md")


class DoesNotFit(Exception):
    """The product code has moved on: write the patch anew."""


@dataclass(frozen=True)
class Hunk:
    file: str
    old: str
    new: str
    changed: int


@dataclass(frozen=True)
class Plant:
    name: str
    area: str
    bug: str
    caught_by: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    @classmethod
    def read(cls, path: Path) -> "Plant":
        head, _, diff = path.read_text().partition("\n\n")
        fields = [line.partition(": ")[::2] for line in head.splitlines()]
        values = dict(fields)
        tests = tuple(value for key, value in fields if key == "Caught-by")
        return cls(path.stem, values["Area"], values["Bug"], tests, tuple(hunks(diff)))

    @property
    def changed(self) -> int:
        return sum(hunk.changed for hunk in self.hunks)

    def plant(self, tree: Path) -> None:
        for hunk in self.hunks:
            path = tree / hunk.file
            text = path.read_text()
            if text.count(hunk.old) != 1:
                raise DoesNotFit(f"{self.name}.patch fits {text.count(hunk.old)} places in {hunk.file}")
            path.unlink()  # it may be one file in many trees
            path.write_text(text.replace(hunk.old, hunk.new))

    def grow(self, tree: Path) -> str:
        """Run its tests on the copy; "caught" where they ran and failed."""
        told = tree / "told.txt"
        child = FORKS.Process(target=run_tests, args=(tree, self.caught_by, told))
        child.start()
        child.join(TIMEOUT_S)
        if child.is_alive():
            child.kill()
            child.join()
            return f"its tests did not end within {TIMEOUT_S} s"
        if child.exitcode == RAN + pytest.ExitCode.TESTS_FAILED:
            return "caught"
        return "NOT CAUGHT" if child.exitcode == RAN else f"its tests could not run: {told.read_text()[-600:]}"


RAN = 100
"""What pytest says is added to this: a child that did not come so far ends with 1."""

FORKS = multiprocessing.get_context("forkserver")
"""Each run begins as a fork of a process that has the libraries: to load them takes longer than most of these tests."""
FORKS.set_forkserver_preload(["pytest", "_pytest.assertion.rewrite", "hypothesis", *LIBRARIES])


def run_tests(tree: Path, tests: Sequence[str], told: Path) -> None:
    """In a child: pytest on the copy, and on nothing of the tree that this code is from."""
    for name in [name for name in sys.modules if name.split(".")[0] in CODE]:
        del sys.modules[name]
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    os.environ.pop("PYTEST_XDIST_WORKER", None)
    sys.path[:] = [str(tree), *(part for part in sys.path if part and Path(part) != ROOT)]
    out = os.open(told, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.exit(RAN + pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", *tests]))


def hunks(diff: str) -> list[Hunk]:
    found: list[Hunk] = []
    file, old, new, changed = "", "", "", 0
    for line in [*diff.splitlines(keepends=True), "@@\n"]:
        if line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/").strip()
        elif line.startswith(("@@", "--- a/")):
            if old:
                found.append(Hunk(file, old, new, changed))
            old, new, changed = "", "", 0
        else:
            old += line[1:] if line[0] in " -" else ""
            new += line[1:] if line[0] in " +" else ""
            changed += line[0] == "+"
    removed = diff.count("\n-") - diff.count("\n--- ")
    return [Hunk(hunk.file, hunk.old, hunk.new, max(hunk.changed, removed)) for hunk in found]


def copy_of(root: Path, to: Path) -> Path:
    """The tree as a stranger's clone would have it once it is installed: with the bytecode of what has not changed."""
    to.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, to / name)
        elif source.exists():
            shutil.copy2(source, to / name)
    return to


def linked(tree: Path, to: Path) -> Path:
    """Another copy of a copy, for the price of its names."""
    shutil.copytree(tree, to, copy_function=os.link)
    return to
