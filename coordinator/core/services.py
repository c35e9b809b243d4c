"""The services that this node may own: the life of each, its steps in flight, and the guard without which nothing comes up.

services.open(policy)               # from now on
services.jobs["web"].phase          # what our own processes do about it (`service_lifecycle`)
services.timers["web"]              # what must have held for a while (`service_timers`)
"""

import itertools
from collections.abc import Iterable

from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Effect
from coordinator.core.inputs import GuardChanged, StepFinished
from coordinator.core.kernel_leases import KernelLeases
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import AT_REST, Phase
from coordinator.core.service_timers import ServiceTimers
from coordinator.core.sharing import addresses
from coordinator.policy import ServicePolicy
from protocol.event import Entry, Ref
from protocol.events import Body
from protocol.messages import LastWord


class Services:
    def __init__(self, context: Context, leases: KernelLeases) -> None:
        self.context, self.leases = context, leases
        self.jobs: dict[str, Job] = {}
        self.timers: dict[str, ServiceTimers] = {}
        self.place: dict[str, int] = {}
        """The place of each job: in this order they are looked at."""
        self._places = itertools.count()
        self.busy: set[str] = set()
        """Services whose job is not at rest."""
        self.raised: set[str] = set()
        """Services of which something is up here or about to be."""
        self.unsettled: set[str] = set()
        """Services that a new configuration has changed, and whose jobs have not followed it to the end."""
        self.barred: dict[str, str] = {}
        """Services that wait since one of their addresses is up for another, and why."""
        self.sentences: dict[str, str] = {}
        """Service to the sentence of its last decision."""
        self.guard_alive = False
        self.guard_mute = False
        """A claim was given up since the guard did not confirm it; until it confirms something, or another takes its place."""
        self._tickets = 0
        self._ordered: dict[int, str] = {}
        """The service of each step in flight, by its ticket."""
        for service in context.policy.owned_by(context.me):
            self.open(service)

    def open(self, service: ServicePolicy) -> None:
        """This node may own the service from now on."""
        self.jobs[service.name] = Job(self, service)
        self.place[service.name] = next(self._places)
        self.timers[service.name] = ServiceTimers()

    def close(self, name: str) -> None:
        """Nothing of it is up, and it is no longer ours."""
        del self.jobs[name], self.timers[name]
        self.sentences.pop(name, None)
        self.barred.pop(name, None)

    def armed(self) -> list[str]:
        """The services that this node is about to claim."""
        return [name for name in self.busy if self.jobs[name].phase is Phase.ARMED]

    def bar(self, name: str, why: str) -> None:
        """It does not come up now; asked about again at every review, until `unbar`."""
        self.barred[name] = why

    def unbar(self, name: str) -> None:
        self.barred.pop(name, None)

    def decided(self, name: str, sentence: str) -> None:
        self.sentences[name] = sentence

    def unsettle(self, names: Iterable[str]) -> None:
        """These have not followed the newest configuration; all others have."""
        self.unsettled = set(names)

    def settle(self, name: str) -> None:
        self.unsettled.discard(name)

    def taken_here(self, name: str, policy: ServicePolicy) -> str:
        """Why these actions must not come up yet beside the other services of this node; empty where nothing speaks against it.
        Only a job that has not followed the newest configuration can have an address of another service."""
        for other in sorted(self.unsettled - {name}):
            job = self.jobs[other]
            has_some = job.phase is not Phase.IDLE and job.progress.started
            if has_some and (both := addresses(job.policy) & addresses(policy)):
                return f"{min(both)} is still up for {other}"
        return ""

    # --- the guard, and what it lets happen -----------------------------------------------------------------------

    def guard_changed(self, given: GuardChanged) -> News:
        self.guard_alive, self.guard_mute = given.alive, False
        if given.alive:
            for job in self.jobs.values():
                job.resume()
        return NOTHING_ELSE

    def guard_confirms(self) -> bool:
        """True where it had not before."""
        was_mute, self.guard_mute = self.guard_mute, False
        return was_mute

    def guard_is_mute(self) -> None:
        self.guard_mute = True

    def step_finished(self, given: StepFinished) -> News:
        """In the middle of a sequence that goes well, nothing can be decided anew."""
        job = self.jobs.get(self._ordered.pop(given.ticket, ""))
        if job is None or job.running is None or job.running.ticket != given.ticket:
            return NOTHING_ELSE
        before = job.phase, job.progress.lost[:]
        job.finished(given)
        return NOTHING_ELSE if (job.phase, job.progress.lost) == before else News(frozenset({job.policy.name}))

    # --- what a job needs (`service_lifecycle.Desk`) --------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.context.now_ms

    def write(self, service: str, body: Body, causes: tuple[Ref, ...]) -> Entry:
        return self.context.write(service, body, causes)

    def emit(self, effect: Effect) -> None:
        self.context.emit(effect)

    def last_word(self, service: str, epoch: int) -> LastWord:
        return self.context.last_word(service, epoch)

    def lease_ends_ms(self, policy: ServicePolicy) -> int:
        return self.leases.ends_ms(policy)

    def ticket(self, service: str) -> int:
        self._tickets += 1
        self._ordered[self._tickets] = service
        return self._tickets

    def turned(self, service: str, phase: Phase) -> None:
        (self.busy.discard if phase in AT_REST else self.busy.add)(service)
        (self.raised.discard if phase is Phase.IDLE else self.raised.add)(service)

    def is_free(self, policy: ServicePolicy) -> bool:
        return not self.taken_here(policy.name, policy)
