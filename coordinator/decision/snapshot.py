"""One question to the decide table: a node, a service, the state, and what was given besides; with the words for the rows.

case = Snapshot(state, policy, me, "web", given)
case.rivals, case.better, case.holds("genesis"), case.why_not("lukretia")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from coordinator.decision import relations
from coordinator.decision.observations import Observations
from coordinator.policy import EVIDENCE, Policy, ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import STOPPED, Judgement, NodeState, ServicePhase, ServiceState, State
from protocol.event import Ref
from protocol.moment import lasting

ALIVE, INDOUBT, DEAD = Judgement.ALIVE, Judgement.INDOUBT, Judgement.DEAD
RECOVER = ServicePhase.RECOVER

PAIR = 2

STARTING_UP = "it is starting"

BY_TIMERS = frozenset({"given", "expected", "collected_from"})
"""What a question answers by its timers, so that another one with other timers asks again."""

NO_NUMBER = -1
"""Less than each number that a script gives."""

LET_GO = "its last word says that it is down there"


T = TypeVar("T")


class once(Generic[T]):
    """functools.cached_property without its lock (Python 3.11): most of the time of a question was spent on that."""

    def __init__(self, ask: Callable[[Any], T]) -> None:
        self._ask, self._name, self.__doc__ = ask, ask.__name__, ask.__doc__

    def __get__(self, asked: Any, owner: type | None = None) -> T:
        found = asked.__dict__[self._name] = self._ask(asked)
        return found


@dataclass(frozen=True)
class Snapshot:
    """One question to the table, with the words that its rows are written in."""

    state: State
    policy: Policy
    me: str
    name: str
    given: Observations

    @once
    def service(self) -> ServicePolicy:
        return ownership.ruled(self.state, self.policy, self.name)

    @once
    def ruling(self) -> Policy:
        return ownership.ruling(self.state, self.policy)

    @once
    def leased(self) -> bool:
        """Whether it is owned under a lease, by leave of a majority of the voters or of the arbiter."""
        return self.service.leased

    @once
    def ends_with_lease(self) -> bool:
        """Whether what a node has up is down for certain when another may claim it: the kernel ends an address, and
        where anything else stays up for too long the machine is reset (docs/leases.md, "The guard's lease")."""
        return self.leased and (not self.service.ended_by_guard or self.ruling.reset_ms > 0)

    @once
    def candidate(self) -> bool:
        """Whether my own configuration lets me own it."""
        mine = self.policy.services.get(self.name)
        return mine is not None and self.me in mine.nodes

    @once
    def column(self) -> NodeState:
        return self.state.column(self.me)

    @once
    def mine(self) -> ServiceState:
        return self.column.service(self.name)

    @once
    def order(self) -> tuple[str, ...]:
        return ownership.order(self.state, self.service)

    @once
    def others(self) -> tuple[str, ...]:
        return tuple(node for node in self.order if node != self.me and node in self.given.peers)

    @once
    def move_target(self) -> str:
        """To which node an operator's move leads, while it is in force."""
        move = ownership.active_move(self.state, self.name)
        return move.target if move is not None else ""

    @once
    def by_evidence(self) -> bool:
        """Whether the largest number says who takes it: not where it is moved to me."""
        return self.service.prefer == EVIDENCE and self.mine.state is RECOVER and self.move_target != self.me

    @once
    def ranked(self) -> tuple[str, ...]:
        """The candidates as they are preferred now: the target of a move first, who has given no number behind all others, and
        equal ones in the order of the file."""
        if not self.by_evidence:
            return self.order
        numbers, target = self.given.evidence, self.move_target
        return tuple(sorted(self.order, key=lambda node: (node != target, -numbers.get(node, NO_NUMBER))))

    @once
    def better(self) -> tuple[str, ...]:
        """The candidates before me; all of them where I am no candidate."""
        rank = self.ranked.index(self.me) if self.me in self.ranked else len(self.ranked)
        return tuple(node for node in self.ranked[:rank] if node in self.given.peers)

    @once
    def outranked(self) -> tuple[str, ...]:
        """The candidates that are behind me by their number alone."""
        rank = self.order.index(self.me) if self.me in self.order else 0
        return tuple(node for node in self.order[:rank] if node in self.given.peers and node not in self.better)

    @once
    def collected_from(self) -> tuple[str, ...]:
        """The candidates whose number is waited for: those that could take it, and I."""
        waiting = [node for node in self.order if f"collecting:{node}" in self.given.timers]
        return tuple(node for node in waiting if node == self.me or (node in self.given.peers and not self.why_not(node)))

    @once
    def held_back(self) -> bool:
        return bool(ownership.held_back(self.state, self.name))

    @once
    def stopped_by(self) -> str:
        """The other candidate whose check has stopped it everywhere; empty where none has, or it was claimed since."""
        newest = ownership.epoch(self.state, self.name)
        others = (node for node in self.others if self.theirs(node).cause == STOPPED and self.theirs(node).epoch >= newest)
        return next(others, "")

    @once
    def isolated(self) -> bool:
        return all(peer.judgement is not ALIVE for peer in self.given.peers.values())

    @once
    def rivals(self) -> tuple[str, ...]:
        """Nodes that are alive, current and hold the service."""
        return tuple(
            node for node, peer in self.given.peers.items() if peer.judgement is ALIVE and peer.current and self.holds(node)
        )

    def with_timers(self, timers: frozenset[str]) -> "Snapshot":
        """The same question with these timers; answers that do not depend on timers are kept."""
        told = self.given
        given = Observations(told.peers, told.fit, told.unfit_because, told.refused, timers, told.evidence)
        full = Snapshot(self.state, self.policy, self.me, self.name, given)
        full.__dict__.update((name, found) for name, found in self.__dict__.items() if name not in BY_TIMERS)
        return full

    def holds(self, node: str) -> bool:
        """By its feed; not what an earlier run held, where a living node is known to have started anew."""
        peer = self.given.peers[node]
        over = peer.judgement is ALIVE and not peer.same_run
        return not over and ownership.holds(self.state, self.name, node)

    def theirs(self, node: str) -> ServiceState:
        return self.state.column(node).service(self.name)

    @once
    def expected(self) -> tuple[str, ...]:
        """The better candidates that will claim, now or as soon as they have started; and one whose claim is on the way, by
        other numbers than are known here."""
        better = [node for node in self.better if self.why_not(node) in ("", STARTING_UP) or self._awaited(node)]
        return (*better, *(node for node in self.outranked if self._awaited(node)))

    def _awaited(self, node: str) -> bool:
        """It lives and says that its claim is on the way: a disk that is slow takes longer than `dead`, and looks unfit. It may
        have said so since it was put into FAIL: then its recovery is on the way as well."""
        if self.judged(node) is not ALIVE or self.state.column(node).leaving or f"awaited:{node}" not in self.given.timers:
            return False
        out = self._why_kept_out(node) if f"coming:{node}" in self.given.timers else self.why_out(node)
        return not out

    @once
    def unfenced(self) -> tuple[str, ...]:
        """Dead nodes that hold it, or may hold it unknown to me, and that can be switched off: a claim waits until they are.

        A candidate that does not hold it by its feed may have claimed it a moment before it fell silent, or may hear me while
        I do not hear it. One that stopped in order, or that an operator keeps out, has not.
        """
        return tuple(node for node in self.given.peers if self.judged(node) is DEAD and self._to_fence(node))

    @once
    def may_fence(self) -> bool:
        """Whether I may switch nodes off: while I hear a majority of the voters, myself included. Else one node that is cut off
        would shoot all the others. Of two voters none can hear more than the other."""
        voters = self.policy.voters
        heard = {self.me, *(node for node, peer in self.given.peers.items() if peer.judgement is ALIVE)}
        return len(voters) <= PAIR or 2 * len(heard & voters) > len(voters)

    def _to_fence(self, node: str) -> bool:
        known = self.policy.nodes.get(node)
        if known is None or not known.fence or not self.service.fence:
            return False
        column, theirs = self.state.column(node), self.theirs(node)
        if theirs.holds:
            return ownership.holds(self.state, self.name, node)
        kept_out = theirs.cause in ("operator", "everywhere") or bool(ownership.in_standby(self.state, node))
        stopped = column.started is not None and not column.running
        return node in self.others and not kept_out and not stopped and not ownership.is_off(self.state, self.name, node)

    def judged(self, node: str) -> Judgement:
        return self.given.peers[node].judgement

    def dead_ms(self, node: str) -> int:
        """The silence after which this peer is judged dead: by the slower of its timing and ours."""
        theirs = self.state.policies.get(self.state.column(node).config)
        return self.policy.timing.at_least(theirs.timing if theirs else self.policy.timing).dead_ms

    def evidence(self, node: str) -> tuple[Ref, ...]:
        """The events about a node that a decision rests on: how it was judged, its claim, its newest change."""
        service = self.theirs(node)
        refs = [self.column.judged.get(node)] if self.judged(node) is not ALIVE else []
        refs += [service.claim if service.holds else None, service.changed]
        return tuple(dict.fromkeys(ref for ref in refs if ref))

    def why_not(self, node: str) -> str:
        """Why this candidate will not take the service now; empty where it will."""
        peer, column = self.given.peers[node], self.state.column(node)
        if peer.judgement is not ALIVE:
            judged = "in doubt" if peer.judgement is INDOUBT else str(peer.judgement)
            return f"{judged}: silent for {lasting(peer.silent_ms)}"
        if self.service.related and (kept := relations.missing(self, node)):
            return kept
        if not peer.same_run and f"passed:{node}" not in self.given.timers:
            return STARTING_UP
        if not peer.fit or column.leaving:
            return "not fit: it is leaving" if column.leaving else "not fit, by its own heartbeat"
        if ownership.forked(self.state, node):
            return "refused: its feed has forked"
        out = self.why_out(node)
        if out:
            return out
        if f"passed:{node}" in self.given.timers:
            return "it was fit and did not claim"
        return ""

    def why_out(self, node: str) -> str:
        """What keeps this service from a node, also from me, apart from the node itself."""
        service = self.theirs(node)
        if kept := self._why_kept_out(node):
            return kept
        if service.holds:
            return self._why_holding(node)
        if service.state is not RECOVER:
            return f"in {service.state}" + (f" ({service.cause})" if service.cause else "")
        return ""

    def _why_kept_out(self, node: str) -> str:
        """By an order or a lost carrier."""
        if ownership.in_standby(self.state, node):
            return "in standby, by an operator"
        lost = self.theirs(node).carrier_lost
        return f"no carrier on {', '.join(sorted(lost))}" if lost else ""

    def _why_holding(self, node: str) -> str:
        """Its feed says that it has the service; the news that this is over may have come by another way, and faster."""
        over = ownership.ended(self.state, self.name, node)
        if over:
            if over.ref in self.state.orders.of("off", node):
                return "it was switched off"
            fenced = over.ref in self.state.orders.of("fenced", self.name, node)
            return "an operator said that it is down there" if fenced else LET_GO
        if self.theirs(node).stuck:
            return "stuck in STOPPING: a down action failed"
        return "it is taking it down" if self.theirs(node).state is ServicePhase.STOPPING else "it holds it"
