"""The mutation run itself: what it changes, how a change reaches what others hold, and that one which no test sees is told."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.actions.lab import can_make_namespaces
from tests.mutants.__main__ import FILES, FRESH_TESTS, TESTS
from tests.mutants.breeding import Mutant, breed
from tests.mutants.grafting import Grafting
from tools.lab.pytest_plugin import left_out

ROOT = Path(__file__).parents[2]

TEXT = '''"""A story, which no mutant tells otherwise."""

from collections.abc import Callable
from dataclasses import dataclass

Rule = Callable[[int], bool]
MOST = 3
TWICE = MOST * 2


def enough(count: int, least: int = 1) -> bool:
    """How much is enough."""
    return least <= count < MOST


class Box:
    size: int = 2

    @property
    def full(self) -> bool:
        return not self.size


def ruled(most: int) -> Rule:
    return lambda count: count > most


TABLE = {"enough": enough, "large": ruled(10)}


@dataclass(frozen=True, slots=True)
class Room:
    seats: int = 4
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ruled.py").write_text(TEXT)
    return tmp_path


@pytest.fixture
def module(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ruled_by_mutants", folder / "ruled.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def mutant(folder: Path, what: str) -> Mutant:
    found = {mutant.what: mutant for mutant in breed(folder, "ruled.py")}
    return found[what]


def test_what_is_changed_and_what_is_left_out(folder: Path) -> None:
    found = breed(folder, "ruled.py")
    assert {mutant.function for mutant in found} == {"", "enough", "Box.full", "ruled"}
    assert {mutant.first for mutant in found} == {7, 8, 11, 13, 17, 21, 25, 28, 33}
    assert len({mutant.name for mutant in found}) == len({mutant.source for mutant in found}) == len(found)


def test_a_change_reaches_a_function_that_a_table_holds_and_what_a_property_asks(folder: Path, module: ModuleType) -> None:
    grafting = Grafting(folder, ["ruled.py"])
    assert module.TABLE["enough"](1)
    assert grafting.graft(mutant(folder, "return least <= count < MOST -> return least < count < MOST"))
    assert not module.TABLE["enough"](1)
    assert grafting.graft(mutant(folder, "return not self.size -> return self.size"))
    assert module.Box().full == 2


def test_a_change_reaches_a_closure_that_was_made_before(folder: Path, module: ModuleType) -> None:
    assert not module.TABLE["large"](10)
    assert Grafting(folder, ["ruled.py"]).graft(
        mutant(folder, "return lambda count: count > most -> return lambda count: count >= most")
    )
    assert module.TABLE["large"](10)


def test_a_changed_constant_reaches_what_was_made_of_it(folder: Path, module: ModuleType) -> None:
    assert Grafting(folder, ["ruled.py"]).graft(mutant(folder, "MOST = 3 -> MOST = 4"))
    assert (module.MOST, module.TWICE, module.enough(3)) == (4, 8, True)


def test_what_is_baked_in_at_a_definition_needs_a_fresh_process(folder: Path, module: ModuleType) -> None:
    default = "def enough(count: int, least: int = 1) -> bool: -> def enough(count: int, least: int = 2) -> bool:"
    for what in (default, "size: int = 2 -> size: int = 3"):
        assert not Grafting(folder, ["ruled.py"]).graft(mutant(folder, what))


def test_the_default_of_a_field_reaches_the_class_that_others_hold(folder: Path, module: ModuleType) -> None:
    room = module.Room
    assert Grafting(folder, ["ruled.py"]).graft(mutant(folder, "seats: int = 4 -> seats: int = 5"))
    assert room().seats == 5


IN_A_WORLD = """
import os, sys
from pathlib import Path
from tests.mutants.world import own_world, put_over

file, other = map(Path, sys.argv[1:])
own_world()
put_over(file, other)
print(file.read_text(), sorted(name for name in os.listdir("/proc") if name.isdigit()), flush=True)
"""


def test_a_guard_that_kills_all_that_it_finds_would_find_itself_alone(tmp_path: Path) -> None:
    left_out(None if can_make_namespaces() else "network namespaces cannot be made here; run the tests as root")
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_text("plain")
    other.write_text("changed")
    words = [sys.executable, "-c", IN_A_WORLD, str(file), str(other)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "changed ['1', '2']\n", ran.stderr
    assert file.read_text() == "plain"


def test_a_run_tells_what_was_killed_by_which_test_and_what_was_not(tmp_path: Path) -> None:
    """By one test alone, which asks for the silence of a peer and not whether it is reachable."""
    told = tmp_path / "told.jsonl"
    words = [
        sys.executable,
        "-m",
        "tests.mutants",
        "--files",
        "coordinator/core/failure_detector.py",
        "--only",
        "FailureDetector.forgive: peer.",
    ]
    tests = ["--tests", "tests/core/test_liveness.py::test_silence_that_we_could_not_hear_is_forgiven"]
    ran = subprocess.run([*words, *tests, "--results", str(told)], cwd=ROOT, capture_output=True, text=True, timeout=900)
    fates = {fate["name"].partition(": ")[2]: fate for fate in map(json.loads, told.read_text().splitlines())}
    assert fates["peer.heard_ms += late_ms -> peer.heard_ms -= late_ms"]["by"] == tests[1]
    assert fates["peer.direct_ms += late_ms -> peer.direct_ms -= late_ms"]["fate"] == "survived"
    assert ran.returncode == 1, ran.stderr
    assert "| coordinator/core/failure_detector.py |" in ran.stdout


def test_what_a_run_of_all_names_is_there() -> None:
    assert [path for path in (*FILES, *TESTS, *FRESH_TESTS) if not (ROOT / path).exists()] == []
