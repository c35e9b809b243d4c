"""The text of docs/tables.md."""

from collections.abc import Iterator

from coordinator.core.service_phases import LINES, Phase
from coordinator.decision.decide import TABLE, Row
from coordinator.state.model import ServicePhase

HEAD = """\
# The tables

Drawn from the code by `python -m tools.drawings --write`; a test compares.

## The life of a service on one node

`coordinator/core/service_phases.py`. What is not drawn cannot happen: it would be a bug, and ends `faild` (exit 70) before
anything is done; the guard then takes down what is up. What others see of it is the state in the log, in brackets below.

"""

PHASES = """
| phase | what it means |
|---|---|
"""

DECIDE = """
## The decide table

`coordinator/decision/decide.py`. For one node and one service the first row that fits wins. A decision that is carried out
stands in the log with its rule, and the auditor asks the table again.

| rule | while the node's own state is | what follows |
|---|---|---|
"""

MEANING = {
    Phase.IDLE: "nothing of it is up, and nothing is claimed (RECOVER or FAIL)",
    Phase.ARMED: "the claim is written, and waits for the disk and the guard (STARTING)",
    Phase.RAISING: "the up actions run, one step after the other (STARTING)",
    Phase.UP: "all of it is up, and its checks run (UP)",
    Phase.RECALLED: "up; the reclaim is written, and waits for the disk, the guard and the end of its rivals (RECLAIM)",
    Phase.RECLAIMING: "up; the reclaim actions run: the neighbours are told (RECLAIM)",
    Phase.RENEWED: "the old actions are down, and the guard is told of the new ones (STARTING)",
    Phase.LOWERING: "the down actions run, in reverse (STOPPING; STARTING in a restart in place)",
    Phase.STUCK: "a down action failed, or its end is unknown: it is tried again every ten seconds (STOPPING)",
}


def page() -> str:
    return "".join((HEAD, *_life(), PHASES, *_phases(), DECIDE, *_rows()))


def _life() -> Iterator[str]:
    yield "```mermaid\nstateDiagram-v2\n    [*] --> IDLE\n"
    for phase, turn, follows in LINES:
        yield f"    {phase.name} --> {follows.name} : {turn}\n"
    yield "```\n"


def _phases() -> Iterator[str]:
    for phase in Phase:
        yield f"| {phase.name} | {MEANING[phase]} |\n"


def _rows() -> Iterator[str]:
    for row in TABLE:
        yield f"| `{row.rule}` | {_states(row)} | {row.act} |\n"


def _states(row: Row) -> str:
    return ", ".join(str(state) for state in ServicePhase if state in row.states)
