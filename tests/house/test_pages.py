"""What pages, docstrings and comments name is there: files, links and modules. Decisions are history, and left alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "store", "actions", "coordinator", "tools", "tests")
PLACES = (ROOT, ROOT / "coordinator", ROOT / "tools")
"""From where a docstring may name a module: `coordinator.shell.ports`, or `shell.ports`."""

DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {*DECISIONS.glob("*.md"), ROOT / "CHANGELOG.md"})
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

IN_A_PAGE = re.compile(rf"`((?:{'|'.join(PACKAGES)}|docs|packaging)/[\w/.-]*)`")
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
IN_A_SOURCE = re.compile(rf"\b((?:{'|'.join(PACKAGES)}|docs)/[\w/-]+\.(?:py|md))\b")
MODULE = re.compile(r"`([a-z_]+(?:\.\w+)+)(?:\(\))?`")

PATTERNS = {"docs/alarms/NAME.md"}
"""One for each name."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_and_folder_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    assert not [named for named in IN_A_PAGE.findall(text) if not (ROOT / named).exists()]


def anchors(page: Path) -> set[str]:
    """The names that its headings have in links."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link, anchor in LINK.findall(page.read_text()):
        there = page.parent / link if link else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), f"{link}#{anchor}"


def test_every_file_that_a_docstring_or_comment_names_is_there() -> None:
    named = {(name(path), found) for path in SOURCES for found in IN_A_SOURCE.findall(path.read_text())}
    assert len(named) > 50
    assert not [(path, found) for path, found in sorted(named) if found not in PATTERNS and not (ROOT / found).exists()]


def modules(path: Path) -> Iterator[list[str]]:
    """Dotted names that begin with a package of ours: others are fields of an object."""
    for found in MODULE.findall(path.read_text()):
        words = found.split(".")
        if any((place / words[0] / "__init__.py").is_file() for place in PLACES):
            yield words


def is_module(words: list[str]) -> bool:
    """`shell.ports` and `coordinator.shell.ports`, and what their files define."""
    for place in PLACES:
        for many in range(len(words), 0, -1):
            path = place.joinpath(*words[:many])
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            if file.is_file():
                if many == len(words) or re.search(rf"\b{words[many]}\b", file.read_text()):
                    return True
                break
    return False


def test_every_module_that_a_docstring_names_is_there() -> None:
    named = [(name(path), words) for path in SOURCES for words in modules(path)]
    assert len(named) > 50
    assert not [f"{path}: {'.'.join(words)}" for path, words in named if not is_module(words)]
