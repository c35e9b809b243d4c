"""Bodies are read and written as their kinds' classes: no string key of one stands in the core or in the fold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("coordinator/core", "coordinator/state", "coordinator/decision", "coordinator/shell")
    for path in (ROOT / folder).rglob("*.py")
)
LOOSE = {"Mapping[str, Any]", "dict[str, Any]", "Mapping[str, object]", "dict[str, object]"}


KINDS = {"coordinator/state/transitions.py": "asked about any event, also of a kind that only a later version knows"}
"""Where a kind is plain text, and why."""


def is_a_body(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "body"


def loose(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            found = ast.unparse(node) in LOOSE or is_a_body(node.value)
        else:
            found = isinstance(node, ast.Attribute) and is_a_body(node.value) and node.attr in ("get", "items", "keys")
        if found:
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_body_is_read_or_written_by_string_keys(path: Path) -> None:
    assert list(loose(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("text", ['event.body["epoch"]', 'event.body.get("x")', "def f(body: dict[str, Any]): pass"])
def test_it_would_be_seen(text: str) -> None:
    assert len(list(loose(ast.parse(text)))) == 1


def plain_kinds(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg == "kind" and node.annotation and ast.unparse(node.annotation) == "str":
            yield f"line {node.lineno}: kind: str"


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parts[-2] in ("core", "state")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_no_kind_is_plain_text_without_a_reason(path: Path) -> None:
    found = list(plain_kinds(ast.parse(path.read_text())))
    assert bool(found) is (path.relative_to(ROOT).as_posix() in KINDS), found
