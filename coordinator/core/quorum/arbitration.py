"""What one node asks an arbiter, when, and what it may conclude: no input, no output, no clock of its own.

    asked = Arbitration("genesis", run, heartbeat_ms=100)
    asked.want("db", term, known=7)                 # nothing else is waited for
    for question in asked.questions(now_ms): ...    # to be asked; each is answered by `said`, at any time or never
    asked.said(question, answer, now_ms)
    asked.elected("db", known=7, now_ms=now_ms)     # a Grant: the service may be claimed under its epoch
    asked.claimed("db"); asked.until_ms("db", now_ms); asked.down("db")

A node owns a service until the end of its lease, which it counts from when it *asked* for what was answered. An arbiter that
does not answer ends no lease before that, and lets nobody claim. A lease that has ended is never live again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from coordinator.core.quorum.arbiter import (
    WENT_BACK,
    Dropped,
    Kept,
    Refusal,
    Refused,
    Said,
    Seen,
    Sight,
    Taken,
    hold_ms,
    next_epoch,
)
from coordinator.core.quorum.promise import Term

TRIES = 8
"""How often a lease is kept alive, and a free service looked for, while one lease lasts: some answers may be lost."""

SILENCE = 2
"""Half a lease without an answer: an arbiter that answers again after that may be an older one."""


class Look(NamedTuple):
    known: Sight | None


class Take(NamedTuple):
    epoch: int
    seen: Seen
    seconds: int


class Keep(NamedTuple):
    epoch: int
    lease: int
    seconds: int
    known: Sight


class Drop(NamedTuple):
    lease: int
    known: Sight


@dataclass(frozen=True, slots=True)
class Question:
    service: str
    what: Look | Take | Keep | Drop
    asked_ms: int
    patience_ms: int
    """After this no answer is of use any more, and the next question is asked."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What stands between us and all others, until it is over."""

    lease: int
    epoch: int
    sight: Sight
    until_ms: int
    """By our own clock."""


@dataclass(slots=True)
class Case:
    """One service."""

    term: Term
    wanted: bool = False
    known: int = 0
    """The largest epoch that any feed here names."""
    seen: Seen | None = None
    grant: Grant | None = None
    claimed: bool = False
    leaves: bool = False
    """What was claimed is going down: its lease is not kept alive any more."""
    asked: Question | None = None
    next_ms: int = 0
    leftover: dict[int, int] = field(default_factory=dict)
    """Leases of ours by which nothing is up, each to when it ends by itself."""

    @property
    def is_free(self) -> bool:
        """Nobody held it when it was looked at last."""
        return self.seen is not None and self.seen.holder is None

    def leave(self) -> None:
        """Nothing is up by what was granted, and nothing will be. It is given back at once: whatever was being asked about it
        is of no use any more."""
        if self.grant is not None:
            self.asked = None
            self.leftover[self.grant.lease] = self.grant.until_ms
            self.grant, self.claimed, self.leaves, self.next_ms = None, False, False, 0


