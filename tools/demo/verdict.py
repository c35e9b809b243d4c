"""The end of the show: do all nodes hold every feed, is the history lawful, and does every node tell the same story?"""

import json
import time
from datetime import datetime

from protocol.moment import rfc3339
from tools.demo.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError

TIMELINE_LINES = 12


def verdict(stage: Stage, power_lost_at: datetime) -> None:
    """Ask the auditor. Raises LabError where two nodes tell different stories, or where anything is found."""
    states = [str(stage.lab.nodes[name].state) for name in (MASTER, SLAVE)]
    stage.until(stage.lab.feeds.same_everywhere, "both nodes hold every feed")
    print("\nfailaudit verify, on what both nodes hold:")
    print(_indented(stage.lab.audit("verify", *states)))
    print(f"\nfailaudit timeline, its last {TIMELINE_LINES} lines:")
    print(_indented("\n".join(stage.lab.audit("timeline", *states).splitlines()[-TIMELINE_LINES:])))
    moment = power_lost_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    _same(stage, "who", "--at", _now())
    _same(stage, "why", "--at", moment)
    print(f"\nfailaudit why web --at {moment}, after the power failure:")
    print(_indented(stage.lab.audit("why", "web", states[1], "--at", moment)))


def _same(stage: Stage, question: str, *more: str) -> None:
    """Every node's own copy of the history gives one answer."""
    answers = {
        name: json.loads(stage.lab.audit(question, "web", str(stage.lab.nodes[name].state), *more, "--json"))
        for name in (MASTER, SLAVE)
    }
    if answers[MASTER] != answers[SLAVE]:
        raise LabError(f"{MASTER} and {SLAVE} answer `failaudit {question}` differently: {answers}")
    print(f"\nfailaudit {question}: {MASTER}'s copy of the history and {SLAVE}'s give the same answer")


def _now() -> str:
    return rfc3339(time.time_ns() // 1_000_000)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.rstrip().splitlines())
