"""Admitting an operator's command: judge the authority, and write it or pass it on.

A command names the feeds that act, and takes effect only by an event in one of these. `resolve` answers, before it is
signed, which they are; `admit` judges again when it comes, for all may have changed meanwhile. Every refusal has words.

| word         | who acts                                                              |
|--------------|-----------------------------------------------------------------------|
| fail         | the named node, else the holder; the node that is asked, where the    |
|              | named one is dead or stuck: a signed word that it is down there       |
| recover      | the named node, else every candidate in FAIL                          |
| move         | the holder; the target, where no node holds it                        |
| reclaim      | the holder                                                            |
| hold, unhold, standby, unstandby, readmit, fail everywhere: the node that is asked   |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from coordinator.core.forwarding import Asker
from coordinator.state import authorization, ownership
from coordinator.state.configurations import number_now
from coordinator.state.model import Judgement, ServicePhase, ServiceState
from coordinator.state.standing import ENDED_BY
from protocol.commands import ENDS_MAX, WORDS_OF_NODES, Act, Command, SignedCommand
from protocol.event import Ref
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core

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


def resolve(core: Core, wanted: Wanted) -> Resolved | Refusal | Already:
    """What to sign. Whether the operator may order it is judged when the command comes."""
    if wanted.word == "apply":
        number = number_now(core.state, wanted.digest)
        return _ready(core) or Resolved((Act(core.me, core.writer.incarnation),), epoch=number)
    refused = _ready(core) or _known(core, wanted)
    found = refused or TARGETS[wanted.word](core, wanted)
    if isinstance(found, Refusal | Already):
        return found
    acts = [Act(node, _incarnation(core, node)) for node in found]
    unread = [act.node for act in acts if not act.incarnation]
    if unread:
        return Refusal(f"nothing of {unread[0]}'s log is here yet: ask again in a moment")
    about = core.state.column(wanted.node).service(wanted.service)
    known = ownership.epoch(core.state, wanted.service)
    if _says_an_end(core, wanted):
        return Resolved(tuple(acts), known, about.epoch if about.run else 0, about.run)
    epoch = _move_epoch(core, wanted) if wanted.word == "move" else known
    return Resolved(tuple(acts), known, epoch if wanted.word in EXACT else 0, ends=_ends(core, wanted))


def _incarnation(core: Core, node: str) -> int:
    if node == core.me:
        return core.writer.incarnation
    head = core.feeds.newest.get(node)
    return head.incarnation if head else 0


def _says_an_end(core: Core, wanted: Wanted) -> bool:
    return wanted.word == "fail" and _fences(core, wanted)


def _move_epoch(core: Core, wanted: Wanted) -> int:
    """Older than the holding that it asks for, also where that has begun: with the end of the holding the move is over."""
    theirs = core.state.column(wanted.node).service(wanted.service)
    stays = theirs.holds and _owner(core, wanted.service) == wanted.node
    return theirs.epoch - 1 if stays else ownership.epoch(core.state, wanted.service)


def _ends(core: Core, wanted: Wanted) -> tuple[Ref, ...]:
    """The orders that are known here; of very many those that stand longest, and the rest takes another command."""
    if wanted.word == "readmit":
        return tuple(sorted(ownership.forks(core.state, wanted.node))[:ENDS_MAX])
    begun = next((word for word, ends in ENDED_BY.items() if ends == wanted.word), None)
    if begun is None or (wanted.word == "recover" and wanted.node):
        return ()
    return tuple(sorted(core.state.orders.standing(begun, wanted.service or wanted.node))[:ENDS_MAX])


def admit(core: Core, signed: SignedCommand, ticket: int, source: str = "") -> None:
    """Write the command here, pass it on, or refuse it; one Answer for a ticket, one reply to `source`, which passed it on."""
    command = signed.command
    asker: Asker = (source, command.nonce) if source else ticket
    if source and core.state.orders.obeyed_by(core.me, command.nonce):
        return _said_again(core, asker)
    refused = _may(core, command)
    if refused:
        return _refuse(core, asker, refused)
    others = tuple(act.node for act in command.acts if act.node != core.me and lives(core, act.node))
    if not source and others:
        asker = (core.me, command.nonce)
        here = (core.me,) if _acts_here(core, command) else ()
        core.passing.begin(signed, ticket, (*here, *others), core.now_ms)
    if _acts_here(core, command):
        _write(core, signed, asker)
    elif source:
        _refuse(core, asker, Refusal(f"it is for {authorization.named(command)}, and came to {core.me}"))


def _refuse(core: Core, asker: Asker, refused: Refusal) -> None:
    core.passing.tell(asker, False, refused.text, refused.authority)


def _said_again(core: Core, asker: Asker) -> None:
    """It was obeyed here, and is asked again since no answer came: unless its event is on its way to the disk."""
    if asker not in core.answers.values():
        core.passing.tell(asker, True, "it stands in the log already")


def _acts_here(core: Core, command: Command) -> bool:
    return command.names(core.me, core.writer.incarnation)


def _may(core: Core, command: Command) -> Refusal | None:
    refused = _ready(core) or _denied(core, command) or _known(core, _wanted(command))
    return refused or _meant(core, command) or _stale(core, command) or _refusing_disk(core, command)


def _wanted(command: Command) -> Wanted:
    return Wanted(command.word, command.service, command.node, command.digest)


def _ready(core: Core) -> Refusal | None:
    if not core.joined:
        return Refusal("this node is still reading its own feed: ask again in a moment")
    return Refusal("this node is being stopped: ask another one") if core.stopping else None


def _denied(core: Core, command: Command) -> Refusal | None:
    if core.state.orders.obeyed_by(core.me, command.nonce):
        return Refusal(authorization.REPLAYED, authority=False)
    denied = authorization.permitted_by_both(core.policy, ownership.ruling(core.state, core.policy), command)
    return Refusal(denied.text, authority=False) if denied else None


def _known(core: Core, wanted: Wanted) -> Refusal | None:
    if wanted.word not in TARGETS:
        return Refusal(f"{wanted.word} is for the node that is asked, over its own control socket")
    if wanted.word in WORDS_OF_NODES:
        known = wanted.node in core.policy.nodes
        return None if known else Refusal(f"no node {wanted.node}: there are {', '.join(core.policy.nodes)}")
    if wanted.service not in core.policy.services:
        return Refusal(f"no service {wanted.service}: there are {', '.join(core.policy.services)}")
    if wanted.node and wanted.node not in core.policy.nodes:
        return Refusal(f"no node {wanted.node}: there are {', '.join(core.policy.nodes)}")
    nodes = core.policy.services[wanted.service].nodes
    if wanted.node not in nodes and (wanted.node or wanted.word == "move"):
        return Refusal(f"{wanted.node or 'no node by name'} is no candidate of {wanted.service}: {', '.join(nodes)}")
    return None


def _meant(core: Core, command: Command) -> Refusal | None:
    """By this release, for this incarnation of ours or for others that can act."""
    if command.format == 1:
        return Refusal("it names no node that acts: sign it with the failc of this release")
    mine = next((act for act in command.acts if act.node == core.me), None)
    if mine and mine.incarnation != core.writer.incarnation:
        return Refusal(f"old-epoch: {core.me} has begun its log anew since it was signed: sign it anew")
    strangers = [act.node for act in command.acts if act.node not in core.policy.nodes]
    if strangers:
        return Refusal(f"no node {strangers[0]}: there are {', '.join(core.policy.nodes)}")
    dead = [act.node for act in command.acts if not lives(core, act.node)]
    if len(dead) == len(command.acts):
        return Refusal(f"{dead[0]} is dead, and cannot act: give the command again when it is back, or name a node that lives")
    return None


def _stale(core: Core, command: Command) -> Refusal | None:
    """Whether what it was signed for has changed. Each named node says so itself: the node that passes it on may know less."""
    if not _acts_here(core, command):
        return None
    if command.is_word_of_an_end:
        return _other_claim(core, command)
    known = _move_epoch(core, _wanted(command)) if command.word == "move" else ownership.epoch(core.state, command.service)
    if command.epoch != known and (command.epoch or command.word in EXACT):
        return Refusal(f"old-epoch: the command is for epoch {command.epoch}, {command.service} is at {known}")
    return None


def _other_claim(core: Core, command: Command) -> Refusal | None:
    theirs = core.state.column(command.node).service(command.service)
    known = (theirs.run, theirs.epoch) if theirs.run else (b"", 0)
    if known == (command.run, command.epoch):
        return None
    return Refusal(f"old-epoch: it is about epoch {command.epoch} of {command.node}, which is at {theirs.epoch} here")


def _refusing_disk(core: Core, command: Command) -> Refusal | None:
    if not core.disk_refuses or command.word == "fail" or not _acts_here(core, command):
        return None
    return Refusal(f"{core.me}'s disk refuses to write, and a command must stand in the log: make space there")


Targets = tuple[str, ...] | Refusal | Already


def lives(core: Core, node: str) -> bool:
    """Not one that the configuration no longer names: no peer hears it."""
    known = node in core.liveness.peers
    return node == core.me or (known and core.liveness.judgement(node, core.now_ms) is not Judgement.DEAD)


def _owner(core: Core, service: str) -> str | None:
    """The holder that can act: a dead one holds by its feed for as long as it stays away."""
    policy = ownership.ruled(core.state, core.policy, service)
    living = [node for node in ownership.holders(core.state, service) if lives(core, node)]
    return ownership.winner(core.state, policy, living)


def _holder(core: Core, wanted: Wanted) -> Targets:
    owner = _owner(core, wanted.service)
    if owner:
        return (owner,)
    dead = ownership.holders(core.state, wanted.service)
    more = f"; {dead[0]} did, and is dead: name it, if it is certainly down there" if dead else ""
    return Refusal(f"no node holds {wanted.service}{more}")


def _fail(core: Core, wanted: Wanted) -> Targets:
    if not wanted.node:
        return _holder(core, wanted)
    return (core.me,) if _fences(core, wanted) else (wanted.node,)


def _fences(core: Core, wanted: Wanted) -> bool:
    """The named node cannot act itself: dead, or stuck with a down action that does not end."""
    if wanted.node in ("", core.me):
        return False
    stuck = core.state.column(wanted.node).service(wanted.service).stuck
    return stuck or not lives(core, wanted.node)


def _recover(core: Core, wanted: Wanted) -> Targets:
    everywhere = ownership.failed_everywhere(core.state, wanted.service)
    if everywhere and wanted.node:
        return Refusal(f"{wanted.service} is failed everywhere: `recover {wanted.service}` without a node ends that")
    nodes = (wanted.node,) if wanted.node else core.policy.services[wanted.service].nodes
    failed = tuple(node for node in nodes if _to_recover(core.state.column(node).service(wanted.service)))
    living = tuple(node for node in failed if lives(core, node))
    if living or everywhere:
        return living or (core.me,)
    if failed:
        return Refusal(f"{failed[0]} is dead: give the command again when it is back")
    return _nothing_to_recover(core, wanted.service, nodes)


def _nothing_to_recover(core: Core, service: str, nodes: tuple[str, ...]) -> Refusal | Already:
    """The state of a dead node is not known, and what is still going down may yet end in FAIL."""
    states = {node: core.state.column(node).service(service).state for node in nodes if lives(core, node)}
    if not states:
        return Refusal(f"{nodes[0]} is dead: give the command again when it is back")
    going = [node for node, state in states.items() if state is ServicePhase.STOPPING]
    if going:
        return Refusal(f"{service} is STOPPING on {going[0]}: give the command again when that is over")
    where = ", ".join(f"{state} on {node}" for node, state in states.items())
    return Already(f"{service} is {where} already: nothing to recover")


def _to_recover(service: ServiceState) -> bool:
    """In FAIL, or back from one by itself: then an operator's word gives it its place in the order back."""
    return service.state is ServicePhase.FAIL or (service.burnt and not service.holds)


