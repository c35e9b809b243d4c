"""Drawn worlds in which scripts are asked of the candidates: no node takes what its gate refuses, and one owner in the end."""

import pytest

from tools.simulator.random_run import RandomRun

STEPS = 4_000

ON_ITS_WAY = 2044
"""A claim was on its way to a slow disk, by numbers that another candidate did not know: that one claimed beside it."""


@pytest.mark.parametrize("seed", [*range(1, 9), ON_ITS_WAY])
def test_whatever_happens_the_answers_count(seed: int) -> None:
    RandomRun(seed, STEPS, asked=True).play()


def test_in_these_worlds_gates_refuse_and_numbers_decide() -> None:
    """Else the others would show nothing."""
    refused = outranked = 0
    for seed in (1, 4, 7, 8):
        run = RandomRun(seed, STEPS, asked=True)
        run.play()
        assert run.asked is not None
        refused, outranked = refused + run.asked.refused, outranked + run.asked.outranked
    assert refused >= 10
    assert outranked >= 3
