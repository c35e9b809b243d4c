"""Nodes that the configuration does not name any more: what they left, and how they learn it.

    departed(state, policy)             # name to key: their feeds are history, and prove themselves by these
    evidence(state, policy, node)       # what such a node is shown: the event with the signed `apply`, the file
    removal.shown(RemovalShown(...))    # the input at the other end: this node was removed

A node that boots with an old file hears no peer, and would take what it can. Its peers let it in so far that it can prove to
itself that it was removed: an administrator that it knows has signed a file in which it has no place. It writes that down
(`removed`) and holds nothing until it gets another file. Without such a signature a peer's word only restrains: what that peer
is a candidate of is not taken while it says so. docs/decisions/0062-removed-nodes.md.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core import long_events
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Alarm
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.inputs import RemovalShown
from coordinator.policy import Policy
from coordinator.state import ownership
from coordinator.state.authorization import Denied, opened
from coordinator.state.configurations import number_at_start
from coordinator.state.model import Judgement, NodeState, State
from coordinator.state.stored_file import read_policy
from protocol.commands import Command
from protocol.event import Ref
from protocol.events import Removed
from protocol.messages import Heartbeat

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


class Removal:
    """At the node that was removed."""

    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context, self.liveness = context, liveness
        self.order: RemovalShown | None = None
        """The order by which this node was removed: shown to it, and not written yet."""
        self.disowned_ms: dict[str, int] = {}
        """Peers that have said that they do not know this node, and when."""
        self._departed: Mapping[str, bytes] = {}
        self._departed_by: tuple[object, object] = (None, None)

    @property
    def departed(self) -> Mapping[str, bytes]:
        """Nodes that only earlier files name, with their keys: their feeds are history, and asked for as any other."""
        context = self.context
        if self._departed_by[0] is not context.state.policies or self._departed_by[1] is not context.policy:
            self._departed_by = (context.state.policies, context.policy)
            self._departed = departed(context.state, context.policy)
        return self._departed

    def shown(self, given: RemovalShown) -> News:
        """A peer has shown why it does not let us in, or only says that it does not know us."""
        command = self._proved(given)
        if command is None:
            self._said(given.node)
        elif not self._is_over(command):
            self.order = given if self.order is None else self.order
            self.write()
        return NOTHING_ELSE

    def _proved(self, given: RemovalShown) -> Command | None:
        """The signed order that left us out, by an administrator of our own file or of a newer one that counts here."""
        context = self.context
        lacking = read_policy(given.text) if given.text else None
        if lacking is None or lacking.cluster_id != context.policy.cluster_id or context.me in lacking.nodes:
            return None
        for policy in (context.policy, ownership.ruling(context.state, context.policy)):
            command = opened(policy, given.command, given.signature)
            if not isinstance(command, Denied):
                meant = command.word == "apply" and command.digest == hashlib.sha256(given.text.encode()).digest()
                return command if meant else None
        return None

    def _is_over(self, command: Command) -> bool:
        """A later order gives us our place again; or a peer lives by the very file that we have, which is newer by our own
        log."""
        context = self.context
        if context.state.orders.signed.get(context.policy.digest, 0) >= command.epoch:
            return True
        return context.column.config_number > command.epoch and self._is_let_in()

    def _is_let_in(self) -> bool:
        context = self.context
        return any(
            peer.newest is not None
            and peer.newest.message.config == context.policy.digest[:8]
            and self.liveness.judgement(name, context.now_ms) is Judgement.ALIVE
            for name, peer in self.liveness.peers.items()
        )

    def _said(self, node: str) -> None:
        context = self.context
        self.disowned_ms[node] = context.now_ms
        text = f"{node} runs a configuration that does not name {context.me}, and no administrator known here has signed it"
        context.emit(Alarm(AlarmName.REMOVED, text, node=node))

    def disowned(self, service: str) -> str:
        """Why this service is not claimed now: a candidate of it lives that does not know us, and may have it."""
        context = self.context
        said = [node for node in context.policy.services[service].nodes if node in self.disowned_ms]
        return f"{said[0]} lives, may have it, and runs a configuration that does not name {context.me}" if said else ""

    def tick(self) -> None:
        """What was shown is written as soon as the disk takes it; what was only said is forgotten."""
        self.write()
        over = [node for node, said_ms in self.disowned_ms.items() if self.context.now_ms - said_ms >= WORD_MS]
        for node in over:
            del self.disowned_ms[node]

    def write(self) -> None:
        """Writes it as soon as we know our own feed, once for each order."""
        context = self.context
        given = self.order
        if given is None or not context.joined or context.over or context.disk_refuses:
            return
        self.order = None
        command = self._proved(given)
        known = context.column.removed
        if command is None or self._is_over(command) or (known and known.number >= command.epoch):
            return
        order, signature = given.command, given.signature
        number, digest = command.epoch, command.digest
        context.write("", Removed(number=number, digest=digest, by=given.node, command=order, signature=signature), ())

    def outlives(self, before: NodeState) -> None:
        """A new incarnation with the file of the old one was removed as well."""
        context = self.context
        if before.removed and context.column.removed is None and before.config == context.policy.digest:
            context.write("", before.removed.body, ())

    def let_in(self, heartbeat: Heartbeat) -> None:
        """A peer lives by our own file: where that is newer than the one that left us out, we have our place again."""
        context = self.context
        shown = ownership.removed(context.state, context.me)
        if shown is None or not context.joined or context.over or context.disk_refuses:
            return
        if context.column.config_number > shown.number and heartbeat.config == context.policy.digest[:8]:
            long_events.write_configuration(
                context, context.policy, number_at_start(context.state, context.policy.digest), (shown.ref,)
            )
