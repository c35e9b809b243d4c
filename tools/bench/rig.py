"""The rig: a laboratory with two nodes at the default timing, the instruments running, the master serving.

Each benchmark is a function that takes the rig, does its accident a number of times and returns figures; it leaves the
master serving, as it found it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tools.lab.lab import Lab
from tools.lab.measure import Measure

MASTER, SLAVE = "lukretia", "genesis"
SETTLED_S = 0.5
"""Between two rounds: heartbeats of both nodes have gone round several times."""


class Plan(NamedTuple):
    """How much is measured: `--quick` is for development only, and says so in its table."""

    rounds: int = 7
    moves: int = 40
    """Planned moves: the client's 2 ms are coarse beside what one takes, and the median of a few is a matter of luck."""
    heals: int = 20
    silenced: int = 20
    """How often all of the owner is stopped, and killed."""
    idle_s: int = 600
    still_s: int = 60
    before: Path | None = None
    """Another installed copy of this project, measured in the same minutes: before a change."""


QUICK = Plan(rounds=3, moves=4, heals=4, silenced=3, idle_s=20, still_s=15)


class Rig:
    def __init__(self, lab: Lab, plan: Plan):
        self.lab, self.plan = lab, plan

    def serve(self, name: str = MASTER, deadline_s: float = 20.0) -> None:
        """Wait until this node alone answers, and things have settled."""
        Measure(self.lab).until_answered_by(name, deadline_s)
        time.sleep(SETTLED_S)

    def measure(self) -> Measure:
        self.lab.prober.forget()
        self.lab.asker.forget()
        return Measure(self.lab)

    def other(self, name: str) -> str:
        return SLAVE if name == MASTER else MASTER

    def moves_since(self, mark: int) -> int:
        """How often ownership changed: every claim and reclaim is one."""
        return sum(len(self.lab.feeds.since(mark, kind)) for kind in ("claim", "reclaim"))

    def is_void(self, mark: int, victim: str) -> bool:
        """Whether a node that lost its power after `mark` had time to do or say anything: then it was no power loss."""
        did = any(self.lab.feeds.since(mark, kind, victim) for kind in ("release", "down"))
        return did or any(event.body["node"] == victim for event in self.lab.feeds.since(mark, "last-word"))


@contextmanager
def rig(plan: Plan, witnesses: Sequence[str] = (), edit: Callable[[str], str] = lambda text: text) -> Iterator[Rig]:
    """`edit` may change the text of the configuration."""
    with Lab((MASTER, SLAVE), witnesses) as lab:
        lab.init(edit)
        lab.prober.start()
        lab.asker.start()
        lab.start()
        ready = Rig(lab, plan)
        ready.serve()
        yield ready
