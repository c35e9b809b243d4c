"""What one node does is written down: each story of tests/transcripts, played again, says the same, or a diff is shown.

Where a change of the core is meant to change what a node does, `make transcripts` writes the stories anew: read the diff.
"""

import difflib
import re
from pathlib import Path

import pytest

from tests.transcripts.language import LINES, BadStory, Teller, is_input, played, stories, told

STORIES = stories()
DEMONSTRATIONS = 6


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_is_played_as_it_is_written(path: Path) -> None:
    written, now = path.read_text(), played(path)
    diff = "".join(difflib.unified_diff(written.splitlines(True), now.splitlines(True), path.name, "now", n=3))
    assert not diff, f"read it, and write it with `make transcripts` if it is right:\n{diff}"


def test_each_demonstration_has_its_story() -> None:
    assert len([path for path in STORIES if path.stem.startswith("demo-")]) == DEMONSTRATIONS


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_says_first_what_it_is_about(path: Path) -> None:
    lines = told(path)
    assert lines[0].startswith("# ")
    assert sum(map(is_input, lines)) > 1


def test_what_is_no_line_of_a_story_is_named() -> None:
    with pytest.raises(BadStory, match="no line of a story"):
        Teller().tell("lukretia sulks")
    with pytest.raises(BadStory, match="says which node it is about"):
        Teller().tell("100 ms")


def test_a_story_cannot_hide_what_has_not_happened() -> None:
    teller = Teller()
    teller.tell("as in genesis-is-out")
    for line in ("the guard confirms", "durable", "the step is done", "the fork is shown"):
        with pytest.raises(BadStory, match=line):
            teller.tell(line)


def test_no_line_can_be_read_in_two_ways() -> None:
    """Of two patterns that fit, the first would win in silence."""
    for path in [*STORIES, *(STORIES[0].parent / "before").glob("*.txt")]:
        for line in filter(is_input, told(path)):
            fitting = [pattern for pattern, _ in LINES if re.fullmatch(pattern, line)]
            assert len(fitting) == 1, (line, fitting)
