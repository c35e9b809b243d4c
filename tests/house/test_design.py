"""docs/design.md: the files that it names exist, and it has each section that code and pages refer to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("protocol", "store", "actions", "coordinator", "tools", "tests", "docs")
DESIGN = (ROOT / "docs" / "design.md").read_text()


def test_every_file_of_the_design_exists() -> None:
    named = set(re.findall(r"`((?:protocol|store|actions|coordinator|tools|tests)/[\w/]*(?:\.py)?)`", DESIGN))
    linked = {f"docs/{name}" for name in re.findall(r"\]\(([\w/.-]+\.md)\)", DESIGN)}
    assert len(named) > 20
    assert not [name for name in sorted(named | linked) if not (ROOT / name).exists()]


def test_every_section_that_is_referred_to_is_there() -> None:
    paths = [path for folder in FOLDERS for end in ("py", "md") for path in (ROOT / folder).rglob(f"*.{end}")]
    text = "\n".join(path.read_text() for path in paths)
    asked = {int(number) for number in re.findall(r"\bdesign(?:\.md)?,? section (\d+)", text)}
    there = {int(number) for number in re.findall(r"^## (\d+)\. ", DESIGN, re.MULTILINE)}
    assert {5, 8, 12} <= asked
    assert asked <= there
