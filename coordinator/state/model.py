"""The state: one column for each node, changed only by that node's own events.

    state = reduce(state, event)                # coordinator.state.reducer
    column = state.column("genesis")
    column.service("web").state                 # ServicePhase.UP

Feeds merge in any order to the same state, since order matters only inside a feed. Everything here is frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from coordinator.policy import Policy
from coordinator.state.epochs import Epochs
from coordinator.state.pieces import Feed, Unread
from coordinator.state.replacing import replace
from coordinator.state.standing import Move, Orders, Word
from coordinator.state.votes import Votes, last_number
from protocol.event import Head, Ref
from protocol.events import FencedBy, Removed
from protocol.events.words import Judgement as Judgement
from protocol.events.words import ServicePhase as ServicePhase
from protocol.messages import Keyring
from store.findings import Flaw as Flaw

__all__ = [
    "HOLDING",
    "STOPPED",
    "UPISH",
    "Flaw",
    "Judgement",
    "Move",
    "NodeState",
    "Orders",
    "ServicePhase",
    "ServiceState",
    "Skipped",
    "State",
    "Trust",
    "Word",
]  # fmt: skip


HOLDING = frozenset({ServicePhase.STARTING, ServicePhase.UP, ServicePhase.RECLAIM, ServicePhase.STOPPING})
"""A node holds a service from its claim until its `down` event or last word."""

STOPPED = "stop"
"""The cause of what a check has stopped on all nodes."""

UPISH = frozenset({ServicePhase.STARTING, ServicePhase.UP, ServicePhase.RECLAIM})
"""What the decide table calls UP."""


@dataclass(frozen=True)
class ServiceState:
    """One service, as one node's own events tell it."""

    state: ServicePhase = ServicePhase.RECOVER
    epoch: int = 0
    """The epoch of the node's last claim or reclaim, also after it is over."""
    holding_epoch: int = 0
    """The epoch of the claim with which the present (or last) holding began: a reclaim does not change it."""
    before_epoch: int = 0
    """The epoch of the node's holding before the present (or last) one, as it ended."""
    claim: Ref | None = None
    """The last claim or reclaim."""
    run: bytes = b""
    """The node's run at that claim: what is said of one run's holding says nothing of another's."""
    configs: tuple[bytes, ...] = ()
    """What the node lived by when that holding began, the newest first."""
    began: Ref | None = None
    """The claim with which the present (or last) holding began."""
    changed: Ref | None = None
    """The event that brought the present state."""
    ended_by: Ref | None = None
    """The last event of the last holding: its `down`, or what the node wrote last before it started anew."""
    known: Mapping[str, Head] = field(default_factory=dict)
    """The newest head of every other node that the last claim or reclaim rested on."""
    requested: str = ""
    """The operator's last word here: "fail", "recover", "reclaim" or empty."""
    requested_by: Ref | None = None
    cause: str = ""
    """Why STOPPING or FAIL: "operator", "action", "check", "carrier", "rival", "failback", "move", "stopping", ..."""
    to: ServicePhase = ServicePhase.RECOVER
    """Where a STOPPING leads."""
    last_failed: bool = False
    """The last claim or check failed here: taken back only when no node holds it, or at an operator's word."""
    failures: int = 0
    """FAILs by an action or a check in a row: `retry` doubles with each."""
    stuck: bool = False
    """A down action failed or its end is unknown."""
    failed_check: Ref | None = None
    """The check that failed for good, while it counts."""
    stops: bool = False
    """That check stops the service everywhere: `on_fail = "stop"`."""
    told: Mapping[int, Ref] = field(default_factory=dict)
    """Checks that have failed and only tell, while it is up: number to event."""
    well: Ref | None = None
    """In FAIL by a check: the event that says that all checks pass again."""
    restarts: int = 0
    """Restarts in place since the last claim."""
    carrier_lost: Mapping[str, Ref] = field(default_factory=dict)
    """Interface to the event that says that its carrier is gone."""
    announced: Ref | None = None
    """The last `up` after a reclaim."""
    reason: str = ""
    """The sentence of the event that brought the present state."""

    @property
    def holds(self) -> bool:
        return self.state in HOLDING


class Skipped(NamedTuple):
    """An event that has changed nothing but the head."""

    ref: Ref
    flaw: Flaw
    """ENCODING: its body does not parse. UNLAWFUL: it breaks the rules. AUTHORITY: its author has no right to it."""
    text: str


class Fence(NamedTuple):
    """A fencing of another node, as the node says that does it."""

    request: Ref
    run: bytes
    by: FencedBy
    result: Ref | None = None
    ok: bool = False
    text: str = ""
    """What became of it."""


class Removal(NamedTuple):
    """What a node that was removed has been shown of it."""

    number: int
    """The number of the configuration that does not name it any more."""
    by: str
    """The node that has shown it."""
    ref: Ref
    body: Removed
    """As it was written: a new incarnation writes it again."""


SKIPPED_KEPT = 16
"""The newest ones of each node; all of them are counted."""


