"""What a node does about services that are owned by leave of a majority: it votes, it asks for votes, it keeps its leases.

    majority.look()                             # first in every moment: a lease that has ended never lives again
    majority.heard(heartbeat)
    majority.words(counter)                     # what our heartbeat says about leases
    majority.timers("db")                       # for the decide table: "elected", "lease-over"

Under `serve` all of this is empty, and says nothing.
"""

from coordinator.core.ballots import MAJORITY, Ballots, Wanting
from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.guard_leases import GuardLeases
from coordinator.core.leases import Leases
from coordinator.core.vote_requests import VoteRequests
from coordinator.decision.decide import NOT_ELECTED, Decision
from coordinator.state.model import UPISH
from protocol.event import Event, Ref
from protocol.invariant import InvariantBroken
from protocol.lease_words import NO_LEASE_WORDS, LeaseWords
from protocol.messages import Heartbeat

ELECTED, LEASE_OVER = "elected", "lease-over"


class Majority:
    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context = context
        self.ballots = Ballots(context)
        self.requests = VoteRequests(context, liveness)
        self.leases = Leases(context, liveness)
        self.guarded = GuardLeases(context, self.leases)

    def look(self) -> frozenset[str]:
        """The services whose leases have ended in this moment: the table is to be asked about them at once."""
        for service in self.requests.wishes:
            self.requests.bound(service, self.context.me, self.ballots.free_ms(service))
        self.requests.look()
        return self.leases.look()

    @property
    def hurry(self) -> bool:
        return self.requests.hurry

    def heard(self, heartbeat: Heartbeat) -> None:
        """The newest heartbeat of a peer. A candidate that runs another file counts by other voters, perhaps: no vote."""
        words = heartbeat.leases
        for service, epoch in words.asks.items():
            self.ballots.asked(service, heartbeat.node, epoch)
        if heartbeat.config == self.context.policy.digest[:8]:
            for service, epoch in words.wants.items():
                self.ballots.wanted(service, Wanting(heartbeat.node, epoch, heartbeat.run, heartbeat.counter))
        self.requests.heard(heartbeat)
        self.leases.heard(heartbeat)

    def read(self, vote: Event) -> None:
        """A vote of a peer stands in the state from now on; one without effect does not."""
        newest = self.context.state.column(vote.node).votes.get(vote.service, ())
        if newest and newest[0].ref == vote.ref:
            self.requests.read(vote.service, vote.node, newest[0].epoch)

    def words(self, counter: int) -> LeaseWords:
        """For the heartbeat of this counter. What it asks of others it asks of us first: we vote as well, and are bound."""
        asks, wants = self.leases.asks(counter), self.requests.words()
        for service, epoch in asks.items():
            self.ballots.asked(service, self.context.me, epoch)
        for service, epoch in wants.items():
            self.ballots.wanted(service, Wanting(self.context.me, epoch, self.context.run, counter))
        bound = self.ballots.bound()
        return LeaseWords(asks, wants, bound) if asks or wants or bound else NO_LEASE_WORDS

    def timers(self, service: str) -> frozenset[str]:
        """What the table is told about this service."""
        policy = self.context.policy.services.get(service)
        if policy is None or policy.partition != MAJORITY:
            return frozenset()
        mine, live = self.context.column.service(service), self.leases.is_live(service)
        if mine.state in UPISH:
            return frozenset({ELECTED} if live else {LEASE_OVER})
        return frozenset({ELECTED} if self.requests.elected(service) else ())

    def decided(self, service: str, decision: Decision, better: tuple[str, ...]) -> None:
        """The table has said what it waits for: votes, or anything else."""
        if decision.rule == NOT_ELECTED:
            self.requests.want(service, better)
            self.requests.bound(service, self.context.me, self.ballots.free_ms(service))
        elif self.requests.wishes and decision.rule not in CLAIMS:
            self.requests.drop(service)

    def claims(self, service: str) -> tuple[int, tuple[Ref, ...]] | None:
        """The epoch and the votes of a claim; None for a service that needs none."""
        if self.context.policy.services[service].partition != MAJORITY:
            return None
        return self.requests.wishes[service].epoch, self.requests.refs(service)

    def claimed(self, service: str, epoch: int, claim: Ref) -> None:
        """The claim is written: its lease began when its votes were asked for. The guard knows its end before anything runs."""
        at_ms = self.requests.elected(service)
        if at_ms is None:
            raise InvariantBroken(f"{service} is claimed without the votes of a majority")
        self.leases.begin(service, epoch, self.requests.voters(), at_ms, claim)
        self.requests.drop(service)
        self.guarded.renew((service,))

    def wakes_ms(self) -> list[int]:
        ends = [self.leases.until_ms(service) for service in self.leases.held if self.leases.is_live(service)]
        return [*ends, *self.requests.wakes_ms()]


CLAIMS = frozenset({"take-over-dead", "take-over-free"})
