"""What comes back from this machine: the guard, actions, checks and carriers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core import durability, failed_checks
from coordinator.core.inputs import CarrierChanged, CheckFinished, GuardChanged, Guarded, StepFinished
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

CARRIER_HOLD_DEADS = 2
"""A carrier counts as back when it stood for so many times `dead`: a cable that is being plugged in bounces."""


def guarded(core: Core, given: Guarded) -> bool:
    """False where the claim waits for the disk all the same."""
    was_mute, core.guard_mute = core.guard_mute, False
    job = core.jobs.get(given.service)
    return (job is not None and job.epoch == given.epoch and durability.confirmed(core, job, "guard")) or was_mute


def guard_changed(core: Core, given: GuardChanged) -> None:
    core.guard_alive, core.guard_mute = given.alive, False
    core.dirty = True
    if given.alive:
        for job in core.jobs.values():
            job.resume()


def step_finished(core: Core, given: StepFinished) -> None:
    job = core.jobs.get(core.ordered.pop(given.ticket, ""))
    if job is not None and job.running is not None and job.running.ticket == given.ticket:
        _finished(core, job, given)


def _finished(core: Core, job: Job, given: StepFinished) -> None:
    """In the middle of a sequence that goes well, nothing can be decided anew: the next action waits for no table."""
    before, touched = (job.phase, job.lost[:]), job.policy.name in core.changed
    job.finished(given)
    if not touched and (job.phase, job.lost) == before:
        core.changed.discard(job.policy.name)


def check_finished(core: Core, given: CheckFinished) -> None:
    job, counts = core.jobs.get(given.service), core.counts.get(given.service)
    if job is None or counts is None or not counts.asks(given):
        return
    if given.service in core.looking and job.phase is Phase.IDLE:
        failed_checks.looked(core, job, counts, given)
    if job.phase is not Phase.UP:
        return
    turn = counts.count(given.check, given.passed)
    body = {"check": given.check, "text": given.text}
    if turn == "fell" and job.restarts < job.policy.restarts:
        entry = core.write(Kind.CHECK_FAILED, given.service, {**body, "good": False}, ())
        counts.reset()
        job.restart(f"check {given.check} failed: {given.text}; trying again here", (entry.ref,))
    elif turn == "fell":
        core.write(Kind.CHECK_FAILED, given.service, {**body, "good": True}, ())
        counts.reset()
    elif turn == "rose":
        core.write(Kind.CHECK_PASSED, given.service, body, ())
    elif turn == "first":
        core.write(Kind.CHECK_FAILED, given.service, {**body, "good": False}, ())


def carrier_changed(core: Core, given: CarrierChanged) -> None:
    core.carrier[given.interface] = given.up
    if given.up:
        core.carrier_up_ms[given.interface] = core.now_ms
    elif core.joined:
        carrier_lost(core, given.interface)


def carrier_lost(core: Core, interface: str) -> None:
    for name, job in core.jobs.items():
        if interface in job.policy.interfaces and interface not in core.column.service(name).carrier_lost:
            core.write(Kind.CARRIER_LOST, name, {"interface": interface}, ())


def carriers(core: Core) -> None:
    """A carrier that came back counts when it has stood for a while: no flapping with the cable."""
    hold_ms = CARRIER_HOLD_DEADS * core.policy.timing.dead_ms
    services = core.column.services
    if core.carriers_of is not services:  # a thousand services are not looked at with every heartbeat
        core.carriers_of = services
        core.without_carrier = [name for name, service in services.items() if service.carrier_lost]
    for name in [name for name in core.without_carrier if name in core.jobs]:
        job = core.jobs[name]
        for interface, lost in core.column.service(name).carrier_lost.items():
            up_ms = core.carrier_up_ms.get(interface, core.now_ms)
            stands = core.carrier.get(interface, False) and core.now_ms - up_ms >= hold_ms
            if stands or interface not in job.policy.interfaces:
                core.write(Kind.CARRIER_BACK, name, {"interface": interface}, (lost,))
