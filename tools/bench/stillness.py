"""Standing still: what must not move the service, and what an idle owner costs meanwhile."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from tools.bench.cost import Cost
from tools.bench.figures import Figure
from tools.bench.rig import MASTER, Rig

BUSY_PER_CORE = 2
BUSY = ["sh", "-c", "while :; do :; done"]
LOOK_S = 60
RETURN_S = 3.0
"""A late move would come within this time after the trouble is over."""


def one_link_lost(rig: Rig) -> list[Figure]:
    def trouble() -> None:
        rig.lab.unplug(MASTER, "direct")
        time.sleep(rig.plan.still_s)
        rig.lab.plug(MASTER, "direct")

    return _moves(rig, f"one heartbeat link lost for {rig.plan.still_s} s: moves", trouble)


def idle(rig: Rig) -> list[Figure]:
    """Idle minutes; the owner's use of processor and memory is taken over the same time."""
    cost = Cost(rig.lab.nodes[MASTER])

    def wait() -> None:
        for _ in range(max(1, rig.plan.idle_s // LOOK_S)):
            time.sleep(min(LOOK_S, rig.plan.idle_s))
            cost.look()

    return [*_moves(rig, f"{rig.plan.idle_s} idle seconds: moves", wait), *cost.figures()]


def busy(rig: Rig) -> list[Figure]:
    """Two endless loops for every core, at ordinary priority."""
    count = BUSY_PER_CORE * (os.cpu_count() or 1)

    def trouble() -> None:
        place = rig.lab.nodes[MASTER].running
        loops = [place.start(BUSY, Path(os.devnull)) for _ in range(count)]
        time.sleep(rig.plan.still_s)
        for loop in loops:
            place.signal(loop, 9)

    return _moves(rig, f"{count} busy processes for {rig.plan.still_s} s: moves", trouble)


def loss(rig: Rig) -> list[Figure]:
    def trouble() -> None:
        rig.lab.lose(5)
        time.sleep(rig.plan.still_s)
        rig.lab.lose(0)

    return _moves(rig, f"5 % loss on every link for {rig.plan.still_s} s: moves", trouble)


def _moves(rig: Rig, what: str, trouble: Callable[[], object]) -> list[Figure]:
    mark = rig.lab.feeds.mark()
    trouble()
    time.sleep(RETURN_S)
    moves = rig.moves_since(mark)
    rig.serve(MASTER)
    return [Figure(what, "", (float(moves),), 0)]
