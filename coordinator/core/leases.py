"""The holder's side: until when this node may own each service that it holds by leave of a majority (`quorum.lease`).

    leases.look()                               # before anything else in a moment
    leases.begin("db", epoch=8, voters=voters, at_ms=votes, claim=ref)
    leases.heard(heartbeat)                     # an echo, where it counts
    leases.until_ms("db")                       # 0 where there is none that lives

A lease that has ended is never live again: the service goes down, and only a new claim with new votes makes another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.core.ballots import term
from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.quorum.arithmetic import Voters
from coordinator.core.quorum.lease import Lease, VoterView, counts
from coordinator.core.quorum.promise import Term
from coordinator.state.model import UPISH
from coordinator.state.votes import for_another
from protocol.event import Ref
from protocol.messages import Heartbeat


@dataclass(slots=True)
class Held:
    lease: Lease
    claim: Ref
    term: Term
    """By which the votes were given: a new file changes nothing of a lease."""
    ended_by_guard: bool
    """Something of it stays up after the lease unless a process takes it down."""
    first: int | None = None
    """The counter of the first heartbeat that asked for promises: an echo of an older one promises nothing."""
    last: int = 0
    """Of the newest one that did: since we have begun to give it up we ask no more, and an echo promises nothing."""


class Leases:
    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context, self.liveness = context, liveness
        self.held: dict[str, Held] = {}

    def look(self) -> frozenset[str]:
        """A lease whose time is over ends now, whatever is heard later in this moment. Returns the services of which it did."""
        lived = {service for service, held in self.held.items() if not held.lease.over}
        for held in self.held.values():
            held.lease = held.lease.seen_at(self.context.now_ms, held.term)
        return frozenset(service for service in lived if self.held[service].lease.over)

    def begin(self, service: str, epoch: int, voters: Voters, at_ms: Mapping[str, int], claim: Ref) -> None:
        """By the votes of a majority; `at_ms`: when we sent the heartbeat that asked each voter."""
        policy = self.context.policy
        lease = Lease.asked(self.context.me, epoch, voters, at_ms)
        known = policy.services[service]
        self.held[service] = Held(lease, claim, term(policy, known), known.ended_by_guard)

    def is_live(self, service: str) -> bool:
        held = self.held.get(service)
        return held is not None and held.lease.is_live(self.context.now_ms, held.term)

    def until_ms(self, service: str) -> int:
        """When it ends, by our own clock; 0 where none lives."""
        held = self.held.get(service)
        return held.lease.until_ms(held.term) if held is not None and self.is_live(service) else 0

    def standing(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Of each that lives when it ends, by our own clock, and the voters that are bound to us until then or longer."""
        found = dict[str, tuple[int, tuple[str, ...]]]()
        for service, held in self.held.items():
            if until_ms := self.until_ms(service):
                bound = (name for name, sent_ms in held.lease.sent_ms.items() if sent_ms + held.term.lease_ms >= until_ms)
                found[service] = until_ms, tuple(sorted(bound))
        return found

    def asks(self, counter: int) -> dict[str, int]:
        """Service to epoch, for the heartbeat of this counter: what we hold and mean to keep. It counts as our own echo."""
        context, found = self.context, dict[str, int]()
        for service, held in self.held.items():
            mine = context.column.service(service)
            if mine.state not in UPISH or mine.began != held.claim or not self.is_live(service):
                continue
            held.first, held.last = counter if held.first is None else held.first, counter
            held.lease = held.lease.with_echo(context.me, context.now_ms, context.now_ms, held.term)
            found[service] = held.lease.epoch
        return found

    def heard(self, heartbeat: Heartbeat) -> None:
        """What a voter has heard of us, by its own word."""
        context = self.context
        echo = heartbeat.heard.get(context.me)
        if echo is None or echo.run != context.run or heartbeat.config != context.policy.digest[:8]:
            return
        sent_ms = self.liveness.sent_ms.get(echo.counter)
        for service, held in self.held.items():
            if sent_ms is None or held.first is None or not held.first <= echo.counter <= held.last:
                continue
            view = self._view(service, heartbeat, held.claim)
            if view is not None and counts(view, held.lease.epoch, held.lease.voters.number):
                held.lease = held.lease.with_echo(heartbeat.node, sent_ms, context.now_ms, held.term)

    def _view(self, service: str, heartbeat: Heartbeat, claim: Ref) -> VoterView | None:
        """None where we have not read the feed that it votes in."""
        column, theirs = self.context.state.column(heartbeat.node), heartbeat.heads.get(heartbeat.node)
        if column.head is None or theirs is None or column.head.incarnation != theirs.incarnation:
            return None
        ours = heartbeat.heads.get(self.context.me)
        knows = ours is not None and (ours.incarnation, ours.number) >= claim[1:]
        votes = column.votes.get(service, ())
        newest_voters = max((vote.voters for vote in votes), default=0)
        return VoterView(heartbeat.vote, column.vote, for_another(votes, self.context.me), newest_voters, knows)
