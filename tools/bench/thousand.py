"""A thousand services on a pair: until all are up, what they cost while nothing happens, one that moves, and a stop.

Beside the same pair with one service, in the same minutes. Each service is an address, as `failc init` writes it; the text
goes into the log in pieces.
"""

import re
import statistics
import time
from contextlib import ExitStack

from tools.bench.cost import Cost
from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.lab.lab import Lab
from tools.lab.node import Node

MANY = 1000
UP_S, STOP_S, IDLE_TIMES, MOVE_TIMES = 5, 2, 1.3, 1.5
DEADLINE_S = 120.0
LOOK_S = 0.02

SERVICE = """
[services.s{number}]
nodes = ["lukretia", "genesis"]
[[services.s{number}.actions]]
address   = "10.77.{block}.{host}/16"
interface = "eth0"
"""


def thousand(plan: Plan) -> list[Figure]:
    with ExitStack() as stack:
        one, many = (stack.enter_context(Lab((MASTER, SLAVE))) for _ in range(2))
        up_s = [_start(one, 1), _start(many, MANY)]
        time.sleep(3)
        moves = [[_moved_ms(lab) for _ in range(max(4, plan.moves // 4))] for lab in (one, many)]
        times = [many_ms / one_ms for one_ms, many_ms in zip(*moves, strict=True)]
        costs = [[Cost(node) for node in lab.nodes.values()] for lab in (one, many)]
        time.sleep(min(60, plan.idle_s))
        for cost in (cost for each in costs for cost in each):
            cost.look()
        cpu = [statistics.mean(cost.cpu[0] for cost in each) for each in costs]
        stop_s = [_stopped_s(lab) for lab in (one, many)]
    return [
        Figure(
            f"{MANY} services on a pair: from the start of both until all are up", "s", (up_s[1],), UP_S, f"1: {up_s[0]:.2f}"
        ),
        Figure(f"{MANY} services: idle CPU of a node, times that with one", "times", (cpu[1] / cpu[0],), IDLE_TIMES),
        Figure(f"{MANY} services: idle CPU of a node, seconds a minute", "s", (cpu[1],), None, f"1: {cpu[0]:.2f}"),
        Figure(f"{MANY} services: a move of one, from the order to up, times that with one", "times", tuple(times), MOVE_TIMES),
        Figure(f"{MANY} services: a move of one, from the order to up", "ms", tuple(moves[1]), None),
        Figure(f"{MANY} services: SIGTERM until all are up on the other", "s", (stop_s[1],), STOP_S, f"1: {stop_s[0]:.2f}"),
    ]


def _start(lab: Lab, count: int) -> float:
    """Seconds from the start of both nodes until the master has every address."""
    lab.init(lambda text: text[: text.index("[services.web]")] + text[text.index("[operators.") :] + _services(count))
    for node in lab.nodes.values():
        node.running.ip(f"addr add 10.77.0.{node.port('lan').host}/16 dev eth0")
    began_s = time.monotonic()
    for node in lab.nodes.values():
        node.launch()
    lab.wait_until(lambda: _has(lab.nodes[MASTER]) == count, f"{count} services are up", DEADLINE_S)
    took_s = time.monotonic() - began_s
    lab.wait_until(lambda: all(node.is_ready() for node in lab.nodes.values()), "both are ready", DEADLINE_S)
    return took_s


def _services(count: int) -> str:
    return "".join(SERVICE.format(number=n, block=1 + n // 250, host=1 + n % 250) for n in range(count))


def _has(node: Node) -> int:
    """How many of the service addresses this node has."""
    time.sleep(LOOK_S)
    return len(re.findall(r"inet 10\.77\.[1-9]", node.running.run("ip", "-o", "-4", "addr", "show", "dev", "eth0")))


def _moved_ms(lab: Lab) -> float:
    """One service to the other node, and back; from the command until it is up there, by the clock of the machine."""
    taken = []
    for target in (SLAVE, MASTER):
        mark = lab.feeds.mark()
        lab.failc(MASTER, "move", "s0", target)
        lab.wait_until(lambda mark=mark: lab.feeds.since(mark, "up", service="s0"), "it is up")  # type: ignore[misc]
        (ordered,), ups = lab.feeds.since(mark, "command"), lab.feeds.since(mark, "up", service="s0")
        taken.append(ups[-1].boot_ms - ordered.boot_ms)
    return statistics.mean(taken)


def _stopped_s(lab: Lab) -> float:
    count = _has(lab.nodes[MASTER])
    began_s = time.monotonic()
    lab.nodes[MASTER].signal(15)
    lab.wait_until(lambda: _has(lab.nodes[SLAVE]) == count, "all are up on the other", DEADLINE_S)
    return time.monotonic() - began_s
