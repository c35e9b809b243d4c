"""The parts of the core: each owns a few fields, and no other part writes on them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "coordinator" / "core").rglob("*.py"))
CLASSES = [(path, node) for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]

FIELDS_MAX = 18
"""A class with more is two ideas. A new part takes one of `Core`'s."""

CHANGES = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
"""Methods of sets, lists and mappings that change them."""


def fields(node: ast.ClassDef) -> set[str]:
    """What an object of this class sets on itself, the fields of a dataclass included."""
    declared = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)}
    stored = [item for item in ast.walk(node) if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store)]
    return declared | {item.attr for item in stored if isinstance(item.value, ast.Name) and item.value.id == "self"}


def ids(item: Path | tuple[Path, ast.ClassDef]) -> str:
    return item.stem if isinstance(item, Path) else item[1].name


@pytest.mark.parametrize("known", CLASSES, ids=ids)
def test_no_class_of_the_core_sets_more_on_itself_than_one_idea_needs(known: tuple[Path, ast.ClassDef]) -> None:
    path, node = known
    found = fields(node)
    assert len(found) <= FIELDS_MAX, f"{path.name}: {node.name} sets {len(found)}: {sorted(found)}"


RECORD_MAX = 6
"""So many fields a record may have that belongs to a class in the same file, and does nothing itself."""


def is_value(node: ast.ClassDef) -> bool:
    """It does not change, or says only what others must have."""
    bases = {ast.unparse(base) for base in node.bases}
    marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
    return "frozen=True" in marks or bool(bases & {"NamedTuple", "Enum", "StrEnum", "Protocol"})


@pytest.mark.parametrize("known", [known for known in CLASSES if not is_value(known[1])], ids=ids)
def test_no_object_of_the_core_is_a_bag_of_fields(known: tuple[Path, ast.ClassDef]) -> None:
    """What can change has the methods that change it: else it would hide the fields of what changes it."""
    path, node = known
    does = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name not in ("__init__", "__post_init__")]
    assert does or len(fields(node)) <= RECORD_MAX, f"{path.name}: {node.name} has fields, and does nothing"


def written(path: Path) -> list[tuple[int, str]]:
    """The line, and the field of another object: `self.services.jobs`, `context.state`, `job.waits`. Records that the same file
    defines belong to what is there."""
    tree = ast.parse(path.read_text())
    own = set().union(*(fields(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            target: ast.expr = node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            target = node.func.value
        else:
            continue
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) != "self" and target.attr not in own:
            found.append((node.lineno, ast.unparse(target)))
    return found


FEEDS = "context.feeds"
"""`FeedIndex.add` is a method of ours, and no change of a field."""


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_part_of_the_core_writes_on_the_fields_of_another(path: Path) -> None:
    """It calls a method of the part that owns them, or returns what concerns it."""
    found = [(line, target) for line, target in written(path) if target != FEEDS]
    assert not found, "; ".join(f"{path.name}:{line} writes {target}" for line, target in found)
