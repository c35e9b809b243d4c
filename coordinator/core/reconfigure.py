"""A new configuration in a running core: taken in one step, or refused with a sentence.

    reconfigure.reconfigured(Reconfigured(policy, ticket))  # the input: Adopt and an event, or an Answer that says no
    reconfigure.refusal(given)                              # the same question beforehand; changes nothing
    reconfigure.follow()                                    # at each review: jobs that still work by the old one

What is up is taken down by what brought it up: a service whose actions have changed goes down with the old ones before the
new ones come up (`Job.renew`), one that is no longer ours is released by the decide table (row `withdrawn`). Refused is what
would cut off or surprise a node that lives by another file: then two would own.
"""

from coordinator.core import long_events, sharing
from coordinator.core.ballots import MAJORITY, term
from coordinator.core.candidate_evidence import CandidateEvidence
from coordinator.core.carriers import Carriers
from coordinator.core.commands import Refusal
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Adopt, Answer, Equip
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.forwarding import Passing
from coordinator.core.gate_scripts import GateScripts
from coordinator.core.heartbeats import Heartbeats
from coordinator.core.inputs import Reconfigured
from coordinator.core.quota import Quota
from coordinator.core.rounds import Rounds
from coordinator.core.service_checks import ServiceChecks
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.core.startup import Startup
from coordinator.decision.decide import Act, Decision
from coordinator.policy import ARBITER, Policy, ServicePolicy
from coordinator.state import authorization, ownership
from coordinator.state.configurations import number_now
from coordinator.state.model import Judgement, ServicePhase, State
from protocol.event import Ref
from protocol.events import Commanded
from protocol.invariant import InvariantBroken


