"""What a node does about services that are owned by leave of an arbiter: it asks, it keeps its leases, it gives them back.

    arbitrated.look()                           # first in every moment: a lease that has ended never lives again
    arbitrated.answered(ArbiterSaid(question, answer))
    arbitrated.timers("db")                     # for the decide table: "elected", "lease-over"
    arbitrated.unfit_because("db")              # it does not see the arbiter, or not for long enough
    arbitrated.ask()                            # last in every moment

The rules are those of `quorum.arbitration`; this part brings them what the node wants and does, and its clock.
"""

from typing import NamedTuple

from coordinator.core.ballots import term
from coordinator.core.context import Context, News
from coordinator.core.effects import AskArbiter
from coordinator.core.inputs import ArbiterSaid
from coordinator.core.majority import CLAIMS, ELECTED, LEASE_OVER
from coordinator.core.quorum.arbitration import Arbitration, Grant
from coordinator.core.quorum.promise import Term
from coordinator.decision.decide import NOT_ELECTED, Decision
from coordinator.policy import ARBITER, Policy
from coordinator.state import ownership
from coordinator.state.model import UPISH
from protocol.events import ByArbiter
from protocol.invariant import InvariantBroken
from protocol.moment import lasting

SOON_BEATS = 2
"""Heartbeats: what the others have heard of us last is at most so old."""

WAITS = "it waits for a lease of the arbiter"


class Known(NamedTuple):
    """What the table was told last of one service."""

    elected: bool
    unfit_because: str


