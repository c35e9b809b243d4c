"""`failc move` as an operator has it: from the shell's start of the command until it has said that the service is up there."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack

from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.lab.lab import Lab
from tools.lab.place import LabError
from tools.lab.programs import program

LIMIT_MS = 80
SETTLED_S = 0.3
MOVES_TIMES = 4


def shell(plan: Plan) -> list[Figure]:
    """There and back, in turns with another copy; the other command says what of it is Python's own start."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        labs = {"": stack.enter_context(Lab((MASTER, SLAVE)))}
        if plan.before:
            labs[", before"] = stack.enter_context(Lab((MASTER, SLAVE), copy=plan.before))
        for lab in labs.values():
            lab.init()
            lab.start(deadline_s=60)
            lab.wait_until(lambda lab=lab: lab.owner(MASTER) == MASTER, "the master has the service")  # type: ignore[misc]
        for turn in range(plan.rounds * MOVES_TIMES):
            for when, lab in labs.items():
                time.sleep(SETTLED_S)
                took[when].append(_move(lab, (SLAVE, MASTER)[turn % 2]))
            took["bare"].append(_timed([sys.executable, "-c", "pass"]))
    rows = [
        Figure(f"failc move{when}: all of it, from the shell", "ms", tuple(took[when]), None if when else LIMIT_MS)
        for when in labs
    ]
    return [*rows, Figure("a Python that does nothing, from the shell", "ms", tuple(took["bare"]), None)]


def _move(lab: Lab, target: str) -> float:
    """The node that is asked is the one that has it."""
    asked = MASTER if target == SLAVE else SLAVE
    where = ("--state", str(lab.nodes[asked].state), "--identity", str(lab.folder / "operator" / "id_ed25519"))
    return _timed([*program("failc", lab.copy), *where, "move", "web", target, "--reason", "to measure it"])


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=60)
    took_ms = (time.monotonic() - began) * 1000
    if done.returncode:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return took_ms
