"""A new configuration in a running core: taken in one step, or refused with a sentence.

    reconfigured(core, Reconfigured(policy, ticket))    # the input: Adopt and an event, or an Answer that says no
    refusal(core, given)                                # the same question beforehand; changes nothing
    follow(core)                                        # at each review: jobs that still work by the old one
    pace(core)                                          # while timings differ

What is up is taken down by what brought it up: a service whose actions have changed goes down with the old ones before the
new ones come up (`Job.renew`), one that is no longer ours is released by the decide table (row `withdrawn`). Refused is what
would cut off or surprise a node that lives by another file: then two would own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core import failed_checks, local_health, long_events, sharing
from coordinator.core.check_counts import Counts
from coordinator.core.commands import Refusal
from coordinator.core.effects import Adopt, Answer, Equip, Watch
from coordinator.core.inputs import Reconfigured
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.decision.decide import Act, Decision
from coordinator.policy import Policy, ServicePolicy
from coordinator.state import authorization, ownership
from coordinator.state.configurations import number_now
from coordinator.state.model import Judgement, ServicePhase, State
from protocol.event import Ref
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

WATCHED = frozenset({Phase.UP, Phase.RECALLED, Phase.RECLAIMING})
"""Phases in which the checks of a service run."""


def reconfigured(core: Core, given: Reconfigured) -> None:
    """Everything in one step: what is written, decided and ordered after it is by the new configuration."""
    refused = refusal(core, given)
    if refused:
        core.emit(Answer(given.ticket, False, refused.text, refused.authority))
        return
    causes = _commanded(core, given)  # judged by the keys and roles of the old configuration
    core.emit(Adopt(given.policy))
    core.former = core.policy
    core.policy, core.beside = given.policy, given.policy.beside(core.me)
    core.quota.configure(given.policy, core.now_ms)
    number = given.command.command.epoch if given.command else number_now(core.state, given.policy.digest)
    entry = long_events.write_configuration(core, given.policy, number, causes)
    core.answers[entry.ref] = given.ticket
    core.liveness.reconfigure(given.policy, core.now_ms)
    pace(core)
    _services(core)
    core.beat_ms = core.now_ms  # the new hash is told at once, and the next beat comes by the new timing
    core.dirty = True


def _commanded(core: Core, given: Reconfigured) -> tuple[Ref, ...]:
    if given.command is None:
        return ()
    body = {"command": given.command.raw, "signature": given.command.signature, "target": core.me}
    return (core.write(Kind.COMMAND, "", body, ()).ref,)


# --- what is refused ---------------------------------------------------------------------------------------------


def refusal(core: Core, given: Reconfigured) -> Refusal | None:
    """Why this configuration cannot be taken here and now."""
    if not core.joined:
        return Refusal("this node is still reading its own feed: ask again in a moment")
    if core.stopping or core.over:
        return Refusal("this node is being stopped")
    if given.command:
        denied = _denied(core, given)
        if denied:
            return denied
    if core.disk_refuses:
        return Refusal(f"{core.me}'s disk refuses to write, and a change must stand in the log: make space there")
    alive = [name for name in core.liveness.peers if _lives(core, name) and not _runs(core, name, given.policy)]
    return _removed(core, given.policy, alive) or _unlinked(core, given.policy, alive)


def _denied(core: Core, given: Reconfigured) -> Refusal | None:
    if given.command is None:
        raise InvariantBroken("only a command is judged")
    command = given.command.command
    if core.state.orders.obeyed_by(core.me, command.nonce):
        return Refusal(authorization.REPLAYED, authority=False)
    denied = authorization.permitted(core.policy, command)  # else one bad file would lock every other node
    if denied:
        return Refusal(denied.text, authority=False)
    if not command.names(core.me, core.writer.incarnation):
        whom = authorization.named(command) or "no node by name"
        return Refusal(f"the command is for {whom}, this is {core.me}/{core.writer.incarnation}: sign it anew", authority=False)
    if command.digest != given.policy.digest:
        theirs, ours = _short(command.digest), _short(given.policy.digest)
        return Refusal(f"the file that was signed is {theirs}, the one on {core.me} is {ours}: copy it there")
    number = number_now(core.state, given.policy.digest)
    if command.epoch != number:
        return Refusal(f"old-epoch: it was signed as configuration {command.epoch}, and would be {number} now: sign it anew")
    return None


def _short(digest: bytes) -> str:
    return digest.hex()[:12]


def _lives(core: Core, name: str) -> bool:
    """It lives, may live, or has not said that it stopped."""
    stopped = bool(core.state.column(name).started) and not core.state.column(name).running
    return not stopped and core.liveness.judgement(name, core.now_ms) is not Judgement.DEAD


def _runs(core: Core, name: str, policy: Policy) -> bool:
    return core.state.column(name).config == policy.digest


def _removed(core: Core, policy: Policy, alive: list[str]) -> Refusal | None:
    """A candidate that we no longer hear hears no peer either, and takes what it can: it must be stopped first."""
    for name in alive:
        if name not in policy.nodes and core.policy.owned_by(name):
            return Refusal(f"{name} is no longer in it, and its faild runs: alone it would take what it can. Stop it first")
    return None


def _unlinked(core: Core, policy: Policy, alive: list[str]) -> Refusal | None:
    """While one end has moved and the other has not, nothing arrives there: one link at least must stand meanwhile."""
    for name in alive:
        if name in policy.nodes and not _ways(core.policy, core.me, name) & _ways(policy, core.me, name):
            return Refusal(
                f"it changes every link to {name} at once: neither would hear the other until both have applied it. "
                f"Change one link after the other, or stop {name}'s faild first"
            )
    return None


def _ways(policy: Policy, me: str, peer: str) -> set[tuple[str, tuple[str, int], tuple[str, int]]]:
    ours, theirs = policy.nodes[me].links, policy.nodes[peer].links
    return {(link, ours[link], theirs[link]) for link in ours if link in theirs}


# --- what follows ------------------------------------------------------------------------------------------------


def _services(core: Core) -> None:
    mine = {service.name: service for service in core.policy.owned_by(core.me)}
    for service in mine.values():
        if service.name in core.jobs:
            _changed(core, core.jobs[service.name], service)
        else:
            core.open_job(service)
            core.emit(Equip(service))
            _carriers(core, service)
    gone = core.jobs.keys() - mine.keys()
    for name in gone:
        core.jobs[name].coming = None
    core.unsettled = gone | {name for name, job in core.jobs.items() if job.coming}


def _changed(core: Core, job: Job, service: ServicePolicy) -> None:
    job.configure(service)
    _checks(core, job, service)
    if job.coming and job.phase is Phase.ARMED:
        reason = "its actions were configured anew while the claim was being written"
        release = Decision("reconsidered", Act.RELEASE, reason, _by(core), ServicePhase.RECOVER, "reconsidered")
        job.release(release, core.given())
    elif not job.coming:
        _carriers(core, service)


def _checks(core: Core, job: Job, service: ServicePolicy) -> None:
    """Other checks begin anew; what the old ones said no longer counts."""
    counts = core.counts[service.name]
    if counts.policy.checks == service.checks:
        counts.policy = service
        return
    core.counts[service.name] = Counts(service)
    failed_checks.end(core, service.name)
    if core.column.service(service.name).sick:
        body = {"check": 0, "text": "the checks are configured anew"}
        core.write(Kind.CHECK_PASSED, service.name, body, _by(core))
    if job.phase in WATCHED:
        core.emit(Watch(service.name, False))
        core.emit(Watch(service.name, True))


def _carriers(core: Core, service: ServicePolicy) -> None:
    """An interface that the service needs only now may have lost its carrier long ago."""
    for interface in service.interfaces:
        if not core.carrier.get(interface, True):
            local_health.carrier_lost(core, interface)


def _by(core: Core) -> tuple[Ref, ...]:
    return (core.column.configured,) if core.column.configured else ()


def follow(core: Core) -> None:
    """Jobs go over to the new configuration as soon as their old actions allow it."""
    for name in sorted(core.unsettled):
        job = core.jobs[name]
        if job.coming and job.phase in (Phase.RAISING, Phase.UP):
            _renew(core, name, job, job.coming)
        elif job.phase is Phase.RENEWED and "address" in job.waits:
            if core.is_free(job.policy):
                job.confirmed("address")
        elif job.phase is Phase.IDLE:
            _settle(core, job)
        elif not job.coming and core.policy.services.get(name) == job.policy:
            _carriers(core, job.policy)
            core.unsettled.discard(name)


def _renew(core: Core, name: str, job: Job, coming: ServicePolicy) -> None:
    """While another node has one of the new addresses, the old ones stay up."""
    if why := sharing.taken_elsewhere(core, name, coming):
        core.barred[name] = why
        return
    core.barred.pop(name, None)
    job.renew(_by(core))


def _settle(core: Core, job: Job) -> None:
    """Nothing of it is up: it works by the new configuration, or is no longer ours."""
    name = job.policy.name
    if job.coming:
        job.configure(job.coming)
        _carriers(core, job.policy)
    elif name in core.column.splits:
        return  # its end is still to be written
    elif core.me not in ownership.ruled(State(), core.policy, name).nodes:
        del core.jobs[name], core.waits[name], core.counts[name]
        core.sentences.pop(name, None)
        core.wakes.forget(name)
        core.barred.pop(name, None)
        failed_checks.end(core, name)
    core.unsettled.discard(name)


def pace(core: Core) -> None:
    """Until all run the same timing no node is judged faster than it beats, and we beat as often as the fastest peer
    expects."""
    policies = core.state.policies
    theirs = {
        name: policies[config].timing
        for name in core.policy.others(core.me)
        if (config := core.state.column(name).config) in policies
    }
    core.liveness.bear(theirs)
    core.heartbeat_ms = min(timing.heartbeat_ms for timing in (core.policy.timing, *theirs.values()))