class Arbitrated:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.asked = Arbitration(context.me, context.run, context.policy.timing.heartbeat_ms)
        self._terms: dict[str, Term] = {}
        self._terms_of: Policy | None = None
        self._told: dict[str, Known] = {}

    def rules(self, service: str) -> bool:
        """Whether an arbiter says who owns it, by the file that runs here."""
        found = self.context.policy.services.get(service)
        return found is not None and found.partition == ARBITER

    def look(self) -> frozenset[str]:
        """The services about which the table is to be asked at once: their leases have ended in this moment, or time has made
        this node able to take them, or unable."""
        self._follow()
        ended = self.asked.look(self.context.now_ms)
        return ended | self._changed()

    def answered(self, given: ArbiterSaid) -> News:
        self.asked.said(given.question, given.answer, self.context.now_ms)
        return News(self.asked.look(self.context.now_ms) | self._changed())

    def ask(self) -> None:
        """What follows from what was decided in this moment, and the questions that are due."""
        context = self.context
        for service, case in self.asked.cases.items():
            mine = context.column.service(service)
            if case.claimed and not mine.holds:
                self.asked.down(service)  # also where the disk has refused the claim: nothing of it has run
            elif case.claimed and mine.state not in UPISH:
                self.asked.leaves(service)
        for question in self.asked.questions(context.now_ms):
            context.emit(AskArbiter(question))

    # --- for the decide table ----------------------------------------------------------------------------------------

    def timers(self, service: str) -> frozenset[str]:
        if not self.rules(service):
            return frozenset()
        live = bool(self.asked.until_ms(service, self.context.now_ms))
        if self.context.column.service(service).state in UPISH:
            return frozenset({ELECTED} if live else {LEASE_OVER})
        return frozenset({ELECTED} if self._grant(service) else ())

    def unfit_because(self, service: str) -> str:
        """Why this node takes nothing that the arbiter gives; empty where it may. A lease that lives is enough."""
        asked, now_ms = self.asked, self.context.now_ms
        case = asked.cases.get(service)
        if case is None or (case.grant is not None and now_ms < case.grant.until_ms) or asked.may_take(service, now_ms):
            return ""
        if unseen := self.unseen(now_ms):
            return unseen
        why = "whatever that may have forgotten must be over first"
        return f"it has seen the arbiter without a gap for less than {lasting(case.term.promise_ms)}, and {why}"

    def unseen(self, now_ms: int) -> str:
        """That it has not answered of late, and what came instead; empty where it has, or where nothing here needs it."""
        if not self.asked.cases or self.asked.sees(now_ms):
            return ""
        return "it does not see the arbiter" + (f": {self.asked.refusal.text}" if self.asked.refusal is not None else "")

    def unable(self) -> tuple[str, ...]:
        """For the heartbeat: what this node cannot take now, whatever else it is fit for. Not what it can take in a moment: two
        nodes that may at one time would each see the other unable, and the second would be first."""
        soon_ms = self.context.now_ms + SOON_BEATS * self.context.policy.timing.heartbeat_ms
        cases = [service for service in self.asked.cases if self.rules(service) and self.unfit_because(service)]
        return tuple(sorted(service for service in cases if not self.asked.may_take_at(service, self.context.now_ms, soon_ms)))

    def decided(self, service: str, decision: Decision) -> str:
        """The table has said what it waits for: a lease, or anything else. Returns for whom a lease is waited for, in words."""
        if service not in self.asked.cases:
            return ""
        if decision.rule == NOT_ELECTED:
            self.asked.want(service, ownership.epoch(self.context.state, service))
            return self._why(service)
        if decision.rule not in CLAIMS:
            self.asked.unwant(service)
        return ""

    def _why(self, service: str) -> str:
        seen = self.asked.cases[service].seen
        if seen is None or seen.holder is None:
            return WAITS
        held = seen.holder
        return f"it waits for the arbiter, which keeps it for {held.node} (epoch {held.epoch}) until its lease is over"

    # --- claims and leases -------------------------------------------------------------------------------------------

    def lacks(self, service: str) -> str:
        """Why it may not be claimed, whatever the table says: by a newer file of others, another rule may hold there."""
        return WAITS if self.rules(service) and self._grant(service) is None else ""

    def claims(self, service: str) -> tuple[int, ByArbiter]:
        """The epoch of a claim, and what it says of the lease by which it is made."""
        grant = self._grant(service)
        if grant is None:
            raise InvariantBroken(f"{service} is claimed without a lease of the arbiter")
        cluster, lease = grant.sight.cluster.to_bytes(8, "big"), grant.lease.to_bytes(8, "big")
        return grant.epoch, ByArbiter(cluster=cluster, revision=grant.sight.revision, lease=lease)

    def claimed(self, service: str) -> None:
        """The claim is written: its lease began when it was asked for."""
        self.asked.claimed(service)

    def until_ms(self, service: str) -> int:
        """When the lease ends by our own clock; 0 where none lives."""
        return self.asked.until_ms(service, self.context.now_ms)

    def standing(self) -> dict[str, int]:
        """Of each lease that lives when it ends, by our own clock."""
        return {service: until_ms for service in self.asked.cases if (until_ms := self.until_ms(service))}

    def wakes_ms(self) -> list[int]:
        return [*self.asked.wakes_ms(), *self.asked.sight_wakes_ms()] if self.asked.cases else []

    # --- inside ------------------------------------------------------------------------------------------------------

    def _grant(self, service: str) -> Grant | None:
        context = self.context
        return self.asked.elected(service, ownership.epoch(context.state, service), context.now_ms)

    def _follow(self) -> None:
        """The services that this node may own under the arbiter. What is held goes on by the term under which it was taken."""
        policy = self.context.policy
        if self._terms_of is not policy:
            mine = (service for service in policy.owned_by(self.context.me) if service.partition == ARBITER)
            self._terms, self._terms_of = {service.name: term(policy, service) for service in mine}, policy
            self.asked.follow(self._terms)
        elif self.asked.cases.keys() != self._terms.keys():
            self.asked.follow(self._terms)

    def _changed(self) -> frozenset[str]:
        told = {name: Known(self._grant(name) is not None, self.unfit_because(name)) for name in self.asked.cases}
        changed = frozenset(name for name, known in told.items() if self._told.get(name) != known)
        self._told = told
        return changed
