"""Sentences name the node, the operator or the peer: "whoever" stands in few places, and "somebody" in hardly more."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHOEVER_MAX = 10
OTHERS_MAX = 60
"""somebody, everybody, anybody: where no node, operator or peer can be named."""


FOLDERS = ("protocol", "store", "actions", "coordinator", "tools", "tests", "docs")


def sentences() -> dict[str, str]:
    """Every Python file and page, without this one."""
    found = [path for folder in FOLDERS for end in ("py", "md") for path in (ROOT / folder).rglob(f"*.{end}")]
    return {str(path): path.read_text() for path in (*found, *ROOT.glob("*.md")) if path != Path(__file__)}


def test_whoever_stands_in_few_places() -> None:
    found = [path for path, text in sentences().items() for _ in re.findall(r"(?i)\bwhoever\b", text)]
    assert len(found) <= WHOEVER_MAX, found


def test_people_and_nodes_have_names() -> None:
    found = [path for path, text in sentences().items() for _ in re.findall(r"(?i)\b(?:some|every|any)body\b", text)]
    assert len(found) <= OTHERS_MAX, found
