"""What the kernel's lease costs: one refresh, and a hundred addresses with every heartbeat.

    make bench ARGS="--only gate"
    unshare -n python -m tools.bench.gate       # the samples as JSON

A refresh is the ticket, the look at the clock and the transaction, as `Gate.refresh` does it. What is done with each heartbeat
is done every 100 ms here too: a processor that slept in between is slower than one that does the same again and again.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address

from actions.gate.elements import Gated
from actions.gate.gate import Answer, Gate, boottime_ms
from protocol.invariant import must
from tools.bench.figures import Figure
from tools.bench.rig import Plan

LEASE_MS = 60_000
RUNS, ROUNDS = 7, 400
HEARTBEAT_S, HEARTBEATS, A_MINUTE = 0.1, 40, 600

FOURS = [ip_address(f"10.77.1.{number}") for number in range(1, 51)]
SIXES = [ip_address(f"fd77::1:{number}") for number in range(1, 51)]

WANTED_US, WANTED_S = 30, 0.5


def gate(plan: Plan) -> list[Figure]:
    """In a network namespace of its own, which ends with it."""
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    ran = subprocess.run([*alone, sys.executable, "-m", "tools.bench.gate"], capture_output=True, text=True, check=True)
    samples: dict[str, list[float]] = json.loads(ran.stdout)
    one, hundred = "kernel's lease: one refresh, one IPv{} address", "kernel's lease: 100 addresses every 100 ms, CPU a minute"
    return [
        Figure(one.format(4), "us", tuple(samples["four"]), WANTED_US, "two elements: ARP has its own"),
        Figure(one.format(6), "us", tuple(samples["six"]), WANTED_US),
        Figure("kernel's lease: a ticket alone", "us", tuple(samples["ticket"]), None),
        Figure(f"{hundred}, one service", "s", tuple(samples["together"]), WANTED_S, "50 of each family"),
        Figure(f"{hundred}, 100 services", "s", tuple(samples["each"]), WANTED_S, "in one transaction"),
    ]


def main() -> None:
    gate, four, six = Gate.enter(), Gated(FOURS[:1]), Gated(SIXES[:1])
    hundred, each = Gated(FOURS + SIXES), [Gated([address]) for address in FOURS + SIXES]
    gate.shut(hundred)
    must(gate.open(hundred, boottime_ms() + LEASE_MS) is Answer.DONE, "a fresh lease opens the gate")
    samples = {
        "four": [median_us(lambda: refresh(gate, [four])) for _ in range(RUNS)],
        "six": [median_us(lambda: refresh(gate, [six])) for _ in range(RUNS)],
        "ticket": [median_us(lambda: gate.refresh([(four, 0)])) for _ in range(RUNS)],  # a lease that is over sends no more
        "together": [cpu_a_minute(lambda: refresh(gate, [hundred])) for _ in range(RUNS)],
        "each": [cpu_a_minute(lambda: refresh(gate, each)) for _ in range(RUNS)],
    }
    gate.close(hundred)
    print(json.dumps(samples))


def refresh(gate: Gate, services: list[Gated]) -> None:
    ends_ms = boottime_ms() + LEASE_MS
    answers = set(gate.refresh([(addresses, ends_ms) for addresses in services]))
    must(answers <= {Answer.DONE, Answer.LATE}, f"a refresh of living elements was answered {answers}")


def median_us(work: Callable[[], object]) -> float:
    return statistics.median(_once(work, time.monotonic_ns) / 1e3 for _ in range(ROUNDS))


def cpu_a_minute(work: Callable[[], object]) -> float:
    """Processor time, kernel included."""
    spent_ns = 0
    for _ in range(HEARTBEATS):
        time.sleep(HEARTBEAT_S)
        spent_ns += _once(work, time.thread_time_ns)
    return spent_ns / HEARTBEATS * A_MINUTE / 1e9


def _once(work: Callable[[], object], clock_ns: Callable[[], int]) -> int:
    began_ns = clock_ns()
    work()
    return clock_ns() - began_ns


if __name__ == "__main__":
    main()
