"""What idling costs beside a bare program that says and hears as many heartbeats: the floor (`tools.bench.idle_floor`).

Clusters and floors of 2 and of 8 run in the same minutes, each in a laboratory of its own: seconds of processor time differ by
more than two between two minutes of one machine, the ratio does not.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack

from tools.bench.cost import Cost
from tools.bench.figures import Figure
from tools.bench.rig import Plan
from tools.lab.lab import Lab
from tools.lab.programs import module

NODES = ("lukretia", "genesis", "umpire", "beatrix", "cosima", "dorothea", "elvira", "florian")
SIZES = (2, 8)
SETTLED_S = 3.0
"""Joined, claimed, and every round trip measured."""

START_S_MAX = 120
"""Eight nodes on two busy cores."""

MINUTES_MAX = 5
LIMIT_TIMES = 2


def idling(plan: Plan) -> list[Figure]:
    return [figure for size in SIZES for figure in _beside(plan, NODES[:size])]


def _beside(plan: Plan, names: tuple[str, ...]) -> list[Figure]:
    """One floor, one cluster and, where it is asked for, the cluster of before."""
    with ExitStack() as stack:
        labs = [stack.enter_context(Lab(names)), stack.enter_context(Lab(names))]
        labs += [stack.enter_context(Lab(names, copy=plan.before))] if plan.before else []
        _start_floor(labs[0])
        for lab in labs[1:]:
            lab.init()
            lab.start(deadline_s=START_S_MAX)
        time.sleep(SETTLED_S)
        costs = [[Cost(node) for node in lab.nodes.values()] for lab in labs]
        for _ in range(max(1, min(MINUTES_MAX, plan.idle_s // 60))):
            time.sleep(min(60, plan.idle_s))
            for cost in (cost for each in costs for cost in each):
                cost.look()
    return _figures(len(names), *(_mean(each) for each in costs))


def _start_floor(lab: Lab) -> None:
    all_nodes = [f"{name}={','.join(port.v4 for port in node.ports)}" for name, node in lab.nodes.items()]
    for name, node in lab.nodes.items():
        node.running.start([*module("tools.bench.idle_floor"), name, *all_nodes], node.log)


def _mean(costs: Sequence[Cost]) -> tuple[float, ...]:
    """The figures of all nodes, minute by minute."""
    return tuple(statistics.mean(minute) for minute in zip(*(cost.cpu for cost in costs), strict=True))


def _figures(count: int, floor: tuple[float, ...], now: tuple[float, ...], before: tuple[float, ...] = ()) -> list[Figure]:
    def rows(spent: tuple[float, ...], when: str, limit: float | None) -> list[Figure]:
        times = tuple(ours / theirs for ours, theirs in zip(spent, floor, strict=True))
        return [
            Figure(f"{count} idle nodes{when}: CPU of each, times the floor", "times", times, limit),
            Figure(f"{count} idle nodes{when}: CPU of each, seconds a minute", "s", spent, None),
        ]

    floors = [Figure(f"{count} bare programs, the floor: CPU of each, seconds a minute", "s", floor, None)]
    return [*rows(now, "", LIMIT_TIMES), *floors, *(rows(before, ", before", None) if before else [])]
