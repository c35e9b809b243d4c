"""Nodes that the configuration does not name any more: what they left, and how they learn it.

    departed(state, policy)             # name to key: their feeds are history, and prove themselves by these
    evidence(state, policy, node)       # what such a node is shown: the event with the signed `apply`, the file
    shown(core, RemovalShown(...))      # the input at the other end: this node was removed

A node that boots with an old file hears no peer, and would take what it can. Its peers let it in so far that it can prove to
itself that it was removed: an administrator that it knows has signed a file in which it has no place. It writes that down
(`removed`) and holds nothing until it gets another file. Without such a signature a peer's word only restrains: what that peer
is a candidate of is not taken while it says so. docs/decisions/0062-removed-nodes.md.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core import long_events
from coordinator.core.effects import Alarm
from coordinator.core.inputs import RemovalShown
from coordinator.policy import Policy
from coordinator.state import ownership
from coordinator.state.authorization import Denied, opened
from coordinator.state.configurations import number_at_start
from coordinator.state.file_v1 import read_policy
from coordinator.state.model import Judgement, NodeState, State
from protocol.commands import Command
from protocol.event import Ref
from protocol.kinds import Kind
from protocol.messages import Heartbeat

if TYPE_CHECKING:
    from coordinator.core.core import Core

WORD_MS = 10_000
"""How long a peer's word counts that it does not know us: we ask every two seconds, and an attempt may take three."""


def departed(state: State, policy: Policy) -> dict[str, bytes]:
    """The nodes that only earlier files name, of those that count here; the oldest file gives the key."""
    named: dict[str, bytes] = {}
    for digest in sorted(state.policies, key=lambda digest: (state.numbers.get(digest, 0), digest)):
        for name, node in state.policies[digest].nodes.items():
            if name not in policy.nodes:
                named.setdefault(name, node.key)
    return named


class Evidence(NamedTuple):
    """Why a node is not let in."""

    ref: Ref
    """The event with the signed command."""
    text: str


def evidence(state: State, policy: Policy, node: str) -> Evidence | None:
    """The newest file that an administrator has signed, where it does not name the node; None where nothing is signed."""
    signed = state.orders.signed
    known = [(signed[digest], digest) for digest in signed if digest in state.policies and digest in state.orders.signed_by]
    newest = max(known, default=None)
    if node in policy.nodes or newest is None or node in state.policies[newest[1]].nodes:
        return None
    return Evidence(state.orders.signed_by[newest[1]], state.policies[newest[1]].text)


# --- at the node that was removed ---------------------------------------------------------------------------------


def shown(core: Core, given: RemovalShown) -> None:
    """A peer has shown why it does not let us in, or only says that it does not know us."""
    command = _proved(core, given)
    if command is None:
        _said(core, given.node)
    elif not _is_over(core, command):
        core.removal = given if core.removal is None else core.removal
        write(core)


def _proved(core: Core, given: RemovalShown) -> Command | None:
    """The signed order that left us out, by an administrator of our own file or of a newer one that counts here."""
    lacking = read_policy(given.text) if given.text else None
    if lacking is None or lacking.cluster_id != core.policy.cluster_id or core.me in lacking.nodes:
        return None
    for policy in (core.policy, ownership.ruling(core.state, core.policy)):
        command = opened(policy, given.command, given.signature)
        if not isinstance(command, Denied):
            meant = command.word == "apply" and command.digest == hashlib.sha256(given.text.encode()).digest()
            return command if meant else None
    return None


def _is_over(core: Core, command: Command) -> bool:
    """A later order gives us our place again; or a peer lives by the very file that we have, which is newer by our own log."""
    if core.state.orders.signed.get(core.policy.digest, 0) >= command.epoch:
        return True
    return core.column.config_number > command.epoch and _is_let_in(core)


def _is_let_in(core: Core) -> bool:
    return any(
        peer.newest is not None
        and peer.newest.message.config == core.policy.digest[:8]
        and core.liveness.judgement(name, core.now_ms) is Judgement.ALIVE
        for name, peer in core.liveness.peers.items()
    )


def _said(core: Core, node: str) -> None:
    core.disowned_ms[node] = core.now_ms
    text = f"{node} runs a configuration that does not name {core.me}, and no administrator known here has signed it"
    core.emit(Alarm(AlarmName.REMOVED, text, node=node))


def disowned(core: Core, service: str) -> str:
    """Why this service is not claimed now: a candidate of it lives that does not know us, and may have it."""
    said = [node for node in core.policy.services[service].nodes if node in core.disowned_ms]
    return f"{said[0]} lives, may have it, and runs a configuration that does not name {core.me}" if said else ""


def tick(core: Core) -> None:
    """What was shown is written as soon as the disk takes it; what was only said is forgotten."""
    write(core)
    over = [node for node, said_ms in core.disowned_ms.items() if core.now_ms - said_ms >= WORD_MS]
    for node in over:
        del core.disowned_ms[node]
        core.dirty = True


def write(core: Core) -> None:
    """Writes it as soon as we know our own feed, once for each order."""
    given = core.removal
    if given is None or not core.joined or core.over or core.disk_refuses:
        return
    core.removal = None
    command = _proved(core, given)
    known = core.column.removed
    if command is None or _is_over(core, command) or (known and known.number >= command.epoch):
        return
    body = {"number": command.epoch, "digest": command.digest, "by": given.node}
    core.write(Kind.REMOVED, "", {**body, "command": given.command, "signature": given.signature}, ())


def outlives(core: Core, before: NodeState) -> None:
    """A new incarnation with the file of the old one was removed as well."""
    if before.removed and core.column.removed is None and before.config == core.policy.digest:
        core.write(Kind.REMOVED, "", before.removed.body, ())


def let_in(core: Core, heartbeat: Heartbeat) -> None:
    """A peer lives by our own file: where that is newer than the one that left us out, we have our place again."""
    shown = ownership.removed(core.state, core.me)
    if shown is None or not core.joined or core.over or core.disk_refuses:
        return
    if core.column.config_number > shown.number and heartbeat.config == core.policy.digest[:8]:
        long_events.write_configuration(core, core.policy, number_at_start(core.state, core.policy.digest), (shown.ref,))
