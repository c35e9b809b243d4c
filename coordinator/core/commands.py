"""What an operator's command must name: the feeds that act, and the epochs and orders that it is about.

A command takes effect only by an event in one of these feeds. `Commands.resolve` answers, before it is signed, which they are;
`admission` judges again when it comes, for all may have changed meanwhile. Every refusal has words.

| word         | who acts                                                              |
|--------------|-----------------------------------------------------------------------|
| fail         | the named node, else the holder; the node that is asked, where the    |
|              | named one is dead or stuck: a signed word that it is down there       |
| recover      | the named node, else every candidate in FAIL                          |
| move         | the holder; the target, where no node holds it                        |
| reclaim      | the holder                                                            |
| hold, unhold, standby, unstandby, readmit, fail everywhere, fence, is-off: the node  |
| that is asked                                                                        |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fitness import Fitness
from coordinator.core.rounds import Rounds
from coordinator.core.startup import Startup
from coordinator.decision.snapshot import Snapshot
from coordinator.state import ownership
from coordinator.state.configurations import number_now
from coordinator.state.model import Judgement, ServicePhase, ServiceState
from coordinator.state.standing import ENDED_BY
from protocol.commands import ENDS_MAX, WORDS_OF_NODES, WORDS_OF_POWER, Act
from protocol.event import Ref

EXACT = frozenset({"fail", "move", "reclaim"})
"""Words that are good for one epoch of the service alone."""


class Refusal(NamedTuple):
    text: str
    authority: bool = True


class Already(NamedTuple):
    """What was ordered is so already: no node has to act, and nothing is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator is about to order."""

    word: str
    service: str
    node: str = ""
    digest: bytes = b""
    """`apply`: the digest of the file."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a command must name beside what its operator wants; as this node knows it now."""

    acts: tuple[Act, ...]
    service_epoch: int = 0
    epoch: int = 0
    run: bytes = b""
    ends: tuple[Ref, ...] = ()


Targets = tuple[str, ...] | Refusal | Already