def _move(core: Core, wanted: Wanted) -> Targets:
    owner = _owner(core, wanted.service)
    if ownership.held_back(core.state, wanted.service):
        return Refusal(f"{wanted.service} is on hold: unhold it first")
    if owner == wanted.node:
        return (owner,)  # no change of hands, and yet an order: it stays there
    return _unfit_target(core, wanted) or (owner or wanted.node,)


def _unstandby(core: Core, wanted: Wanted) -> Targets:
    stands = ownership.in_standby(core.state, wanted.node)
    return (core.me,) if stands else Already(f"{wanted.node} is not in standby")


def _readmit(core: Core, wanted: Wanted) -> Targets:
    forks = ownership.forks(core.state, wanted.node)
    return (core.me,) if forks else Already(f"no fork of {wanted.node} keeps it out")


def _here(core: Core, wanted: Wanted) -> Targets:
    return (core.me,)


TARGETS: Mapping[str, Callable[[Core, Wanted], Targets]] = {
    "fail": _fail,
    "recover": _recover,
    "move": _move,
    "reclaim": _holder,
    "hold": _here,
    "unhold": _here,
    "fail-everywhere": _here,
    "standby": _here,
    "unstandby": _unstandby,
    "readmit": _readmit,
}


def _write(core: Core, signed: SignedCommand, asker: Asker) -> None:
    """The command and what follows from it at once, in one step: the decide table does the rest."""
    command = signed.command
    refused = _not_now(core, command)
    if refused:
        return _refuse(core, asker, refused)
    body = {"command": signed.raw, "signature": signed.signature, "target": command.node}
    entry = core.write(Kind.COMMAND, command.service, body, ())
    core.answers[entry.ref] = asker
    follows = FOLLOWS.get(command.word)
    if follows:
        follows(core, command, entry.ref)


