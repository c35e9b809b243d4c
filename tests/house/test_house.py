"""House rules that a habit would lose: who may import whom, that the core is pure, and which words no name may hide behind."""

import ast
import functools
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "protocol": {"protocol"},
    "store": {"store", "protocol"},
    "actions": {"actions", "protocol"},
    "coordinator": {"coordinator", "store", "actions", "protocol"},
    "tools": {"tools", "coordinator", "store", "actions", "protocol"},
}
PRODUCT = sorted(path for part in MAY_IMPORT for path in (ROOT / part).rglob("*.py"))
CORE = sorted(path for room in ("core", "decision", "state") for path in (ROOT / "coordinator" / room).rglob("*.py"))
IMPURE = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "datetime", "pathlib", "logging"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(whole(node, path))
    return names


def whole(node: ast.ImportFrom, path: Path) -> str:
    """The module that it names, from the root also where it is written from its own folder."""
    folders = [*path.relative_to(ROOT).parent.parts]
    near = folders[: len(folders) + 1 - node.level] if node.level else []
    return ".".join([*near, *([node.module] if node.module else [])])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imported(path)} & MAY_IMPORT.keys()
    assert ours <= MAY_IMPORT[part], f"{name_of(path)} imports {sorted(ours - MAY_IMPORT[part])}"


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_has_no_clock_no_randomness_no_files_and_no_await(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & IMPURE
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor)]


SHELL = sorted((ROOT / "coordinator" / "shell").glob("*.py"))
BELOW_THE_SHELL = ("protocol.", "coordinator.core", "coordinator.policy", "coordinator.shell.", "store.refusals")


@pytest.mark.parametrize("path", SHELL, ids=name_of)
def test_the_shell_knows_the_world_by_its_ports_alone(path: Path) -> None:
    """What it imports it could do without a port, and the simulator could not take its place there."""
    assert not {name.split(".")[0] for name in imported(path)} & IMPURE
    ours = {name for name in imported(path) if name.split(".")[0] in MAY_IMPORT}
    assert not {name for name in ours if not name.startswith(BELOW_THE_SHELL)}


LIBRARIES = {"aiohttp", "asyncio", "logging", "pydantic", "secrets", "select", "socket", "sqlite3", "ssl", "subprocess"}


def test_nothing_impure_is_reached_from_the_core() -> None:
    """By the modules that a fresh interpreter has loaded after it."""
    code = "import coordinator.core.core, coordinator.decision.lawfulness, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    rooms = tuple(f"coordinator.{room}" for room in ("core", "decision", "state", "policy", "alarms"))
    kinds = ("actions.kinds", "actions.checks", "actions.action")
    ours = {name for name in loaded if name.split(".")[0] in MAY_IMPORT and name not in ("coordinator", "store", "actions")}
    assert not {name for name in ours if not name.startswith((*rooms, *kinds, "protocol", "store.findings"))}
    assert not LIBRARIES & set(loaded)


MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in PRODUCT}


@functools.cache
def reached(module: str) -> frozenset[str]:
    """The modules of ours that it imports, also those that it imports for types alone, or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            from_where = whole(node, MODULES[module])
            full = [f"{from_where}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else from_where for name in full}
    return frozenset(found & MODULES.keys() - {module})


def test_no_files_import_each_other_in_a_circle() -> None:
    """Two files that need each other are one idea in two places, or the name of a third one is missing."""
    try:
        graphlib.TopologicalSorter({module: reached(module) for module in MODULES}).prepare()
    except graphlib.CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_every_module_opens_with_its_story(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name_of(path)} does not say what it is"


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_no_name_hides_what_it_is(path: Path) -> None:
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    vague = [name for name in (*classes, path.stem) if re.search(r"Manager|Handler$|Helper|^utils?$|^common$|^base$", name)]
    assert not vague, f"{name_of(path)}: {vague}"


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_dates_are_made_in_one_place(path: Path) -> None:
    """A clock in an event is its author's word, and may be no date at all."""
    if path.name != "moment.py":
        assert not re.search(r"fromtimestamp", path.read_text())


@pytest.mark.parametrize("path", sorted((ROOT / "tools" / "audit").glob("*.py")), ids=name_of)
def test_the_auditor_reads_no_body_but_a_typed_one(path: Path) -> None:
    """`body_of` says what is not of the format; a field of a raw body may be of any type, and one of them ended an answer."""
    read = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    raw = [node.lineno for node in read if node.attr == "body"]
    assert not raw, f"{name_of(path)}:{raw[0]} reads a raw body"


GUARD = sorted((ROOT / "actions" / "guard").glob("*.py"))


@pytest.mark.parametrize("path", GUARD, ids=name_of)
def test_the_guard_needs_nothing_but_python_and_its_own_folder(path: Path) -> None:
    """It starts with -I -S -E: an import of ours, or of a package, would end it before it could take anything down."""
    others = {name for name in imported(path) if not name.startswith("actions.guard.")}
    assert {name.split(".")[0] for name in others} <= set(sys.stdlib_module_names)
    from_root = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and not node.level]
    assert not [node for node in from_root if (node.module or "").startswith("actions")], "its folder has no name then"
    assert path.stem not in sys.stdlib_module_names, "it would be imported in the place of Python's own"


def test_a_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted(set(numbers)) == sorted(numbers)
