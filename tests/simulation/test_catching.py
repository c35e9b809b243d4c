"""Seeds in which a rule of ownership, were it not there, would break what must hold: what must hold has teeth.

Each is named by a planted bug (`tests/planted/invariants-*.patch`), which fails with it.
"""

import pytest

from tools.simulator.random_main import failure

SEEDS = {
    "a stop whose down fails": (309, 3_000),
    "a link that is lost one way": (2_117, 4_000),
    "a slow disk at the target of a move": (1_062, 2_000),
    "a removed node with its old file": (7_001, 6_000),
    "a node that was passed over while it started": (52, 1_000),
}


@pytest.mark.parametrize(("seed", "steps"), SEEDS.values(), ids=SEEDS.keys())
def test_what_must_hold_holds(seed: int, steps: int) -> None:
    report = failure(seed, steps, lines=0)  # it says how to replay it with a transcript
    assert not report, report
