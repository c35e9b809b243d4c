"""The checks of each service: what they say while it is up, and while it is out here by one of them.

    checks.finished(CheckFinished(...))         # the input
    checks.look_on("web", job)                  # at each review: begin or end the looking of a service that is out

What all nodes share (a database) fails everywhere, and `retry` doubles up to an hour: a cluster would be out so long after it
is back. So the checks of a service that is out run on, patiently, and end its FAIL when they pass. The first `retry` is kept in
any case, and only what passes after it counts: a check that passes because the service is down must not bring it back at once.
With retry = "never" an operator alone ends it.
"""

from coordinator.core.check_counts import Counts
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Watch
from coordinator.core.inputs import CheckFinished
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.policy import ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import ServicePhase
from protocol.event import Ref
from protocol.events import CheckFailed, CheckPassed, OnFail

LOOKS = 6
"""Runs of each check in the time of one `retry`."""

RESTART_MS, RESTART_MS_MAX = 1000, 60_000
"""With on_fail = "restart" a service is up for so long at least before it is restarted; each time twice as long, up to the
second: a check of a server that does not come back would else fill the log."""

WATCHED = frozenset({Phase.UP, Phase.RECALLED, Phase.RECLAIMING})
"""Phases in which the checks of a service run."""


class ServiceChecks:
    def __init__(self, context: Context, services: Services, startup: Startup) -> None:
        self.context, self.services, self.startup = context, services, startup
        self._counts = {name: Counts(job.policy) for name, job in services.jobs.items()}
        self.looking: dict[str, int] = {}
        """Services whose checks run although they are out here, and since when."""

    def open(self, service: ServicePolicy) -> None:
        self._counts[service.name] = Counts(service)

    def close(self, name: str) -> None:
        del self._counts[name]
        self._end(name)

    def configure(self, job: Job, service: ServicePolicy, causes: tuple[Ref, ...]) -> None:
        """Other checks begin anew; what the old ones said no longer counts."""
        context, counts = self.context, self._counts[service.name]
        if counts.policy.checks == service.checks:
            counts.configure(service)
            return
        self._counts[service.name] = Counts(service)
        self._end(service.name)
        column = context.column.service(service.name)
        for check in sorted({*column.told, *([0] if column.failed_check else [])}):
            context.write(service.name, CheckPassed(check=check, text="the checks are configured anew"), causes)
        if job.phase in WATCHED:
            context.emit(Watch(service.name, False))
            context.emit(Watch(service.name, True))

    def finished(self, given: CheckFinished) -> News:
        job, counts = self.services.jobs.get(given.service), self._counts.get(given.service)
        if job is None or counts is None or not counts.asks(given):
            return NOTHING_ELSE
        if given.service in self.looking and job.phase is Phase.IDLE:
            self._looked(job, counts, given)
        if job.phase is Phase.UP:
            self._counted(job, counts, given)
        return NOTHING_ELSE

    def _counted(self, job: Job, counts: Counts, given: CheckFinished) -> None:
        context, check, text = self.context, given.check, given.text
        spec = job.policy.checks[check]
        if not given.passed and context.now_ms - job.up_ms < spec.grace_ms:
            return
        counts.begin(context.column.service(given.service).began)
        turn = counts.count(check, given.passed)
        if turn == "fell" and spec.on_fail != OnFail.MOVE:
            self._fell(job, counts, given, OnFail(spec.on_fail))
        elif turn == "fell" and job.restarts < job.policy.restarts:
            if ownership.held_back(context.state, given.service):
                return counts.put_off(check)
            entry = context.write(given.service, CheckFailed(check=check, text=text, good=False), ())
            counts.reset()
            job.restart(f"check {check} failed: {text}; trying again here", (entry.ref,))
        elif turn == "fell":
            context.write(given.service, CheckFailed(check=check, text=text, good=True), ())
            counts.reset()
        elif turn == "rose":
            context.write(given.service, CheckPassed(check=check, text=text), ())
        elif turn == "first":
            context.write(given.service, CheckFailed(check=check, text=text, good=False), ())

    def _fell(self, job: Job, counts: Counts, given: CheckFinished, on_fail: OnFail) -> None:
        """What follows where another node is not tried."""
        context, name, check, text = self.context, given.service, given.check, given.text
        if on_fail is not OnFail.RESTART:
            context.write(name, CheckFailed(check=check, text=text, good=True, on_fail=on_fail), ())
            return
        pause_ms = min(RESTART_MS_MAX, RESTART_MS << min(job.restarts, 16))
        if ownership.held_back(context.state, name) or context.now_ms - job.up_ms < pause_ms:
            counts.put_off(check)
            return
        entry = context.write(name, CheckFailed(check=check, text=text, good=False), ())
        counts.reset()
        job.restart_by_check(f"check {check} failed: {text}; trying again here, and on no other node", (entry.ref,))

    # --- while it is out ------------------------------------------------------------------------------------------

    def look_on(self, name: str, job: Job) -> None:
        """Begin or end the checks of a service that is out here by one of them."""
        looks = job.phase is Phase.IDLE and not self.startup.stopping and self._is_out_by_a_check(name, job)
        if looks and name not in self.looking:
            self.looking[name] = self.context.now_ms
            self._counts[name].reset()
            self.context.emit(Watch(name, True, (job.policy.retry_ms or 0) // LOOKS))
        elif name in self.looking and not looks:
            self._counts[name].reset()
            self._end(name)

    def _end(self, name: str) -> None:
        if self.looking.pop(name, None) is not None:
            self.context.emit(Watch(name, False))

    def _looked(self, job: Job, counts: Counts, given: CheckFinished) -> None:
        """A run of a check while the service is out."""
        context = self.context
        if context.now_ms - self.looking[given.service] < (job.policy.retry_ms or 0):
            return
        counts.count(given.check, given.passed)
        if counts.all_well() and context.column.service(given.service).well is None and not context.disk_refuses:
            passed = CheckPassed(check=given.check, text="it passes again, while the service is out")
            context.write(given.service, passed, ())

    def _is_out_by_a_check(self, name: str, job: Job) -> bool:
        column = self.context.column.service(name)
        by_check = column.state is ServicePhase.FAIL and column.cause == "check"
        return by_check and job.policy.retry_ms is not None and bool(job.policy.checks)
