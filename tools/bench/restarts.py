"""A standby that is restarted: from the start of its process until its peer counts it as fit, in turns with another copy."""

import time
from collections import defaultdict
from contextlib import ExitStack

from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.lab.lab import Lab

LIMIT_MS = 600
LOOK_S = 0.003
SETTLED_S = 1.0
ROUNDS_TIMES = 2
"""A start is short: twice as many rounds as an accident has."""


def restarts(plan: Plan) -> list[Figure]:
    """With the service up at the other node, which notices nothing of it."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        labs = {"": stack.enter_context(Lab((MASTER, SLAVE)))}
        if plan.before:
            labs[", before"] = stack.enter_context(Lab((MASTER, SLAVE), copy=plan.before))
        for lab in labs.values():
            lab.init()
            lab.start(deadline_s=60)
        for _ in range(plan.rounds * ROUNDS_TIMES):
            for when, lab in labs.items():
                time.sleep(SETTLED_S)
                took[when].append(_restart(lab))
    return [
        Figure(f"standby restarted{when}: its peer counts it as fit after", "ms", tuple(found), None if when else LIMIT_MS)
        for when, found in took.items()
    ]


def _restart(lab: Lab) -> float:
    node = lab.nodes[SLAVE]
    node.terminate()
    lab.wait_until(lambda: not _is_fit(lab), "the peer has heard that the standby stopped")
    began = time.monotonic()
    node.launch()
    while not _is_fit(lab):
        if time.monotonic() - began > 60:
            node.is_ready()  # raises with its last words where it has ended
            raise TimeoutError("the standby is not fit after a minute")
        time.sleep(LOOK_S)
    took_ms = (time.monotonic() - began) * 1000
    lab.wait_until(node.is_ready, "the standby is ready", 20)
    return took_ms


def _is_fit(lab: Lab) -> bool:
    """As the other node says."""
    known = lab.status(MASTER)["nodes"][SLAVE]
    return bool(known["fit"] and known["liveness"] == "alive")
