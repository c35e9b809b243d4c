"""Questions about who owns what, answered from the state alone. Live daemon, simulator, status page and auditor ask here.

holders(state, "web")            # the nodes that hold it, as far as these feeds can tell
owner(state, policy, "web")      # the one; in a split the winner by the service's rule; None where no node holds it
"""

from collections.abc import Iterable, Mapping

from coordinator.policy import Policy, ServicePolicy
from coordinator.state.configurations import is_candidate, newest, was_ever_candidate
from coordinator.state.configurations import ruled as ruled
from coordinator.state.configurations import ruling as ruling
from coordinator.state.model import Move, NodeState, Removal, ServiceState, State, Word
from coordinator.state.standing import Off
from protocol.event import Head, Ref
from protocol.events import FencedBy


def ended(state: State, service: str, node: str) -> Word | None:
    """The word that ended this node's holding from outside (fence, operator, last word), if it covers it."""
    theirs = state.column(node).service(service)
    heard = state.words.get((service, node), ())
    said = [word for word in heard if word.epoch >= theirs.epoch > 0 and word.run in (theirs.run, b"")]
    fenced = [word for word in state.orders.of("fenced", service, node).values() if _fences(word, theirs)]
    off = switched_off(state, service, node, theirs.run, theirs.known) if theirs.run else None
    return max([*said, *fenced, *([Word(theirs.epoch, off.ref, off.run)] if off else [])], default=None)


def switched_off(state: State, service: str, node: str, run: bytes, known: Mapping[str, Head]) -> Off | None:
    """What says that this run of the node is over, since its power is off; of several the first by name.

    A node that fenced it for a claim of its own is believed about what it may own: one stolen key ends no holding of a service
    that it has nothing to do with. And nobody is believed whose word the node has read and written on: the device has lied.
    `known`: the heads on which what is asked about rested.
    """
    offs = state.orders.of("off", node)
    said = [off for off in offs.values() if off.run == run and _may_say(state, service, off)] if offs else []
    return min((off for off in said if not _is_known(off, known)), key=lambda off: off.ref, default=None)


def is_off(state: State, service: str, node: str) -> bool:
    """Whether the last run of this node that is known here is over, since its power is off."""
    column = state.column(node)
    return switched_off(state, service, node, column.run, column.seen) is not None


def _is_known(off: Off, known: Mapping[str, Head]) -> bool:
    head = known.get(off.ref.node)
    return head is not None and off.ref[1:] <= (head.incarnation, head.number)


def _may_say(state: State, service: str, off: Off) -> bool:
    return off.by is not FencedBy.CLAIM or was_ever_candidate(state, off.ref.node, service)


def _fences(word: Word, theirs: ServiceState) -> bool:
    """The very claim that was signed, and no later one; what was said by the first rules ends all up to its epoch."""
    if word.run:
        return word.run == theirs.run and word.epoch == theirs.epoch
    return word.epoch >= theirs.epoch > 0


def may_own(state: State, service: str, node: str) -> bool:
    """Whether this node's claims of the service count: the files that it lived by at the last one make it a candidate, or those
    that it lives by now do, or the one that rules.

    A holder that went over to another file is one until it has given the service up; and one that took it by a file that does
    not count here (put on its disk by hand) is one as soon as a file that counts says so: else its peer would take it for free.
    """
    column = state.column(node)
    theirs = column.service(service)
    if is_candidate(state, node, service, theirs.configs):
        return True
    if theirs.claim is None:
        return False
    rules = newest(state)
    named = rules.services.get(service) if rules else None
    return (named is not None and node in named.nodes) or is_candidate(state, node, service, column.configs)


def holds(state: State, service: str, node: str) -> bool:
    """From its claim until its `down`, its last word, a fence, or the start of its next run; only where it may own it."""
    if not state.column(node).service(service).holds or not may_own(state, service, node):
        return False
    return ended(state, service, node) is None


def holders(state: State, service: str) -> tuple[str, ...]:
    """Every node that holds it, sorted by name. More than one: a split."""
    return tuple(sorted(node for node in state.columns if holds(state, service, node)))


def epoch(state: State, service: str) -> int:
    """The largest epoch that any candidate is known to have claimed, in any incarnation."""
    return state.epochs.known(service)


def forked(state: State, node: str) -> bool:
    """Whether the feeds tell that this node has written two different events under one name: its word counts no more."""
    return bool(forks(state, node))


def held_back(state: State, service: str) -> frozenset[Ref]:
    """The `hold`s in force: those that no node's `unhold` has ended."""
    return state.orders.standing("hold", service)


def in_standby(state: State, node: str) -> frozenset[Ref]:
    """The orders by which it is a candidate of nothing; empty where it is not in standby."""
    return state.orders.standing("standby", node)


def failed_everywhere(state: State, service: str) -> frozenset[Ref]:
    """The orders by which no node may have the service."""
    return state.orders.standing("fail-everywhere", service)


