"""Admitting an operator's command: judge the authority, find the node that must act, and write or pass it on.

A command takes effect only by an event of the node that must act; the others pass it on. Every refusal has words.

| word         | who must act                                                          |
|--------------|-----------------------------------------------------------------------|
| fail         | the named node, else the holder; whoever is asked, where the named    |
|              | node is dead or stuck: a signed word that it is down there            |
| recover      | the named node, else every candidate in FAIL; nobody, where none is   |
| move         | the holder; the target, where nobody holds it                         |
| reclaim      | the holder                                                            |
| hold, unhold | whoever is asked                                                      |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from coordinator.core import authority, ownership
from coordinator.core.effects import Answer, Forward
from coordinator.core.model import Judgement, ServiceColumn, ServiceState
from protocol.commands import Command, SignedCommand
from protocol.event import Ref
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core


class Refusal(NamedTuple):
    text: str
    authority: bool = True


class Already(NamedTuple):
    """What was ordered is so: nobody has to act, and nothing is written."""

    text: str


def admit(core: Core, signed: SignedCommand, ticket: int) -> None:
    """Write the command here, pass it on, or refuse it; exactly one Answer for a ticket."""
    command = signed.command
    targets = _may(core, command) or _targets(core, command)
    if isinstance(targets, Refusal):
        return core.emit(Answer(ticket, False, targets.text, targets.authority))
    if isinstance(targets, Already):
        return core.emit(Answer(ticket, True, targets.text))
    for node in targets:
        if node != core.me:
            core.emit(Forward(node, signed))
    if core.me in targets:
        _write(core, signed, ticket)
    else:
        core.emit(Answer(ticket, True, f"passed on to {', '.join(targets)}"))


def _may(core: Core, command: Command) -> Refusal | None:
    if not core.joined:
        return Refusal("this node is still reading its own feed: ask again in a moment")
    if core.stopping:
        return Refusal("this node is being stopped: ask another one")
    denied = authority.permitted_by_both(core.policy, ownership.ruling(core.state, core.policy), core.column, command)
    if denied:
        return Refusal(denied.text, authority=False)
    if command.word not in TARGETS:
        return Refusal(f"{command.word} is for the node that is asked, over its own control socket")
    if command.service not in core.policy.services:
        return Refusal(f"no service {command.service}: there are {', '.join(core.policy.services)}")
    if command.node and command.node not in core.policy.nodes:
        return Refusal(f"no node {command.node}: there are {', '.join(core.policy.nodes)}")
    known = ownership.epoch(core.state, command.service)
    if command.epoch and command.epoch != known:
        return Refusal(f"old-epoch: the command is for epoch {command.epoch}, {command.service} is at {known}")
    if core.disk_refuses:
        text = f"{core.me}'s disk refuses to write, and a command must stand in the log: make space there"
        return Refusal(text) if command.word != "fail" else None
    return None


Targets = tuple[str, ...] | Refusal | Already


def _targets(core: Core, command: Command) -> Targets:
    return TARGETS[command.word](core, command)


def _living(core: Core, node: str) -> bool:
    """Not one that the configuration no longer names: nobody hears it."""
    known = node in core.liveness.peers
    return node == core.me or (known and core.liveness.judgement(node, core.now_ms) is not Judgement.DEAD)


def _owner(core: Core, service: str) -> str | None:
    """The holder that can act: a dead one holds by its feed for as long as it stays away."""
    policy = ownership.ruled(core.state, core.policy, service)
    living = [node for node in ownership.holders(core.state, service) if _living(core, node)]
    return ownership.winner(core.state, policy, living)


def _holder(core: Core, command: Command) -> Targets:
    owner = _owner(core, command.service)
    if owner:
        return (owner,)
    dead = ownership.holders(core.state, command.service)
    more = f"; {dead[0]} did, and is dead: name it, if it is certainly down there" if dead else ""
    return Refusal(f"nobody holds {command.service}{more}")


def _fail(core: Core, command: Command) -> Targets:
    if not command.node:
        return _holder(core, command)
    if command.node not in core.policy.services[command.service].nodes:
        return Refusal(f"{command.node} is no candidate of {command.service}")
    return (core.me,) if _fences(core, command) else (command.node,)


def _fences(core: Core, command: Command) -> bool:
    """The named node cannot act itself: dead, or stuck with a down action that does not end."""
    if command.node in ("", core.me):
        return False
    stuck = core.state.column(command.node).service(command.service).stuck
    return stuck or not _living(core, command.node)


def _recover(core: Core, command: Command) -> Targets:
    if command.node and command.node not in core.policy.services[command.service].nodes:
        return Refusal(f"{command.node} is no candidate of {command.service}")
    nodes = (command.node,) if command.node else core.policy.services[command.service].nodes
    failed = tuple(node for node in nodes if _to_recover(core.state.column(node).service(command.service)))
    living = tuple(node for node in failed if _living(core, node))
    if living:
        return living
    if failed:
        return Refusal(f"{failed[0]} is dead: say it again when it is back, or to it")
    return _nothing_to_recover(core, command.service, nodes)


def _nothing_to_recover(core: Core, service: str, nodes: tuple[str, ...]) -> Refusal | Already:
    """Of the dead nobody knows it, and what is still going down may yet end in FAIL."""
    states = {node: core.state.column(node).service(service).state for node in nodes if _living(core, node)}
    if not states:
        return Refusal(f"{nodes[0]} is dead: say it again when it is back, or to it")
    going = [node for node, state in states.items() if state is ServiceState.STOPPING]
    if going:
        return Refusal(f"{service} is STOPPING on {going[0]}: say it again when that is over")
    where = ", ".join(f"{state} on {node}" for node, state in states.items())
    return Already(f"{service} is {where} already: nothing to recover")


def _to_recover(service: ServiceColumn) -> bool:
    """In FAIL, or back from one by itself: then an operator's word gives it its place in the order back."""
    return service.state is ServiceState.FAIL or (service.burnt and not service.holds)


