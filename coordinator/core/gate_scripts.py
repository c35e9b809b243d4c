"""What the `gate` of each service says here: a script that may refuse the service on a node that does not have it.

    scripts.look("db", job)                     # at each review: asked while the service is not here, and no longer
    scripts.answered(GateAnswered(...))         # the input
    scripts.unfit_because("db")                 # for the decide table
    scripts.unable()                            # for our next heartbeat

A node whose gate refuses is fit for all else. It says so in its heartbeats, and the others pass it over at once: who comes next
takes the service, and none gives it back to that node. Until the first answer a gate refuses: a node that has just lost its
service, or has just started, does not know yet whether it may have it. No gate takes a service from the node that has it.
"""

from coordinator.core.context import Context, News
from coordinator.core.effects import AskGate
from coordinator.core.inputs import GateAnswered
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.policy import GatePolicy

UNANSWERED = "its gate has not answered yet"


class GateScripts:
    def __init__(self, context: Context, services: Services, startup: Startup) -> None:
        self.context, self.services, self.startup = context, services, startup
        self._asked: dict[str, GatePolicy] = {}
        self._answers: dict[str, GateAnswered] = {}
        """The newest of each that is asked."""

    def look(self, name: str, job: Job) -> None:
        """What was answered before the service was here counts no more."""
        gate = _of(job) if not self.startup.stopping else None
        if self._asked.get(name) == gate:
            return
        self.close(name)
        if gate is not None:
            self._asked[name] = gate
            self.context.emit(AskGate(name, gate))

    def close(self, name: str) -> None:
        """It is asked no longer."""
        self._answers.pop(name, None)
        if self._asked.pop(name, None) is not None:
            self.context.emit(AskGate(name, None))

    def answered(self, given: GateAnswered) -> News | None:
        """News where it says another thing than before. A run may end when its gate is asked no longer."""
        if self._asked.get(given.service) != given.asked:
            return None
        before = self.unfit_because(given.service)
        self._answers[given.service] = given
        return News(frozenset({given.service})) if self.unfit_because(given.service) != before else None

    def unfit_because(self, service: str) -> str:
        """Why this node does not take it now; empty where it may, where no gate is asked, and where it has it."""
        job = self.services.jobs.get(service)
        if job is None or _of(job) is None:
            return ""
        answer = self._answers.get(service)
        if answer is None:
            return UNANSWERED
        return "" if answer.opens else f"its gate refuses: {answer.text}"

    def unable(self) -> tuple[str, ...]:
        """The services that this node cannot take now."""
        return tuple(sorted(name for name in self._asked if self.unfit_because(name)))


def _of(job: Job) -> GatePolicy | None:
    """The gate that is to be asked: nothing of the service is here."""
    return job.policy.gate if job.phase is Phase.IDLE else None
