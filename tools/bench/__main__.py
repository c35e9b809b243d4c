"""`python -m tools.bench`: measures, prints one table. --write puts it into docs/benchmarks.md as well.

    make bench                                  everything: about twenty minutes, half of them idle on purpose
    make bench ARGS=--quick                     few rounds and short waits: to see that it works, not to be quoted
    make bench ARGS="--only planned_move,kill"
    make bench ARGS="--only idling --before ../failover-old"     rows of another installed copy as well, in the same minutes

Exit: 0 measured (whether or not every limit was met), 1 something failed, 2 no namespaces can be made here.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.bench import healing, idling, journal, restarts, shell, stillness, takeovers, thousand
from tools.bench.crowds import CROWDS
from tools.bench.figures import Figure, table
from tools.bench.floor import floor
from tools.bench.gate import gate
from tools.bench.growth import growth
from tools.bench.keepalived import keepalived
from tools.bench.machine import machine
from tools.bench.majority import majority
from tools.bench.report import block, write
from tools.bench.rig import QUICK, Plan, Rig, rig
from tools.lab.place import LabError, reason_against

Benchmark = Callable[[Rig], list[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "planned_move": takeovers.planned_move,
    "graceful_stop": takeovers.graceful_stop,
    "kill": takeovers.kill,
    "all_stopped": takeovers.all_stopped,
    "all_killed": takeovers.all_killed,
    "power_loss": takeovers.power_loss,
    "service_link_lost": takeovers.service_link_lost,
    "split_healed": healing.split_healed,
    "one_link_lost": stillness.one_link_lost,
    "busy": stillness.busy,
    "loss": stillness.loss,
    "idle": stillness.idle,
}


def main() -> int:
    options = _options()
    if reason := reason_against():
        print(reason, file=sys.stderr)
        return 2
    plan = (QUICK if options.quick else Plan())._replace(before=options.before)
    here = machine()
    chosen = options.only.split(",") if options.only else [*BENCHMARKS, *ALONE]
    try:
        figures = run(chosen, plan)
    except LabError as error:
        print(f"The benchmark failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = block(here, _how(plan), figures)
    print(f"\n{text}")
    if options.write:
        write(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures the figures of docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="few rounds and short waits; for development")
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join([*BENCHMARKS, *ALONE])}")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an installed copy of this project to measure beside it")
    return parser.parse_args()


def run(chosen: Sequence[str], plan: Plan) -> list[Figure]:
    """The chosen benchmarks, each in a laboratory of its own, so that none inherits the trouble of another."""
    figures: list[Figure] = []
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        fresh = ALONE[name](plan) if name in ALONE else _measured(BENCHMARKS[name], plan)
        print(table(fresh), file=sys.stderr, flush=True)
        figures += fresh
    return figures


def _measured(benchmark: Benchmark, plan: Plan) -> list[Figure]:
    with rig(plan) as ready:
        return benchmark(ready)


def durable(plan: Plan) -> list[Figure]:
    """Claim to durable event beside the bare fsync, seven times, each in turns on one disk."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [asyncio.run(journal.measure(Path(folder))) for _ in range(7)]
        idle = journal.after_idling(Path(folder))
    return [
        Figure("claim to durable, times a bare fsync", "times", tuple(run.ratio for run in runs), 3),
        Figure("claim to durable", "us", tuple(float(run.claim_us) for run in runs), None),
        Figure("bare fsync", "us", tuple(float(run.fsync_us) for run in runs), None),
        Figure("bare fsync after half an idle second", "us", tuple(first for first, _ in idle), None),
        Figure("bare fsync 4 ms after that", "us", tuple(second for _, second in idle), None, "the disk of a planned move"),
    ]


ALONE: dict[str, Callable[[Plan], list[Figure]]] = {
    "journal": durable, "growth": growth,
    "floor": floor,
    "gate": gate,
    "keepalived": keepalived,
    "idling": idling.idling,
    "thousand": thousand.thousand,
    **CROWDS,
    "restarts": restarts.restarts,
    "shell": shell.shell,
    "majority": majority,
}
"""These need no cluster that serves, or make their own."""


def _how(plan: Plan) -> str:
    quick = "**Quick run, for development: not to be quoted.** " if plan.rounds == QUICK.rounds else ""
    return (
        f"{quick}Medians. Outage: the longest time between two answered probes of a client that asks every 2 ms; undisturbed\n"
        "it is 2 to 3 ms. Two owners: what a bystander sees who asks every 5 ms by ARP and neighbour solicitation.\n"
        "Timing: the default (heartbeat 100 ms, in doubt after 300 ms, dead after 500 ms)."
    )


if __name__ == "__main__":
    sys.exit(main())
