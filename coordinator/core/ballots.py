"""The voter's side: what this node has promised, and to whom it gives its vote. The rules are those of `quorum.promise`.

    ballots.asked("db", "genesis", epoch=7)                     # a heartbeat of a holder: it binds us
    ballots.wanted("db", Wanting("genesis", 8, run, 4711))      # a heartbeat of a candidate: our vote, or a word why not yet
    ballots.bound()                                             # for our next heartbeat

Whatever was promised before our start is kept for one term again: until then there is no vote for anybody.
"""

from typing import NamedTuple

from coordinator.core.context import Context
from coordinator.core.quorum.promise import Ask, Ballot, Term
from coordinator.policy import Policy, ServicePolicy
from coordinator.state import ownership
from coordinator.state.votes import newest
from protocol.events import FencedBy, Vote

PPM_A_PERCENT = 10_000

ADDRESS_STOP_MS = 30
"""After the end of a lease no address answers: the kernel's ticket and its ticks (docs/leases.md, "The kernel's lease")."""

FIRST_VOTERS = 1
"""The number of the voters of a file; nothing changes them yet but a file."""

MAJORITY = "majority"


class Wanting(NamedTuple):
    """A candidate's wish, and the heartbeat that told of it."""

    candidate: str
    epoch: int
    run: bytes
    counter: int


def term(policy: Policy, service: ServicePolicy) -> Term:
    """How long a lease of this service lasts, and how long after its end the holder is certainly down."""
    stop_ms = ADDRESS_STOP_MS + (policy.lowering_ms(service) + policy.reset_ms if service.ended_by_guard else 0)
    return Term(service.lease_ms, stop_ms, -(-policy.timing.drift_ppm // PPM_A_PERCENT))


class Ballots:
    def __init__(self, context: Context) -> None:
        self.context = context
        self._ballots: dict[str, Ballot] = {}
        self._promised: dict[tuple[str, str], int] = {}
        """Service and node to the largest epoch under which we have promised it anything."""
        self._refused: dict[str, tuple[str, int]] = {}
        """Service to the node for whose sake we have refused a vote, and until when that is so."""
        self._began_ms = context.now_ms

    def asked(self, service: str, holder: str, epoch: int) -> None:
        """A holder, or we ourselves, asks for a promise; whoever reads our echo may count on it from now on."""
        policy = self._of(service, holder)
        if policy is None:
            return
        self._ballots[service] = self._ballot(policy).with_heartbeat(holder, epoch, self.context.now_ms, self._term(policy))
        self._remember(service, holder, epoch)

    def wanted(self, service: str, wanting: Wanting) -> bool:
        """A candidate, or we ourselves, asks for our vote. True where it was given: written, and not yet on the disk."""
        context, policy = self.context, self._of(service, wanting.candidate)
        if policy is None or not self._can_vote():
            return False
        now_ms, ask = context.now_ms, Ask(wanting.candidate, wanting.epoch, FIRST_VOTERS)
        ballot = self._without_ends(policy)
        refusal = ballot.refusal(ask, ownership.epoch(context.state, service), FIRST_VOTERS, now_ms)
        if refusal is not None:
            if refusal.wait_ms is not None:
                self._refused[service] = (_longest(ballot, ask.candidate, now_ms), now_ms + refusal.wait_ms)
            return False
        self._refused.pop(service, None)
        vote = Vote(candidate=ask.candidate, epoch=ask.epoch, voters=ask.voters, run=wanting.run, counter=wanting.counter)
        context.write(service, vote, ())
        self._ballots[service] = ballot.with_vote(ask, now_ms, self._term(policy))
        self._remember(service, ask.candidate, ask.epoch)
        return True

    def free_ms(self, service: str) -> int:
        """When our vote may be our own: what was promised to others, or forgotten at a start, is over then. 0 where it is."""
        policy = self._of(service, self.context.me)
        if policy is None:
            return 0
        ballot = self._without_ends(policy)
        others = (until_ms for node, until_ms in ballot.promises.items() if node != self.context.me)
        until_ms = max(others, default=0)
        return max(until_ms, ballot.silent_until_ms or 0)

    def bound(self) -> dict[str, tuple[str, int]]:
        """Why a candidate got no vote of ours, while that is so: to whom we are promised, and for how many ms yet.

        The end of that promise may be read behind the question: the candidate is to ask again at once."""
        now_ms, refused = self.context.now_ms, self._refused
        self._refused = {name: it for name, it in refused.items() if now_ms < it[1] and self._is_refused_for(name, it[0])}
        return {service: (node, until_ms - now_ms) for service, (node, until_ms) in self._refused.items()}

    def _is_refused_for(self, service: str, node: str) -> bool:
        """Whether we are promised to that node yet; of no node: whether we have restarted, which only time ends."""
        policy = self.context.policy.services.get(service)
        return policy is not None and (not node or node in self._without_ends(policy).promises)

    def _can_vote(self) -> bool:
        """We know our feed, and our disk takes what we write."""
        context = self.context
        return context.joined and not context.over and not context.disk_refuses and not context.writer.superseded

    def _of(self, service: str, node: str) -> ServicePolicy | None:
        """The service, where we are asked about it rightly."""
        policy = self.context.policy
        found = policy.services.get(service)
        asked = found is not None and found.partition == MAJORITY and node in found.nodes and self.context.me in policy.voters
        return found if asked else None

    def _term(self, service: ServicePolicy) -> Term:
        return term(self.context.policy, service)

    def _ballot(self, service: ServicePolicy) -> Ballot:
        """With what our feed says that we have voted for."""
        ballot = self._ballots.get(service.name)
        if ballot is None:
            ballot = Ballot.restarted(0, "", self._began_ms, self._term(service))
        last = newest(self.context.column.votes.get(service.name, ()))
        if last is not None and last.epoch > ballot.epoch:
            ballot = ballot.with_read(last.epoch, last.candidate)
        return ballot

    def _without_ends(self, service: ServicePolicy) -> Ballot:
        """Promises to a node whose `down`, or whose next start, has been read are over."""
        ballot = self._ballot(service)
        for node in ballot.promises:
            if self._is_down(service.name, node):
                ballot = ballot.with_end(node)
        return ballot

    def _is_down(self, service: str, node: str) -> bool:
        """What was promised to it was for a holding that has ended, by its own word: no operator's, who may not have looked."""
        state = self.context.state
        theirs = state.column(node).service(service)
        if theirs.epoch < self._promised.get((service, node), 0):
            return False
        word = ownership.ended(state, service, node)
        fenced = word is not None and word.ref in state.orders.of("fenced", service, node)
        off = state.orders.of("off", node).get(word.ref) if word is not None else None
        fenced = fenced or (off is not None and off.by is FencedBy.WORD)
        return not theirs.holds or (word is not None and not fenced)

    def _remember(self, service: str, node: str, epoch: int) -> None:
        self._promised[service, node] = max(epoch, self._promised.get((service, node), 0))


def _longest(ballot: Ballot, candidate: str, now_ms: int) -> str:
    """To which other node we are promised for longest; empty where a restart is what keeps us."""
    others = [(until_ms, node) for node, until_ms in ballot.promises.items() if node != candidate and now_ms < until_ms]
    silent = ballot.silent_until_ms is not None and now_ms < ballot.silent_until_ms
    return "" if silent or not others else max(others)[1]