def _move(core: Core, command: Command) -> Targets:
    service = core.policy.services[command.service]
    if command.node not in service.nodes:
        return Refusal(f"{command.node or 'nobody'} is no candidate of {command.service}: {', '.join(service.nodes)}")
    owner = _owner(core, command.service)
    if ownership.held_back(core.state, command.service):
        return Refusal(f"{command.service} is on hold: unhold it first")
    if owner == command.node:
        return (owner,)  # no change of hands, and yet an order: it stays there
    return _unfit_target(core, command) or (owner or command.node,)


def _here(core: Core, command: Command) -> Targets:
    return (core.me,)


TARGETS: Mapping[str, Callable[[Core, Command], Targets]] = {
    "fail": _fail,
    "recover": _recover,
    "move": _move,
    "reclaim": _holder,
    "hold": _here,
    "unhold": _here,
}


def _write(core: Core, signed: SignedCommand, ticket: int) -> None:
    """The command and what follows from it at once, in one step: the decide table does the rest."""
    command = signed.command
    refusal = _absent_target(core, command) if command.word == "move" else None
    if refusal:
        core.emit(Answer(ticket, False, refusal.text))
        return
    acts_here = command.word in ("fail", "recover", "reclaim") and not _fences(core, command)
    target = core.me if acts_here else command.node
    body = {"command": signed.raw, "signature": signed.signature, "target": target}
    entry = core.write(Kind.COMMAND, command.service, body, ())
    core.answers[entry.ref] = ticket
    follow = FOLLOW.get(command.word)
    if follow:
        follow(core, command, entry.ref)


def _unfit_target(core: Core, command: Command) -> Refusal | None:
    """Asked at the door as well: who is asked knows it, and an answer now beats a wait for what cannot come."""
    if command.node == core.me and not core.fit:
        return Refusal(f"{core.me} is not fit: {core.unfit_because}")
    case = core.case(command.service)
    return _cannot_take(command, case.why_out(core.me) if command.node == core.me else case.why_not(command.node))


def _absent_target(core: Core, command: Command) -> Refusal | None:
    """Asked by who must act: what it gives up must be taken, and nobody takes what is not decided on the newest events."""
    current = command.node == core.me or core.case(command.service).given.peers[command.node].current
    return _cannot_take(command, "" if current else "its newest events are not here yet")


def _cannot_take(command: Command, why: str) -> Refusal | None:
    return Refusal(f"{command.node} cannot take {command.service} now: {why}") if why else None


def _follow_fail(core: Core, command: Command, ref: Ref) -> None:
    if _fences(core, command):
        theirs = core.state.column(command.node)
        epoch = theirs.service(command.service).epoch
        if epoch:  # else nothing that it ever held is known, and there is nothing to end
            body = {"node": command.node, "epoch": epoch, "by": "operator", "run": theirs.run}
            core.write(Kind.FENCED, command.service, body, (ref,))


def _follow_move(core: Core, command: Command, ref: Ref) -> None:
    """Its epoch is older than the holding that it asks for, also where that has begun: with its end the move is over."""
    mine = core.column.service(command.service)
    stays = command.node == core.me and mine.holds
    epoch = mine.epoch - 1 if stays else ownership.epoch(core.state, command.service)
    body = {"target": command.node, "epoch": epoch, "for_ms": command.for_ms}
    core.write(Kind.MOVE_BEGUN, command.service, body, (ref,))


def _follow_hold(core: Core, command: Command, ref: Ref) -> None:
    core.write(Kind.HOLD, command.service, {}, (ref,))


def _follow_unhold(core: Core, command: Command, ref: Ref) -> None:
    ends = [list(hold) for hold in sorted(ownership.held_back(core.state, command.service))]
    core.write(Kind.UNHOLD, command.service, {"ends": ends}, (ref,))


FOLLOW = {"fail": _follow_fail, "move": _follow_move, "hold": _follow_hold, "unhold": _follow_unhold}
