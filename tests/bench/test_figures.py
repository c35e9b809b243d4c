"""The table: medians, limits, and a page whose block is replaced and whose words are not touched."""

import pytest

from tools.bench.figures import Figure, table
from tools.bench.report import BEGIN, END, write


def test_a_limit_is_held_against_the_median():
    assert Figure("move", "ms", (1, 4, 90), 5).met is True
    assert Figure("move", "ms", (1, 6, 90), 5).met is False
    assert Figure("move", "ms", (1,), None).met is None


def test_some_limits_are_the_least():
    assert Figure("announced", "%", (95,), 100, at_least=True).met is False
    assert Figure("announced", "%", (100,), 100, at_least=True).met is True


def test_the_table_says_what_was_missed_and_by_how_much():
    lines = table([Figure("power loss: outage", "ms", (612.4, 700.0, 655.5), 650, "2 void")]).splitlines()
    assert lines[0].split("|")[1].strip() == "what"
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "power loss: outage", "≤ 650 ms", "656 ms", "612 - 700", "3", "MISSED; 2 void"
    ]  # fmt: skip


def test_every_line_of_the_table_is_equally_long():
    lines = table([Figure("a", "ms", (1,), 2), Figure("a longer one", "times", (10.25,), None, "beside")]).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_only_the_block_of_the_page_is_replaced(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Words\n\n{BEGIN}\nold\n{END}\n\nmore words\n")
    write("new", page)
    write("newer", page)
    assert page.read_text() == f"# Words\n\n{BEGIN}\n\nnewer\n\n{END}\n\nmore words\n"


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text("# Words\n")
    with pytest.raises(ValueError, match="no place"):
        write("new", page)
    assert page.read_text() == "# Words\n"
