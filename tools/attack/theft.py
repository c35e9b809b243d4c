"""What one thief plays: all attacks in their order, on one stage for as long as nothing has happened there."""

import fcntl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.attack.attacks import Attack
from tools.attack.stage import NotCalm, Stage
from tools.attack.table import line
from tools.attack.trial import Result, find, play

STAGES_TRIED = 3
"""On a busy machine a start may be late; three in a row are a fault."""


class Theft:
    """What one thief plays, in a process of its own."""

    def __init__(self, candidate: bool, turn: Path, until: float):
        """`turn`: the lock that floods hold alone and others share. `until`: on the monotonic clock."""
        self.candidate, self.turn, self.until = candidate, turn, until

    def play(self, attacks: Sequence[Attack]) -> tuple[list[Result], int]:
        """On one stage for as long as nothing has happened. Returns what was played, and how many were not."""
        left, results, failed = list(attacks), [], 0
        while left and time.monotonic() < self.until and failed < STAGES_TRIED:
            try:
                with Stage(self.candidate) as stage:
                    failed = 0
                    results += self._as_long_as_calm(stage, left)
            except NotCalm as error:
                failed += 1
                print(f"with nobody attacking: {error}", file=sys.stderr, flush=True)
        return results, len(left)

    def _as_long_as_calm(self, stage: Stage, left: list[Attack]) -> list[Result]:
        here: list[Result] = []
        while left and time.monotonic() < self.until:
            attack = left.pop(0)
            with self._turn(alone=attack.fresh):
                here.append(play(stage, attack))
            print(line(here[-1]), flush=True)
            if attack.fresh or here[-1].damage:
                break
        find(here, stage.victims.audit())
        return here

    @contextmanager
    def _turn(self, *, alone: bool) -> Iterator[None]:
        with self.turn.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
