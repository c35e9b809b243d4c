"""Drawn worlds of services that need each other or must not meet: order, places, and one owner for each when all is mended."""

import pytest

from tools.simulator.random_run import RandomRun

STEPS = 2_000


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_happens_the_relations_hold(seed: int) -> None:
    RandomRun(seed, STEPS, relations=True).play()


def test_in_these_worlds_services_follow_each_other() -> None:
    """Else the others would show nothing."""
    followed = 0
    for seed in range(1, 6):
        run = RandomRun(seed, STEPS, relations=True)
        run.play()
        assert run.relations is not None
        followed += run.relations.followed
    assert followed >= 5