def _not_now(core: Core, command: Command) -> Refusal | None:
    """What would make it futile here and now: asked by the node that acts."""
    wanted = _wanted(command)
    if command.word == "move":
        return _held(core, wanted) or _unmoved(core, wanted) or _absent_target(core, wanted)
    if command.word == "reclaim" and _owner(core, wanted.service) != core.me:
        return Refusal(f"old-epoch: {core.me} does not hold {wanted.service} any more: sign it anew")
    return None


def _held(core: Core, wanted: Wanted) -> Refusal | None:
    held = ownership.held_back(core.state, wanted.service)
    return Refusal(f"{wanted.service} is on hold: unhold it first") if held else None


def _unmoved(core: Core, wanted: Wanted) -> Refusal | None:
    """The holder begins the move; where no node holds the service, the target does."""
    owner = _owner(core, wanted.service)
    if owner == wanted.node == core.me:
        return None
    if core.me == (owner or wanted.node):
        return _unfit_target(core, wanted)
    return Refusal(f"old-epoch: {owner or 'no node'} holds {wanted.service} now: sign it anew")


def _unfit_target(core: Core, wanted: Wanted) -> Refusal | None:
    """Asked before it is signed as well: an answer now beats a wait for what cannot come."""
    if wanted.node == core.me and not core.fit:
        return Refusal(f"{core.me} is not fit: {core.unfit_because}")
    case = core.case(wanted.service)
    return _cannot_take(wanted, case.why_out(core.me) if wanted.node == core.me else case.why_not(wanted.node))


