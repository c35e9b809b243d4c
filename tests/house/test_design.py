"""docs/design.md: the files that it names exist, and it has each section that code and pages refer to."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text()


def test_every_file_of_the_design_exists() -> None:
    named = set(re.findall(r"`((?:protocol|store|actions|coordinator|tools|tests)/[\w/]*(?:\.py)?)`", DESIGN))
    linked = {f"docs/{name}" for name in re.findall(r"\]\(([\w/.-]+\.md)\)", DESIGN)}
    assert len(named) > 20
    assert not [name for name in sorted(named | linked) if not (ROOT / name).exists()]


def test_every_section_that_is_referred_to_is_there() -> None:
    files = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    text = "\n".join((ROOT / name).read_text() for name in files.stdout.split() if (ROOT / name).is_file())
    asked = {int(number) for number in re.findall(r"\bdesign(?:\.md)?,? section (\d+)", text)}
    there = {int(number) for number in re.findall(r"^## (\d+)\. ", DESIGN, re.MULTILINE)}
    assert {5, 8, 12} <= asked
    assert asked <= there
