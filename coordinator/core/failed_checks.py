"""The checks of a service that is out here by one of them: they run on, patiently, and end its FAIL when they pass.

    look_on(core, "web", job)                   # at each review: begin or end it
    looked(core, job, counts, given)            # a result

What all nodes share (a database) fails everywhere, and `retry` doubles up to an hour: a cluster would be out so long after it
is back. The first `retry` is kept in any case, and only what passes after it counts: a check that passes because the service
is down must not bring it back at once. With retry = "never" an operator alone ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core.check_counts import Counts
from coordinator.core.effects import Watch
from coordinator.core.inputs import CheckFinished
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.state.model import ServicePhase
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

LOOKS = 6
"""Runs of each check in the time of one `retry`."""


def look_on(core: Core, name: str, job: Job) -> None:
    """Begin or end the checks of a service that is out here by one of them."""
    looks = job.phase is Phase.IDLE and not core.stopping and _is_out_by_a_check(core, name, job)
    if looks and name not in core.looking:
        core.looking[name] = core.now_ms
        core.counts[name].reset()
        core.emit(Watch(name, True, (job.policy.retry_ms or 0) // LOOKS))
    elif name in core.looking and not looks:
        core.counts[name].reset()
        end(core, name)


def end(core: Core, name: str) -> None:
    if core.looking.pop(name, None) is not None:
        core.emit(Watch(name, False))


def looked(core: Core, job: Job, counts: Counts, given: CheckFinished) -> None:
    """A run of a check while the service is out."""
    if core.now_ms - core.looking[given.service] < (job.policy.retry_ms or 0):
        return
    counts.count(given.check, given.passed)
    if counts.all_well() and core.column.service(given.service).well is None and not core.disk_refuses:
        body = {"check": given.check, "text": "it passes again, while the service is out"}
        core.write(Kind.CHECK_PASSED, given.service, body, ())


def _is_out_by_a_check(core: Core, name: str, job: Job) -> bool:
    column = core.column.service(name)
    by_check = column.state is ServicePhase.FAIL and column.cause == "check"
    return by_check and job.policy.retry_ms is not None and bool(job.policy.checks)