class Commands:
    """What to sign, and whether it could be obeyed; nothing is changed here."""

    def __init__(self, context: Context, liveness: FailureDetector, startup: Startup, fitness: Fitness, rounds: Rounds) -> None:
        self.context, self.liveness = context, liveness
        self.startup, self.fitness, self.rounds = startup, fitness, rounds

    def resolve(self, wanted: Wanted) -> Resolved | Refusal | Already:
        """What to sign. Whether the operator may order it is judged when the command comes."""
        context = self.context
        if wanted.word == "apply":
            number = number_now(context.state, wanted.digest)
            return self.ready() or Resolved((Act(context.me, context.writer.incarnation),), epoch=number)
        refused = self.ready() or self.known(wanted)
        found = refused or TARGETS[wanted.word](self, wanted)
        if isinstance(found, Refusal | Already):
            return found
        acts = [Act(node, self._incarnation(node)) for node in found]
        unread = [act.node for act in acts if not act.incarnation]
        if unread:
            return Refusal(f"nothing of {unread[0]}'s log is here yet: ask again in a moment")
        if wanted.word in WORDS_OF_POWER:
            return Resolved(tuple(acts), run=context.state.column(wanted.node).run)
        about = context.state.column(wanted.node).service(wanted.service)
        known = ownership.epoch(context.state, wanted.service)
        if self._says_an_end(wanted):
            return Resolved(tuple(acts), known, about.epoch if about.run else 0, about.run)
        epoch = self.move_epoch(wanted) if wanted.word == "move" else known
        return Resolved(tuple(acts), known, epoch if wanted.word in EXACT else 0, ends=self._ends(wanted))

    def _incarnation(self, node: str) -> int:
        context = self.context
        if node == context.me:
            return context.writer.incarnation
        head = context.feeds.newest.get(node)
        return head.incarnation if head else 0

    def _says_an_end(self, wanted: Wanted) -> bool:
        return wanted.word == "fail" and self._fences(wanted)

    def move_epoch(self, wanted: Wanted) -> int:
        """Older than the holding that it asks for, also where that has begun: with the end of the holding the move is over."""
        context = self.context
        theirs = context.state.column(wanted.node).service(wanted.service)
        stays = theirs.holds and self.owner(wanted.service) == wanted.node
        return theirs.epoch - 1 if stays else ownership.epoch(context.state, wanted.service)

    def _ends(self, wanted: Wanted) -> tuple[Ref, ...]:
        """The orders that are known here; of very many those that stand longest, and the rest takes another command."""
        context = self.context
        if wanted.word == "readmit":
            return tuple(sorted(ownership.forks(context.state, wanted.node))[:ENDS_MAX])
        begun = next((word for word, ends in ENDED_BY.items() if ends == wanted.word), None)
        if begun is None or (wanted.word == "recover" and wanted.node):
            return ()
        return tuple(sorted(context.state.orders.standing(begun, wanted.service or wanted.node))[:ENDS_MAX])

    def ready(self) -> Refusal | None:
        if not self.context.joined:
            return Refusal("this node is still reading its own feed: ask again in a moment")
        return Refusal("this node is being stopped: ask another one") if self.startup.stopping else None

    def known(self, wanted: Wanted) -> Refusal | None:
        context = self.context
        if wanted.word not in TARGETS:
            return Refusal(f"{wanted.word} is for the node that is asked, over its own control socket")
        if wanted.word in WORDS_OF_NODES:
            known = wanted.node in context.policy.nodes
            return None if known else Refusal(f"no node {wanted.node}: there are {', '.join(context.policy.nodes)}")
        if wanted.service not in context.policy.services:
            return Refusal(f"no service {wanted.service}: there are {', '.join(context.policy.services)}")
        if wanted.node and wanted.node not in context.policy.nodes:
            return Refusal(f"no node {wanted.node}: there are {', '.join(context.policy.nodes)}")
        nodes = context.policy.services[wanted.service].nodes
        if wanted.node not in nodes and (wanted.node or wanted.word == "move"):
            return Refusal(f"{wanted.node or 'no node by name'} is no candidate of {wanted.service}: {', '.join(nodes)}")
        return None

    def lives(self, node: str) -> bool:
        """Not one that the configuration no longer names: no peer hears it."""
        context = self.context
        known = node in self.liveness.peers
        return node == context.me or (known and self.liveness.judgement(node, context.now_ms) is not Judgement.DEAD)

    def owner(self, service: str) -> str | None:
        """The holder that can act: a dead one holds by its feed for as long as it stays away."""
        context = self.context
        policy = ownership.ruled(context.state, context.policy, service)
        living = [node for node in ownership.holders(context.state, service) if self.lives(node)]
        return ownership.winner(context.state, policy, living)

    def _holder(self, wanted: Wanted) -> Targets:
        owner = self.owner(wanted.service)
        if owner:
            return (owner,)
        dead = ownership.holders(self.context.state, wanted.service)
        more = f"; {dead[0]} did, and is dead: name it, if it is certainly down there" if dead else ""
        return Refusal(f"no node holds {wanted.service}{more}")

    def _fail(self, wanted: Wanted) -> Targets:
        if not wanted.node:
            return self._holder(wanted)
        return (self.context.me,) if self._fences(wanted) else (wanted.node,)

    def _fences(self, wanted: Wanted) -> bool:
        """The named node cannot act itself: dead, or stuck with a down action that does not end."""
        context = self.context
        if wanted.node in ("", context.me):
            return False
        stuck = context.state.column(wanted.node).service(wanted.service).stuck
        return stuck or not self.lives(wanted.node)

    def _recover(self, wanted: Wanted) -> Targets:
        context = self.context
        everywhere = ownership.failed_everywhere(context.state, wanted.service)
        if everywhere and wanted.node:
            return Refusal(f"{wanted.service} is failed everywhere: `recover {wanted.service}` without a node ends that")
        nodes = (wanted.node,) if wanted.node else context.policy.services[wanted.service].nodes
        failed = tuple(node for node in nodes if _to_recover(context.state.column(node).service(wanted.service)))
        living = tuple(node for node in failed if self.lives(node))
        if living or everywhere:
            return living or (context.me,)
        if failed:
            return Refusal(f"{failed[0]} is dead: give the command again when it is back")
        return self._nothing_to_recover(wanted.service, nodes)

    def _nothing_to_recover(self, service: str, nodes: tuple[str, ...]) -> Refusal | Already:
        """The state of a dead node is not known, and what is still going down may yet end in FAIL."""
        states = {node: self.context.state.column(node).service(service).state for node in nodes if self.lives(node)}
        if not states:
            return Refusal(f"{nodes[0]} is dead: give the command again when it is back")
        going = [node for node, state in states.items() if state is ServicePhase.STOPPING]
        if going:
            return Refusal(f"{service} is STOPPING on {going[0]}: give the command again when that is over")
        where = ", ".join(f"{state} on {node}" for node, state in states.items())
        return Already(f"{service} is {where} already: nothing to recover")

    def _move(self, wanted: Wanted) -> Targets:
        owner = self.owner(wanted.service)
        if ownership.held_back(self.context.state, wanted.service):
            return Refusal(f"{wanted.service} is on hold: unhold it first")
        if owner == wanted.node:
            return (owner,)  # no change of hands, and yet an order: it stays there
        return self.unfit_target(wanted) or (owner or wanted.node,)

    def question(self, service: str) -> Snapshot:
        """What the table would be asked about it now."""
        return self.rounds.now(service)

    def unfit_target(self, wanted: Wanted) -> Refusal | None:
        """Asked before it is signed as well: an answer now beats a wait for what cannot come."""
        context = self.context
        if wanted.node == context.me and not self.fitness.fit:
            return Refusal(f"{context.me} is not fit: {self.fitness.unfit_because}")
        newest = self.liveness.peers[wanted.node].newest if wanted.node != context.me else None
        if newest is not None and wanted.service in newest.message.unable and self.lives(wanted.node):
            why = "its gate refuses, or it does not see the arbiter: `failc status` there says which"
            return Refusal(f"{wanted.node} cannot take {wanted.service} now, by its own heartbeat: {why}")
        case = self.question(wanted.service)
        if wanted.node == context.me and not case.given.fit:
            return Refusal(f"{context.me} cannot take {wanted.service} now: {case.given.unfit_because}")
        return cannot_take(wanted, case.why_out(context.me) if wanted.node == context.me else case.why_not(wanted.node))

    def _unstandby(self, wanted: Wanted) -> Targets:
        stands = ownership.in_standby(self.context.state, wanted.node)
        return (self.context.me,) if stands else Already(f"{wanted.node} is not in standby")

    def _readmit(self, wanted: Wanted) -> Targets:
        forks = ownership.forks(self.context.state, wanted.node)
        return (self.context.me,) if forks else Already(f"no fork of {wanted.node} keeps it out")

    def _fence(self, wanted: Wanted) -> Targets:
        """Only another node can: its devices switch off the machine that this runs on, or they are not known here."""
        context = self.context
        if not context.policy.nodes[wanted.node].fence:
            advice = f"where it is certainly off, say: failc fence {wanted.node} --confirmed --reason TEXT"
            return Refusal(f"the configuration has no [[nodes.{wanted.node}.fence]]: {advice}")
        return self._is_off(wanted)

    def _is_off(self, wanted: Wanted) -> Targets:
        context = self.context
        if wanted.node == context.me:
            return Refusal(f"{context.me} does not fence itself: ask another node")
        if wanted.word == "is-off" and self.lives(wanted.node):
            return Refusal(f"{wanted.node} lives: it cannot be off")
        return (context.me,)

    def _here(self, wanted: Wanted) -> Targets:
        return (self.context.me,)


def _to_recover(service: ServiceState) -> bool:
    """In FAIL, or back from one by itself: then an operator's word gives it its place in the order back."""
    return service.state is ServicePhase.FAIL or (service.last_failed and not service.holds)


def cannot_take(wanted: Wanted, why: str) -> Refusal | None:
    return Refusal(f"{wanted.node} cannot take {wanted.service} now: {why}") if why else None


TARGETS: Mapping[str, Callable[[Commands, Wanted], Targets]] = {
    "fail": Commands._fail,
    "recover": Commands._recover,
    "move": Commands._move,
    "reclaim": Commands._holder,
    "hold": Commands._here,
    "unhold": Commands._here,
    "fail-everywhere": Commands._here,
    "standby": Commands._here,
    "unstandby": Commands._unstandby,
    "readmit": Commands._readmit,
    "fence": Commands._fence,
    "is-off": Commands._is_off,
}
