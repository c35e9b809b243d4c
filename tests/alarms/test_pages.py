"""Every alarm has its page, and every page its alarm; the pages answer the three questions of a person who was woken."""

import re
from pathlib import Path

import pytest

from coordinator.alarms.names import AlarmName

FOLDER = Path(__file__).parents[2] / "docs" / "alarms"
PAGES = {path.stem: path.read_text() for path in FOLDER.glob("*.md") if path.stem != "README"}


def test_every_name_has_its_page_and_every_page_its_name() -> None:
    assert set(PAGES) == set(AlarmName)


def test_the_list_names_them_all_in_their_order() -> None:
    listed = re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert listed == list(AlarmName)


@pytest.mark.parametrize("name", sorted(AlarmName))
def test_a_page_says_what_it_means_what_to_look_at_and_what_to_do(name: str) -> None:
    parts = re.split(r"^#+ (.*)\n", PAGES[name], flags=re.MULTILINE)[1:]
    assert parts[::2] == [name, "What it means", "What to look at", "What to do"]
    assert all(text.strip() for text in parts[1::2])