class Reconfigure:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        services: Services,
        carriers: Carriers,
        startup: Startup,
        checks: ServiceChecks,
        gate_scripts: GateScripts,
        evidence: CandidateEvidence,
        heartbeats: Heartbeats,
        rounds: Rounds,
        passing: Passing,
        quota: Quota,
    ) -> None:
        self.context, self.liveness, self.services, self.carriers = context, liveness, services, carriers
        self.startup, self.checks, self.heartbeats = startup, checks, heartbeats
        self.gate_scripts, self.evidence = gate_scripts, evidence
        self.rounds, self.passing, self.quota = rounds, passing, quota

    def reconfigured(self, given: Reconfigured) -> News:
        """Everything in one step: what is written, decided and ordered after it is by the new configuration."""
        context = self.context
        refused = self.refusal(given)
        if refused:
            context.emit(Answer(given.ticket, False, refused.text, refused.authority))
            return NOTHING_ELSE
        causes = self._commanded(given)  # judged by the keys and roles of the old configuration
        context.emit(Adopt(given.policy))
        context.adopt(given.policy)
        self.quota.configure(given.policy, context.now_ms)
        number = given.command.command.epoch if given.command else number_now(context.state, given.policy.digest)
        entry = long_events.write_configuration(context, given.policy, number, causes)
        self.passing.wait_for(entry.ref, given.ticket)
        self.liveness.reconfigure(given.policy, context.now_ms)
        self.heartbeats.pace()
        self._services()
        self.heartbeats.at_once()  # the new hash is told at once, and the next beat comes by the new timing
        return NOTHING_ELSE

    def _commanded(self, given: Reconfigured) -> tuple[Ref, ...]:
        context = self.context
        if given.command is None:
            return ()
        body = Commanded(command=given.command.raw, signature=given.command.signature, target=context.me)
        return (context.write("", body, ()).ref,)

    # --- what is refused ------------------------------------------------------------------------------------------

    def refusal(self, given: Reconfigured) -> Refusal | None:
        """Why this configuration cannot be taken here and now."""
        context = self.context
        if not context.joined:
            return Refusal("this node is still reading its own feed: ask again in a moment")
        if self.startup.stopping or context.over:
            return Refusal("this node is being stopped")
        if given.command:
            denied = self._denied(given)
            if denied:
                return denied
        if context.disk_refuses:
            return Refusal(f"{context.me}'s disk refuses to write, and a change must stand in the log: make space there")
        alive = [name for name in self.liveness.peers if self._lives(name) and not self._runs(name, given.policy)]
        policy = given.policy
        lawless = self._other_voters(policy) or self._other_terms(policy) or self._other_arbiter(policy)
        return self._removed(policy, alive) or self._unlinked(policy, alive) or lawless

    def _denied(self, given: Reconfigured) -> Refusal | None:
        context = self.context
        if given.command is None:
            raise InvariantBroken("only a command is judged")
        command = given.command.command
        if context.state.orders.obeyed_by(context.me, command.nonce):
            return Refusal(authorization.REPLAYED, authority=False)
        denied = authorization.permitted(context.policy, command)  # else one bad file would lock every other node
        if denied:
            return Refusal(denied.text, authority=False)
        if not command.names(context.me, context.writer.incarnation):
            whom = authorization.named(command) or "no node by name"
            return Refusal(
                f"the command is for {whom}, this is {context.me}/{context.writer.incarnation}: sign it anew", authority=False
            )
        if command.digest != given.policy.digest:
            theirs, ours = _short(command.digest), _short(given.policy.digest)
            return Refusal(f"the file that was signed is {theirs}, the one on {context.me} is {ours}: copy it there")
        number = number_now(context.state, given.policy.digest)
        if command.epoch != number:
            return Refusal(
                f"old-epoch: it was signed as configuration {command.epoch}, and would be {number} now: sign it anew"
            )
        return None

    def _lives(self, name: str) -> bool:
        """It lives, may live, or has not said that it stopped."""
        context = self.context
        stopped = bool(context.state.column(name).started) and not context.state.column(name).running
        return not stopped and self.liveness.judgement(name, context.now_ms) is not Judgement.DEAD

    def _runs(self, name: str, policy: Policy) -> bool:
        return self.context.state.column(name).config == policy.digest

    def _other_voters(self, policy: Policy) -> Refusal | None:
        """Two sets of voters, each with a majority of its own, would give one service to two nodes."""
        services = [*self.context.policy.services.values(), *policy.services.values()]
        leased = any(service.partition == MAJORITY for service in services)
        changed = sorted(self.context.policy.voters ^ policy.voters)
        if not leased or not changed:
            return None
        return Refusal(
            f"the voters change ({', '.join(changed)}), and services under majority are owned by their votes: stop faild on "
            "all nodes, change the file on each, and start them again"
        )

    def _other_terms(self, policy: Policy) -> Refusal | None:
        """A voter that has not applied it yet would wait for less than the guard of a holder that has: both would be up."""
        ours = self.context.policy
        for name in sorted(ours.services.keys() & policy.services.keys()):
            old, new = ours.services[name], policy.services[name]
            same = old.partition == new.partition and term(ours, old) == term(policy, new)
            if (old.ended_by_guard or new.ended_by_guard) and not same:
                return Refusal(
                    f"partition, lease, timeouts or [watchdog] of {name} change, by which its peers know when it is down: stop "
                    "faild on all nodes, change the file on each, and start them again"
                )
        return None

    def _other_arbiter(self, policy: Policy) -> Refusal | None:
        """While one node asks the one and another node the other, each may be told that a service is free."""
        old, new = self.context.policy, policy
        both = [name for name in sorted(old.services.keys() & new.services.keys()) if ARBITER in _partitions(name, old, new)]
        if not both:
            return None
        where = [(found.endpoints, found.prefix) if (found := each.arbiter) else None for each in (old, new)]
        moved = [name for name in both if len(_partitions(name, old, new)) > 1]
        if not moved and where[0] == where[1]:
            return None
        what = f"{moved[0]} goes by another rule" if moved else "[arbiter] has other endpoints or another prefix"
        return Refusal(
            f"{what}, and while the nodes run different files each may be told that {(moved or both)[0]} is free: stop faild "
            "on all nodes, change the file on each, and start them again"
        )

    def _removed(self, policy: Policy, alive: list[str]) -> Refusal | None:
        """A candidate that we no longer hear hears no peer either, and takes what it can: it must be stopped first."""
        for name in alive:
            if name not in policy.nodes and self.context.policy.owned_by(name):
                return Refusal(f"{name} is no longer in it, and its faild runs: alone it would take what it can. Stop it first")
        return None

    def _unlinked(self, policy: Policy, alive: list[str]) -> Refusal | None:
        """While one end has moved and the other has not, nothing arrives there: one link at least must stand meanwhile."""
        context = self.context
        for name in alive:
            if name in policy.nodes and not _ways(context.policy, context.me, name) & _ways(policy, context.me, name):
                return Refusal(
                    f"it changes every link to {name} at once: neither would hear the other until both have applied it. "
                    f"Change one link after the other, or stop {name}'s faild first"
                )
        return None

    # --- what follows ---------------------------------------------------------------------------------------------

    def _services(self) -> None:
        context = self.context
        mine = {service.name: service for service in context.policy.owned_by(context.me)}
        for service in mine.values():
            if service.name in self.services.jobs:
                self._changed(self.services.jobs[service.name], service)
            else:
                self.services.open(service)
                self.checks.open(service)
                context.emit(Equip(service))
                self.carriers.tell_of(service)
        gone = self.services.jobs.keys() - mine.keys()
        for name in gone:
            self.services.jobs[name].stay()
        self.services.unsettle(gone | {name for name, job in self.services.jobs.items() if job.next_policy})

    def _changed(self, job: Job, service: ServicePolicy) -> None:
        job.configure(service)
        self.checks.configure(job, service, self._by())
        if job.next_policy and job.phase is Phase.ARMED:
            reason = "its actions were configured anew while the claim was being written"
            release = Decision("reconsidered", Act.RELEASE, reason, self._by(), ServicePhase.RECOVER, "reconsidered")
            job.release(release, self.rounds.given())
        elif not job.next_policy:
            self.carriers.tell_of(service)

    def _by(self) -> tuple[Ref, ...]:
        return (self.context.column.configured,) if self.context.column.configured else ()

    def follow(self) -> list[str]:
        """Jobs go over to the new configuration as soon as their old actions allow it. The services that are no longer ours."""
        before = list(self.services.jobs) if self.services.unsettled else []
        for name in sorted(self.services.unsettled):
            job = self.services.jobs[name]
            if job.next_policy and job.phase in (Phase.RAISING, Phase.UP):
                self._renew(name, job, job.next_policy)
            elif job.phase is Phase.RENEWED and "address" in job.holding.waits:
                if self.services.is_free(job.policy):
                    job.confirmed("address")
            elif job.phase is Phase.IDLE:
                self._settle(job)
            elif not job.next_policy and self.context.policy.services.get(name) == job.policy:
                self.carriers.tell_of(job.policy)
                self.services.settle(name)
        return [name for name in before if name not in self.services.jobs]

    def _renew(self, name: str, job: Job, next_policy: ServicePolicy) -> None:
        """While another node has one of the new addresses, the old ones stay up."""
        if why := sharing.taken_elsewhere(self.context, self.liveness, name, next_policy):
            self.services.bar(name, why)
            return
        self.services.unbar(name)
        job.renew(self._by())

    def _settle(self, job: Job) -> None:
        """Nothing of it is up: it works by the new configuration, or is no longer ours."""
        context = self.context
        name = job.policy.name
        if job.next_policy:
            job.configure(job.next_policy)
            self.carriers.tell_of(job.policy)
        elif name in context.column.splits:
            return  # its end is still to be written
        elif context.me not in ownership.ruled(State(), context.policy, name).nodes:
            self.services.close(name)
            self.checks.close(name)
            self.gate_scripts.close(name)
            self.evidence.close(name)
        self.services.settle(name)


def _partitions(service: str, *files: Policy) -> set[str]:
    return {policy.services[service].partition for policy in files}


def _short(digest: bytes) -> str:
    return digest.hex()[:12]


def _ways(policy: Policy, me: str, peer: str) -> set[tuple[str, tuple[str, int], tuple[str, int]]]:
    ours, theirs = policy.nodes[me].links, policy.nodes[peer].links
    return {(link, ours[link], theirs[link]) for link in ours if link in theirs}
