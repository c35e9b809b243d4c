"""The candidate's side: for which services it asks for votes, under which epoch, and which votes it has.

    requests.want("db", better=())              # the table waits for nothing else
    requests.words()                            # what our next heartbeat asks
    requests.elected("db")                      # voter to when we sent the heartbeat that asked; None: no majority, or too old

A candidate asks only while a majority of the voters lives and is not bound, as far as it knows: votes that do not suffice
would bind their voters for nothing. What it knows is what a voter says, and what it reads: a vote for another that has not
claimed yet binds the voter for a term.
"""

from dataclasses import dataclass, field

from coordinator.core.ballots import FIRST_VOTERS, term
from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.quorum.arithmetic import Voters
from coordinator.state import ownership
from coordinator.state.model import Judgement
from coordinator.state.votes import Voted, counted, newest
from protocol.event import Ref
from protocol.messages import Heartbeat


@dataclass(slots=True)
class Wish:
    epoch: int
    better: tuple[str, ...]
    """The candidates before us: who comes later waits longer for its next try, and lets those that live ask first."""
    not_before_ms: int = 0
    """Another has votes for this epoch: we ask again, for a higher one, from then on."""
    bound_ms: dict[str, int] = field(default_factory=dict)
    """Voter to when it may give us its vote, by its own word."""
    able_ms: int | None = None
    """Since when a majority could vote for us, as far as we know."""
    told: bool = False


