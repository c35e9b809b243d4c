"""docs/security.md promises what a stolen key can and cannot do, each line with the test that shows it: they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
TESTS = re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", PAGE)
HEADS = ("|---", "| the thief |", "| what they ", "| what it ", "| what |")


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(TESTS) > 30
    missing = [path for path, name in TESTS if not (ROOT / path).exists()]
    missing += [f"{path}::{name}" for path, name in TESTS if name and f"def {name}(" not in (ROOT / path).read_text()]
    assert missing == []


def test_every_line_about_a_stolen_key_names_what_shows_it() -> None:
    told = PAGE[PAGE.index("| the thief | what it can do") :]
    lines = [line for line in told.splitlines() if line.startswith("| ") and not line.startswith(HEADS)]
    assert len(lines) > 25
    bare = [line for line in lines if "tests/" not in line and not line.endswith(("| above |", 'thief "candidate" |'))]
    assert bare == []
