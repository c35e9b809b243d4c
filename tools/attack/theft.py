"""What one thief plays on one stage after the other: a few attacks, together for as long as nothing has happened there.

    bundles(attacks)                        # which attacks share a stage
    results, left = Theft(candidate, until).play(bundle)
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tools.attack.attacks import Attack
from tools.attack.stage import NotCalm, Stage
from tools.attack.table import line
from tools.attack.trial import Result, find, play

STAGES_TRIED = 3
"""On a busy machine a start may be late; three in a row are a fault."""

TOGETHER = 8
"""On one stage: to begin a stage costs about as much as one attack, and an audit reads all of them."""


def bundles(attacks: Sequence[Attack]) -> list[list[Attack]]:
    """Each attack in one of them. One that leaves a full log behind comes last, where the stage ends anyway."""
    lasting, fresh = ([one for one in attacks if one.fresh is wanted] for wanted in (False, True))
    count = max(len(fresh), -(-len(attacks) // TOGETHER))
    return [lasting[at::count] + fresh[at : at + 1] for at in range(count)]


@dataclass(frozen=True, slots=True)
class Theft:
    candidate: bool
    until: float
    """On the monotonic clock: no attack begins afterwards."""

    def play(self, attacks: Sequence[Attack]) -> tuple[list[Result], int]:
        """Returns what was played, and how many were not."""
        left, results, failed = list(attacks), [], 0
        while left and time.monotonic() < self.until and failed < STAGES_TRIED:
            try:
                with Stage(self.candidate) as stage:
                    failed = 0
                    results += self._as_long_as_calm(stage, left)
            except NotCalm as error:
                failed += 1
                print(f"without an attack: {error}", file=sys.stderr, flush=True)
        return results, len(left)

    def _as_long_as_calm(self, stage: Stage, left: list[Attack]) -> list[Result]:
        here: list[Result] = []
        while left and time.monotonic() < self.until:
            attack = left.pop(0)
            here.append(play(stage, attack))
            print(line(here[-1]), flush=True)
            if attack.fresh or here[-1].damage:
                break
        find(here, stage.victims.audit())
        return here