class VoteRequests:
    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context, self.liveness = context, liveness
        self.wishes: dict[str, Wish] = {}
        self._read: dict[tuple[str, str], tuple[int, int]] = {}
        """Service and voter to the epoch of its newest vote that was read in this run, and when."""
        self._began_ms = context.now_ms
        self.hurry = False
        """There is something to ask that need not wait for the next heartbeat."""

    def voters(self) -> Voters:
        return Voters(FIRST_VOTERS, self.context.policy.voters)

    def want(self, service: str, better: tuple[str, ...]) -> None:
        if service not in self.wishes:
            self.wishes[service] = Wish(self._next_epoch(service), better)
            self.hurry = True

    def drop(self, service: str) -> None:
        self.wishes.pop(service, None)

    def heard(self, heartbeat: Heartbeat) -> None:
        """What a voter says about its promises."""
        for service, wish in self.wishes.items():
            node, wait_ms = heartbeat.leases.bound.get(service, (self.context.me, 0))
            if node != self.context.me and wait_ms:
                wish.bound_ms[heartbeat.node] = self.context.now_ms + wait_ms
            else:
                wish.bound_ms.pop(heartbeat.node, None)

    def read(self, service: str, voter: str, epoch: int) -> None:
        """A vote of a peer has come: it may be older, by as long as it was on its way."""
        self._read[service, voter] = epoch, self.context.now_ms

    def bound(self, service: str, voter: str, until_ms: int) -> None:
        """This voter is promised to another until then: ourselves as well, whose vote we count on."""
        if until_ms > self.context.now_ms:
            self.wishes[service].bound_ms[voter] = until_ms

    def look(self) -> None:
        """Whether time has made a vote worthless, or other votes have made ours hopeless; and who may be asked again."""
        context = self.context
        for service, wish in self.wishes.items():
            for voter, until_ms in list(wish.bound_ms.items()):
                if context.now_ms >= until_ms:
                    del wish.bound_ms[voter]
                    self.hurry = True
            if 0 < wish.not_before_ms <= context.now_ms:
                wish.not_before_ms = 0
                self.hurry = True
            if not wish.told and wish.able_ms is not None and self._may_ask(service, wish):
                self.hurry = True
            if self._is_spent(service, wish):
                wish.epoch, wish.told, wish.able_ms = self._next_epoch(service), False, None
                wish.not_before_ms = context.now_ms + context.policy.timing.heartbeat_ms * (2 + len(wish.better))

    def words(self) -> dict[str, int]:
        """Service to the epoch for which our next heartbeat asks."""
        self.hurry = False
        asked = {service: wish for service, wish in self.wishes.items() if self._may_ask(service, wish)}
        for wish in asked.values():
            wish.told = True
        return {service: wish.epoch for service, wish in asked.items()}

    def wakes_ms(self) -> list[int]:
        now_ms, voters = self.context.now_ms, self.context.policy.voters
        promised = (self._promised_ms(service, voter) for service in self.wishes for voter in voters)
        return [
            *(ms for ms in promised if ms > now_ms),
            *(
                ms
                for service, wish in self.wishes.items()
                for ms in (*wish.bound_ms.values(), wish.not_before_ms, self._asks_ms(service, wish))
                if ms
            ),
        ]

    def elected(self, service: str) -> dict[str, int] | None:
        """Voter to when we asked, by the votes of a majority that still make a lease; None where there are none such."""
        wish = self.wishes.get(service)
        if wish is None:
            return None
        votes = self._votes(service, wish.epoch)
        at_ms = {node: sent_ms for node, vote in votes.items() if (sent_ms := self._sent_ms(vote)) is not None}
        newest_ms = self.voters().newest_of_majority(at_ms)
        lease_ms = self.context.policy.services[service].lease_ms
        return at_ms if newest_ms is not None and self.context.now_ms < newest_ms + lease_ms else None

    def refs(self, service: str) -> tuple[Ref, ...]:
        """The votes that a claim names as its causes."""
        wish = self.wishes.get(service)
        votes = self._votes(service, wish.epoch) if wish else {}
        return tuple(votes[node].ref for node in sorted(votes))

    def _votes(self, service: str, epoch: int) -> dict[str, Voted]:
        """Those for us under this epoch; of our own only what is on the disk."""
        context, found = self.context, dict[str, Voted]()
        for node in sorted(context.policy.voters):
            vote = counted(context.state.column(node).votes.get(service, ()), context.me, epoch)
            if vote is not None and vote.run == context.run and context.writer.has_written(vote.ref):
                found[node] = vote
        return found

    def _sent_ms(self, vote: Voted) -> int | None:
        return self.liveness.sent_ms.get(vote.counter) if vote.run == self.context.run else None

    def _promised_ms(self, service: str, voter: str) -> int:
        """Until when its newest vote binds this voter to another, as far as we have read; 0 where it does not. It says so
        itself only to whom it has refused a vote. Who has claimed by it is a holder, which asks for promises, or has let go."""
        state = self.context.state
        last = newest(state.column(voter).votes.get(service, ()))
        if last is None or last.candidate == self.context.me:
            return 0
        if state.column(last.candidate).service(service).epoch >= last.epoch:
            return 0
        epoch, read_ms = self._read.get((service, voter), (0, 0))
        policy = self.context.policy
        return (read_ms if epoch == last.epoch else self._began_ms) + term(policy, policy.services[service]).promise_ms

    def _may_ask(self, service: str, wish: Wish) -> bool:
        if self.context.now_ms < wish.not_before_ms:
            return False
        if not wish.told:  # until it is asked a voter does not say that it is bound
            wish.bound_ms = {voter: ms for voter, ms in wish.bound_ms.items() if self.context.now_ms < ms}
        able = [node for node in self.context.policy.voters if self._is_able(service, node, wish)]
        if not self.voters().has_majority(able):
            wish.able_ms = None
            return False
        wish.able_ms = self.context.now_ms if wish.able_ms is None else wish.able_ms
        return wish.told or self.context.now_ms >= wish.able_ms + self._patience_ms(service, wish)

    def _asks_ms(self, service: str, wish: Wish) -> int:
        """When we have waited long enough for the better candidates; 0 where that is not what we wait for."""
        return 0 if wish.told or wish.able_ms is None else wish.able_ms + self._patience_ms(service, wish)

    def _patience_ms(self, service: str, wish: Wish) -> int:
        """What keeps three candidates that are free in one moment from giving each its own vote to itself, again and again: a
        vote is a promise, and each such round costs a term. Nobody waits for one that says itself that it takes nothing."""
        asking = [node for node in wish.better if self._may_come(service, node)]
        return 2 * self.context.policy.timing.heartbeat_ms * len(asking)

    def _may_come(self, service: str, node: str) -> bool:
        lives = self.liveness.judgement(node, self.context.now_ms) is Judgement.ALIVE
        said = self.liveness.peers[node].newest if lives else None
        takes_it = said is not None and said.message.fit and service not in said.message.unable
        return takes_it and not self.context.state.column(node).leaving

    def _is_able(self, service: str, node: str, wish: Wish) -> bool:
        now_ms = self.context.now_ms
        if node == self.context.me:  # what binds us we know
            return now_ms >= wish.bound_ms.get(node, 0)
        lives = self.liveness.judgement(node, now_ms) is Judgement.ALIVE
        return lives and now_ms >= max(wish.bound_ms.get(node, 0), self._promised_ms(service, node))

    def _is_spent(self, service: str, wish: Wish) -> bool:
        """Under this epoch we can have no majority any more, or only votes that are too old for a lease."""
        context = self.context
        if ownership.epoch(context.state, service) >= wish.epoch:
            return True
        able = [node for node in context.policy.voters if self._is_free(service, node, wish.epoch)]
        if not self.voters().has_majority(able):
            return True
        lease_ms = term(context.policy, context.policy.services[service]).lease_ms
        sent_ms = [self._sent_ms(vote) for vote in self._votes(service, wish.epoch).values()]
        return any(sent is None or context.now_ms >= sent + lease_ms for sent in sent_ms)

    def _is_free(self, service: str, node: str, epoch: int) -> bool:
        last = newest(self.context.state.column(node).votes.get(service, ()))
        return last is None or last.epoch < epoch or (last.epoch, last.candidate) == (epoch, self.context.me)

    def _next_epoch(self, service: str) -> int:
        """Above every one that was claimed or voted for, as far as we have read."""
        state = self.context.state
        voted = [votes[0].epoch for column in state.columns.values() if (votes := column.votes.get(service, ()))]
        return max([ownership.epoch(state, service), *voted]) + 1