def _absent_target(core: Core, wanted: Wanted) -> Refusal | None:
    """Asked by the node that acts: its successor must be able to take it, and decides nothing without the newest events."""
    current = wanted.node == core.me or core.case(wanted.service).given.peers[wanted.node].current
    return _cannot_take(wanted, "" if current else "its newest events are not here yet")


def _cannot_take(wanted: Wanted, why: str) -> Refusal | None:
    return Refusal(f"{wanted.node} cannot take {wanted.service} now: {why}") if why else None


# --- what follows, word for word as it was signed ------------------------------------------------------------------


def _fenced(core: Core, command: Command, ref: Ref) -> None:
    if command.run:  # else nothing that it ever held is known, and there is nothing to end
        body = {"node": command.node, "epoch": command.epoch, "by": "operator", "run": command.run}
        core.write(Kind.FENCED, command.service, body, (ref,))


def _moved(core: Core, command: Command, ref: Ref) -> None:
    body = {"target": command.node, "epoch": command.epoch, "for_ms": command.for_ms}
    core.write(Kind.MOVE_BEGUN, command.service, body, (ref,))


def _held_back(core: Core, command: Command, ref: Ref) -> None:
    core.write(Kind.HOLD, command.service, {}, (ref,))


def _freed(core: Core, command: Command, ref: Ref) -> None:
    core.write(Kind.UNHOLD, command.service, {"ends": [list(hold) for hold in command.ends]}, (ref,))


def _readmitted(core: Core, command: Command, ref: Ref) -> None:
    core.write(Kind.READMITTED, "", {"node": command.node}, (ref,))


FOLLOWS: Mapping[str, Callable[[Core, Command, Ref], None]] = {
    "fail": _fenced,
    "move": _moved,
    "hold": _held_back,
    "unhold": _freed,
    "readmit": _readmitted,
}