class Arbitration:
    def __init__(self, me: str, run: bytes, heartbeat_ms: int) -> None:
        self.me, self.run, self.heartbeat_ms = me, run, heartbeat_ms
        self.cases: dict[str, Case] = {}
        self.sight: Sight | None = None
        self.since_ms = 0
        """Since when it answers without a gap: from its first answer, the first after a silence, or from when it went back.
        What it has forgotten before that may be up for a term yet."""
        self.seen_ms: int | None = None
        """When the newest answer was asked for."""
        self.refusal: Refused | None = None

    # --- what the node wants and does --------------------------------------------------------------------------------

    def follow(self, terms: Mapping[str, Term]) -> None:
        """The services that this node may own under the arbiter, each with its term. What is held by an older one goes on."""
        for service, term in terms.items():
            case = self.cases.setdefault(service, Case(term))
            if case.grant is None:
                case.term = term
        for service in self.cases.keys() - terms.keys():
            if self.cases[service].grant is None:
                del self.cases[service]

    def want(self, service: str, known: int) -> None:
        case = self.cases[service]
        if not case.wanted:
            case.next_ms = 0  # asked for at once
        case.wanted, case.known = True, max(case.known, known)

    def unwant(self, service: str) -> None:
        """The table waits for something else now: what was granted and is not claimed is given back."""
        if case := self.cases.get(service):
            case.wanted = False
            if case.grant is not None and not case.claimed:
                case.leave()

    def claimed(self, service: str) -> None:
        case = self.cases[service]
        case.claimed, case.wanted = True, False

    def leaves(self, service: str) -> None:
        """It is being taken down. Where that hangs, its lease ends as any other: who says that the node is off is not kept
        waiting by it."""
        case = self.cases[service]
        case.leaves = case.grant is not None

    def down(self, service: str) -> None:
        """Nothing of it is up any more: its lease is given back, so that the next node need not wait for its end."""
        case = self.cases.get(service)
        if case is not None and case.grant is not None:
            case.leave()

    # --- what may be concluded ---------------------------------------------------------------------------------------

    def look(self, now_ms: int) -> frozenset[str]:
        """First in every moment: the services whose lease ends now, whatever is heard later in this moment."""
        ended = {name for name, case in self.cases.items() if case.grant is not None and now_ms >= case.grant.until_ms}
        for name in ended:
            self.cases[name].leave()
        return frozenset(ended)

    def elected(self, service: str, known: int, now_ms: int) -> Grant | None:
        """By which the service may be claimed; None where there is none, or where its epoch was given meanwhile."""
        case = self.cases.get(service)
        grant = case.grant if case is not None and not case.claimed else None
        return grant if grant is not None and grant.epoch > known and now_ms < grant.until_ms else None

    def until_ms(self, service: str, now_ms: int) -> int:
        """Until when what is claimed may be up; 0 where no lease lives."""
        case = self.cases.get(service)
        grant = case.grant if case is not None and case.claimed else None
        return grant.until_ms if grant is not None and now_ms < grant.until_ms else 0

    def may_take(self, service: str, now_ms: int) -> bool:
        """Whether every lease is over that this arbiter may have forgotten."""
        return self.may_take_at(service, now_ms, now_ms)

    def may_take_at(self, service: str, now_ms: int, at_ms: int) -> bool:
        """The same of a moment that is still to come, where the arbiter goes on answering."""
        seen = self.sight is not None and self.sees(now_ms)
        return seen and at_ms >= self.since_ms + self.cases[service].term.promise_ms

    def sees(self, now_ms: int) -> bool:
        """Whether it has answered of late: a silence that lasts longer hides what it may have forgotten."""
        return self.seen_ms is not None and now_ms - self.seen_ms <= self.silence_ms

    # --- what is asked -----------------------------------------------------------------------------------------------

    def questions(self, now_ms: int) -> list[Question]:
        """At most one for each service is on its way."""
        found = []
        for service, case in sorted(self.cases.items()):
            if case.asked is not None and now_ms >= case.asked.asked_ms + case.asked.patience_ms:
                case.asked = None  # its answer is one of an earlier question, if it comes
            if case.asked is None and now_ms >= case.next_ms:
                case.asked = Question(service, self._what(service, case, now_ms), now_ms, self._patience_ms(case))
                found.append(case.asked)
        return found

    def _what(self, service: str, case: Case, now_ms: int) -> Look | Take | Keep | Drop:
        case.leftover = {lease: until_ms for lease, until_ms in case.leftover.items() if now_ms < until_ms}
        if self.sight is not None and case.grant is not None and not case.leaves:
            return Keep(case.grant.epoch, case.grant.lease, case.term.lease_ms // 1000, self.sight)
        if self.sight is not None and case.leftover:
            return Drop(min(case.leftover), self.sight)
        if case.wanted and case.is_free and case.seen is not None and self.may_take(service, now_ms):
            return Take(next_epoch(case.seen, case.known), case.seen, case.term.lease_ms // 1000)
        return Look(self.sight)

    def _patience_ms(self, case: Case) -> int:
        """Three of them fit into a lease, with time for the way."""
        return case.term.lease_ms // 4

    def _every_ms(self, case: Case) -> int:
        return max(self.heartbeat_ms, case.term.lease_ms // TRIES)

    # --- what is answered --------------------------------------------------------------------------------------------

    def said(self, question: Question, answer: Said, now_ms: int) -> None:
        """An answer that comes late counts for what it says, and not for more: its lease began when it was asked for."""
        case = self.cases.get(question.service)
        if case is None:
            return
        in_time = case.asked is question
        if in_time:
            case.asked, case.next_ms = None, now_ms + self._every_ms(case)
        if isinstance(answer, Refused):
            self._refused(case, question, answer, now_ms)
            return
        self.refusal = None
        self._saw(answer.sight, question.asked_ms, now_ms)
        match answer:
            case Seen():
                self._seen(question.service, case, answer, now_ms)
            case Taken():
                self._taken(case, question, answer, now_ms, in_time)
            case Kept():
                self._kept(case, question, now_ms)
            case Dropped():
                if isinstance(question.what, Drop):
                    case.leftover.pop(question.what.lease, None)
                    case.next_ms = now_ms

    def _saw(self, sight: Sight, asked_ms: int, now_ms: int) -> None:
        """Whether it lies before what was known when it was asked for, the asker has looked at.

        That is not enough: a lease that was given after our last answer, and before the arbiter was restored to where it was at
        that answer, shows in no revision. But no restoring goes without a silence.
        """
        if self.sight is None or self.sight.cluster != sight.cluster:
            self.sight, self.since_ms = sight, now_ms
        else:
            self.sight = Sight(sight.cluster, max(sight.revision, self.sight.revision))
        if self.seen_ms is None or now_ms - self.seen_ms > self.silence_ms:
            self.since_ms = now_ms
        self.seen_ms = max(asked_ms, self.seen_ms or 0)

    @property
    def silence_ms(self) -> int:
        """So long an arbiter is silent at least while it is restored: all of its members are stopped, and then elect."""
        return min(case.term.lease_ms for case in self.cases.values()) // SILENCE

    def _refused(self, case: Case, question: Question, answer: Refused, now_ms: int) -> None:
        self.refusal = answer
        if answer.name in WENT_BACK and answer.sight is not None:
            self.sight, self.since_ms = answer.sight, now_ms
            for other in self.cases.values():
                other.seen = None
        grant, what = case.grant, question.what
        lost = answer.name is Refusal.LEASE_LOST and isinstance(what, Keep) and grant is not None and what.lease == grant.lease
        if lost and grant is not None:
            case.grant = Grant(grant.lease, grant.epoch, grant.sight, min(grant.until_ms, now_ms))  # `look` ends it

    def _seen(self, service: str, case: Case, seen: Seen, now_ms: int) -> None:
        case.seen = seen
        holder = seen.holder
        ours = holder is not None and (holder.node, holder.run) == (self.me, self.run)
        if ours and holder is not None and (case.grant is None or case.grant.lease != holder.lease):
            case.leftover[holder.lease] = now_ms + case.term.lease_ms  # its answer was lost: nothing is up by it
            case.next_ms = now_ms
        elif holder is None and case.wanted and self.may_take(service, now_ms):
            case.next_ms = now_ms

    def _taken(self, case: Case, question: Question, taken: Taken, now_ms: int, in_time: bool) -> None:
        """One that comes late may have been seen to be ours meanwhile, and be on its way back."""
        grant = Grant(taken.lease, taken.epoch, taken.sight, question.asked_ms + hold_ms(case.term))
        sure = in_time and grant.lease not in case.leftover and self.may_take(question.service, now_ms)
        if case.grant is None and case.wanted and sure and grant.epoch > case.known and now_ms < grant.until_ms:
            case.grant, case.claimed = grant, False
        else:
            case.leftover[grant.lease] = grant.until_ms
            case.next_ms = now_ms

    def _kept(self, case: Case, question: Question, now_ms: int) -> None:
        grant, what = case.grant, question.what
        if grant is not None and isinstance(what, Keep) and what.lease == grant.lease and now_ms < grant.until_ms:
            until_ms = max(grant.until_ms, question.asked_ms + hold_ms(case.term))
            case.grant = Grant(grant.lease, grant.epoch, grant.sight, until_ms)

    def wakes_ms(self) -> list[int]:
        """When something is to be asked, or ends."""
        found = []
        for case in self.cases.values():
            found.append(case.asked.asked_ms + case.asked.patience_ms if case.asked is not None else case.next_ms)
            found += [case.grant.until_ms] if case.grant is not None else []
        return found

    def sight_wakes_ms(self) -> list[int]:
        """When what is concluded of the arbiter as such changes by time alone."""
        if self.seen_ms is None:
            return []
        return [self.seen_ms + self.silence_ms + 1, *(self.since_ms + case.term.promise_ms for case in self.cases.values())]