def forks(state: State, node: str) -> frozenset[Ref]:
    """Where a fork of this node was seen, by any node, and it was not re-admitted since: none of these goes by its feed."""
    return state.forks.get(node, frozenset()).difference(*state.orders.of("readmit", node).values())


def refused_by(state: State, me: str) -> frozenset[str]:
    """The nodes whose fork this node has seen itself, and that are not re-admitted."""
    return frozenset(node for node in state.forks if any(ref.node == me for ref in forks(state, node)))


def active_move(state: State, service: str) -> Move | None:
    """The move in force. It ends by word, when its target gave the service up, or when another node claims before the target.

    While the target holds the service a claim of another node is a split, and the target is first in its order too.
    """
    moves = state.orders.of("move", service)
    if not moves:
        return None
    newest: Move = max(moves.values(), key=lambda move: move.place)
    owners = [column for node, column in state.columns.items() if may_own(state, service, node)]
    if any((service, newest.ref) in column.moves_ended for column in owners):
        return None
    target, has_it = state.column(newest.target).service(service), holds(state, service, newest.target)
    if (target.before_epoch if has_it else target.epoch) > newest.epoch:
        return None
    if has_it and target.holding_epoch > newest.epoch:
        return newest
    overtaken = any(column.service(service).holding_epoch > newest.epoch for column in owners)
    return None if overtaken else newest


def removed(state: State, me: str) -> Removal | None:
    """What this node was shown of its removal, as long as no later order gives its file a number."""
    column = state.column(me)
    shown = column.removed
    return shown if shown and state.orders.signed.get(column.config, 0) < shown.number else None


def order(state: State, policy: ServicePolicy) -> tuple[str, ...]:
    """The candidates as preferred now: the target of a move first."""
    move = active_move(state, policy.name)
    if move is None or move.target not in policy.nodes:
        return policy.nodes
    return (move.target, *(node for node in policy.nodes if node != move.target))


def winner(state: State, policy: ServicePolicy, nodes: Iterable[str]) -> str | None:
    """Which of these holders keeps the service: the better candidate, or (`incumbent`) the older holding."""
    ranks = {node: rank for rank, node in enumerate(order(state, policy))}

    def key(node: str) -> tuple[int, int]:
        column: ServiceState = state.column(node).service(policy.name)
        age = column.holding_epoch if policy.split_winner == "incumbent" else 0
        return (age, ranks.get(node, len(ranks)))

    return min(sorted(nodes), key=key, default=None)


def owner(state: State, policy: Policy, service: str) -> str | None:
    """The owner as far as these feeds can tell; None where no node holds the service."""
    return winner(state, ruled(state, policy, service), holders(state, service))


def split_evidence(state: State, me: str, service: str) -> tuple[Ref, ...]:
    """What tells me that another node held the service while I do: it may have announced the address meanwhile.

    That is a claim which my last claim did not know; or anything that a node wrote later in a holding that I took to be over
    when I claimed (the node was dead to me): its own `down`, or what it did until it died, with the service up. A reclaim
    waits for such ends: then they are no news. Nor is a `down` whose last word my claim rested on: it was down before, and its
    disk only could not take that in time.
    """
    mine = state.column(me).service(service)
    if not mine.holds:
        return ()
    found = []
    for node, column in state.columns.items():
        if not may_own(state, service, node):
            continue
        theirs, head = column.service(service), mine.known.get(node)
        known = (head.incarnation, head.number) if head else (0, 0)
        ends = (_last(column, theirs),) if mine.claim == mine.began and not _said_before(state, mine, service, node) else ()
        found += [ref for ref in (theirs.claim, *ends) if node != me and ref and ref[1:] > known]
    return tuple(sorted(found))


def is_news_for(state: State, me: str, service: str) -> bool:
    """Whether whatever another node writes, about any service, may be such evidence: it holds this one as well."""
    mine = state.column(me).service(service)
    if not mine.holds or mine.claim != mine.began:
        return False
    others = (node for node, column in state.columns.items() if node != me and column.service(service).holds)
    return any(not _said_before(state, mine, service, node) for node in others)


def _last(column: NodeState, theirs: ServiceState) -> Ref | None:
    """The newest event of this node's present or last holding. One that is stuck does not serve, as far as it knows."""
    if column.head and theirs.holds and not theirs.stuck:
        return Ref(*column.head[:3])
    return theirs.ended_by


def _said_before(state: State, mine: ServiceState, service: str, node: str) -> bool:
    """Whether my claim rested on this node's last word about its newest holding."""
    theirs = state.column(node).service(service)
    for word in state.words.get((service, node), ()):
        author = word.ref.node
        head = mine.claim if mine.claim and author == mine.claim.node else mine.known.get(author)
        if not head or not word.epoch >= theirs.epoch > 0 or word.run not in (theirs.run, b""):
            continue
        if word.ref[1:] <= (head.incarnation, head.number):
            return True
    return False