@dataclass(frozen=True)
class NodeState:
    """One node, as its own events tell it."""

    node: str
    head: Head | None = None
    """The newest incarnation's last event here."""
    run: bytes = b""
    started: Ref | None = None
    running: bool = False
    """False after node-stopped."""
    leaving: Ref | None = None
    """The event by which it is being stopped."""
    rules: int = 0
    config_number: int = 0
    config: bytes = b""
    """Digest of the configuration that it runs."""
    configured: Ref | None = None
    """The event that brought it."""
    configs: tuple[bytes, ...] = ()
    """The digests that it lived by in this incarnation, the newest first."""
    removed: Removal | None = None
    """It was removed, by the file that it has lived by since its last `config-applied`."""
    seen: Mapping[str, Head] = field(default_factory=dict)
    """The newest head of every other node that this node's last event rested on."""
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    judged: Mapping[str, Ref] = field(default_factory=dict)
    """The last written judgement of each peer."""
    judgement: Mapping[str, str] = field(default_factory=dict)
    orders_in_gap: Ref | None = None
    """The gap of this incarnation that carried what a gap carries no more; of which rules it is, its first start tells."""
    moves_ended: frozenset[tuple[str, Ref]] = frozenset()
    """For each service the moves that this node, which held it, has seen over."""
    splits: Mapping[str, Ref] = field(default_factory=dict)
    """Service to the split-seen event that is not resolved yet."""
    votes: Mapping[str, Votes] = field(default_factory=dict)
    """Service to the votes that this node has given for it."""
    fences: Mapping[str, "Fence"] = field(default_factory=dict)
    """Node to the newest fencing of it that this node has begun in this run."""
    refused: tuple[tuple[Ref, str], ...] = ()
    """Events without authority, with the reason: findings of kind `authority`."""
    skipped: tuple[Skipped, ...] = ()
    """The newest events of this feed that had no effect."""
    skips: int = 0
    """How many there were in this incarnation."""

    def service(self, name: str) -> ServiceState:
        return self.services.get(name, FRESH)

    @property
    def vote(self) -> int:
        """The number of its newest vote in this incarnation; 0 where it has given none."""
        return last_number(self.votes.values())

    def without_effect(self, ref: Ref, flaw: Flaw, text: str) -> "NodeState":
        """One more event that changes nothing."""
        return replace(self, skipped=(*self.skipped, Skipped(ref, flaw, text))[-SKIPPED_KEPT:], skips=self.skips + 1)

    def with_service(self, name: str, service: ServiceState) -> "NodeState":
        return replace(self, services={**self.services, name: service})


FRESH = ServiceState()


CONFIGS_KEPT = 8
"""Configurations that a node lived by, the newest first: until the newest one counts here, it is judged by the one before."""


def newest_first(configs: tuple[bytes, ...], digest: bytes) -> tuple[bytes, ...]:
    """What a node lived by, after it has applied this one."""
    return (digest, *(known for known in configs if known != digest))[:CONFIGS_KEPT]


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader of these feeds goes by, besides what they say."""

    me: str = ""
    """The node whose own configurations count for this reader; empty for an auditor."""
    keyring: Keyring | None = None
    """Proves signatures inside events; None: the keys of the configurations that count."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The pieces of a fork's evidence so far."""

    digest: bytes
    count: int
    pieces: tuple[bytes, ...]


@dataclass(frozen=True)
class State:
    """Everything that the feeds tell."""

    columns: Mapping[str, NodeState] = field(default_factory=dict)
    policies: Mapping[bytes, Policy] = field(default_factory=dict)
    """Digest to configuration: those that count. What another node lives by is a label until it is among them."""
    numbers: Mapping[bytes, int] = field(default_factory=dict)
    """Digest to the number under which it was last applied with authority: the configuration with the largest one rules."""
    unread: Mapping[Feed, Unread] = field(default_factory=dict)
    """Configurations of which the last piece is not here yet, by the feed that brings them."""
    forks: Mapping[str, frozenset[Ref]] = field(default_factory=dict)
    """Node to the events, of any incarnation, that prove that it has forked: they stand by themselves, as orders do."""
    shown: Mapping[Feed, Shown] = field(default_factory=dict)
    """Evidence of a fork of which the pieces are here and the event that rests on them is not."""
    orders: Orders = field(default_factory=Orders)
    """What operators have ordered, and what follows from it."""
    words: Mapping[tuple[str, str], tuple[Word, ...]] = field(default_factory=dict)
    """(service, node) to that node's last words, by every event that tells of one, whatever its incarnation."""
    epochs: Epochs = field(default_factory=Epochs)
    """The epochs that were claimed, by every feed and incarnation."""
    trust: Trust = Trust()

    @classmethod
    def begin(cls, *policies: Policy, me: str = "", keyring: Keyring | None = None) -> "State":
        """Before the first event. `policies`: what the reader trusts from the start."""
        return cls(policies={policy.digest: policy for policy in policies}, trust=Trust(me, keyring))

    def column(self, node: str) -> NodeState:
        return self.columns.get(node) or NodeState(node)

    def with_column(self, column: NodeState) -> "State":
        return replace(self, columns={**self.columns, column.node: column})

    def policy_of(self, configs: tuple[bytes, ...]) -> Policy | None:
        """The newest of these configurations that counts here."""
        return next((self.policies[digest] for digest in configs if digest in self.policies), None)
