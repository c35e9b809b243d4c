"""A planted bug: a patch of at most five lines to product code, and the tests that must fail with it.

    plant = Plant.read(path)
    fate = plant.grow(tree)         # in a copy of the tree: "caught", or what happened instead

A patch is a unified diff under a few header lines. It is applied by its text, wherever that stands now, and must fit in
exactly one place: a patch that no longer fits fails the suite as loudly as a bug that is not caught.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LINES_MAX = 5
TIMEOUT_S = 120
CODE = ("protocol", "store", "actions", "coordinator", "tools", "tests")
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
            path.write_text(text.replace(hunk.old, hunk.new))

    def grow(self, tree: Path) -> str:
        """Run its tests on the copy; "caught" where they ran and failed."""
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        environment.pop("PYTEST_XDIST_WORKER", None)
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line", *self.caught_by]
        try:
            ran = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"its tests did not end within {TIMEOUT_S} s"
        if ran.returncode == 1:
            return "caught"
        return "NOT CAUGHT" if ran.returncode == 0 else f"its tests could not run: {ran.stdout[-300:]}{ran.stderr[-300:]}"


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
    """The tree as a stranger's clone would have it."""
    to.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, to / name)
    return to
