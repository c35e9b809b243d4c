"""The life of a service as a table: what is in it happens, and nothing else; the page of the tables is drawn from the code."""

import itertools
from pathlib import Path

import pytest

from coordinator.core.service_phases import LINES, TABLE, Phase, Turn, after
from protocol.invariant import InvariantBroken
from tools.drawings.page import page

MISSING = [(phase, turn) for phase, turn in itertools.product(Phase, Turn) if (phase, turn) not in TABLE]


@pytest.mark.parametrize(("phase", "turn", "follows"), LINES)
def test_each_line_leads_where_it_says(phase: Phase, turn: Turn, follows: Phase):
    assert after(phase, turn) is follows


@pytest.mark.parametrize(("phase", "turn"), MISSING, ids=[f"{phase.name} {turn.name}" for phase, turn in MISSING])
def test_what_is_not_in_the_table_is_a_bug_of_ours(phase: Phase, turn: Turn):
    with pytest.raises(InvariantBroken, match=f"a service that is {phase.name}"):
        after(phase, turn)


def test_the_page_of_the_tables_is_what_the_code_says():
    """After a change: `python -m tools.drawings --write`."""
    assert (Path(__file__).parents[2] / "docs" / "tables.md").read_text() == page()
