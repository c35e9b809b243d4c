"""docs/trials.md has a line for every fault that was found by trying the product, in the order of their numbers."""

import re

from tools.lab.programs import ROOT

FAULTS = 56


def test_each_fault_has_its_line_and_the_lines_are_in_order():
    first_table = (ROOT / "docs" / "trials.md").read_text().partition("\nFound since")[0]
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", first_table, re.MULTILINE)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, FAULTS + 1))


def test_tests_scenarios_and_planted_bugs_that_are_named_are_there():
    text = (ROOT / "docs" / "trials.md").read_text()
    named = set(re.findall(r"`(tests/[\w/.-]+\.(?:py|scenario))`", text))
    planted = {f"tests/planted/{name}.patch" for name in re.findall(r"planted `([\w-]+)`", text)}
    assert sorted(path for path in named | planted if not (ROOT / path).exists()) == []
    assert len(named) > 50
