"""`python -m tools.demo`: builds the laboratory, plays the six demonstrations, prints the table and the verdict.

Exit: 0 all went as told; 1 something did not; 2 no namespaces can be made here; 130 interrupted.
"""

import signal
import sys
import threading
import time
from datetime import UTC, datetime

from tools.cli.interrupt import remembered
from tools.demo.acts import ACTS, power_failure
from tools.demo.stage import MASTER, SLAVE, Stage
from tools.demo.verdict import verdict
from tools.lab.lab import Lab
from tools.lab.place import LabError, reason_against

WELCOME = f"""Two nodes, {MASTER} (the master) and {SLAVE}, each in its own network and process namespace, with two links.
The service "web" is two addresses, 10.77.0.100 and fd77::100. A client asks both every 2 ms and knows nothing else;
a bystander asks every 5 ms by ARP and neighbour solicitation who has them. Each line is told when it stands in a node's log;
its time is when it happened there, in seconds from the accident."""


def main() -> int:
    if reason := reason_against():
        print(reason, file=sys.stderr)
        return 2
    interrupted = remembered(signal.SIGINT, signal.SIGTERM)
    try:
        return play(interrupted)
    except LabError as error:
        print(f"\nThe demonstration failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything is taken down again.", file=sys.stderr)
        return 130


def play(interrupted: threading.Event) -> int:
    began = time.monotonic()
    print(WELCOME, flush=True)
    with Lab((MASTER, SLAVE)) as lab:
        lab.init()
        stage = Stage(lab, interrupted)
        print(f"\n0. Both nodes start\n   {MASTER} is the first in the order of preference.", flush=True)
        measure = stage.measure()
        lab.prober.start()
        lab.asker.start()
        lab.start()
        stage.until_serves(MASTER, measure)
        power_lost_at = perform(stage)
        print(f"\nWhat the client lost, and how long two nodes answered for one address:\n\n{stage.table()}")
        verdict(stage, power_lost_at)
    print(f"\nAll of it took {time.monotonic() - began:.0f} s; nothing is left behind.")
    return 0


def perform(stage: Stage) -> datetime:
    """Play all acts; returns a moment at which the slave had the service because of the power failure."""
    moment = datetime.now(UTC)
    for act in ACTS:
        act(stage)
        if act is power_failure:
            moment = datetime.now(UTC)
    return moment


if __name__ == "__main__":
    sys.exit(main())
