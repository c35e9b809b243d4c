"""Drawn worlds in which nodes can be switched off: no claim comes before the end of a node that is dead to the claimant."""

import pytest

from tools.simulator.random_run import RandomRun

STEPS = 3_000


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_happens_a_claim_comes_after_the_fence(seed: int) -> None:
    run = RandomRun(seed, STEPS, fences=True)
    run.play()
    assert run.fences is not None
    assert run.fences.claims, "nothing was claimed: this world shows nothing"


def test_these_worlds_do_fence() -> None:
    """Else the others would show nothing."""
    fenced = 0
    for seed in range(1, 9):
        run = RandomRun(seed, STEPS, fences=True)
        run.play()
        fenced += len(run.world.power.fenced)
    assert fenced >= 4
