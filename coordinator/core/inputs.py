"""What happens to a node. Inputs are in the past tense; each is frozen and carries no clock: the time comes beside it."""

from dataclasses import dataclass
from typing import NamedTuple

from coordinator.core.quorum.arbiter import Said
from coordinator.core.quorum.arbitration import Question
from coordinator.policy import CheckPolicy, EvidencePolicy, GatePolicy, Policy
from protocol.bodies import Reply
from protocol.commands import SignedCommand
from protocol.event import Head, Ref
from protocol.events.words import Outcome as Outcome
from protocol.forks import Branch
from protocol.messages import Batch, Heartbeat, LastWord, Verified


class Now(NamedTuple):
    """One instant on three clocks, in milliseconds. Decisions read `mono_ms` only; the others label events."""

    mono_ms: int
    wall_ms: int
    boot_ms: int


@dataclass(frozen=True, slots=True)
class Booted:
    """The first input: the disk is read and what a probe found up is down. `clean`: our feed ends in node-stopped."""

    clean: bool
    cuts: tuple[tuple[str, int, int, int], ...] = ()
    """For each feed that was cut in the file: node, incarnation, the first number that is missing and the last one known."""


@dataclass(frozen=True, slots=True)
class Woke:
    """The time asked for by `wake_at_ms` has come (or is over)."""


@dataclass(frozen=True, slots=True)
class HeartbeatHeard:
    """A heartbeat arrived: over a link of ours (and whether as a datagram), or relayed by a third node (`link` empty)."""

    heartbeat: Verified[Heartbeat]
    link: str
    datagram: bool = False


@dataclass(frozen=True, slots=True)
class BatchArrived:
    """Entries of another node's feed (or of ours, when we complete an older disk)."""

    batch: Batch
    source: str


@dataclass(frozen=True, slots=True)
class HeadsArrived:
    """A peer said how far it knows feeds: all of them on connecting, later replaced incarnations, which no heartbeat names."""

    peer: str
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class Durable:
    """The entries of `Append` with this ticket are on the disk, `took_us` after the order."""

    ticket: int
    took_us: int = 0


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """Whether the state folder's disk has less left than is kept for our own events (`tight`)."""

    tight: bool


@dataclass(frozen=True, slots=True)
class NotDurable:
    """The disk refused the `Append` with this ticket; nothing of it is stored."""

    ticket: int
    why: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """The guard has confirmed what it would take down for this claim."""

    service: str
    epoch: int


@dataclass(frozen=True, slots=True)
class GuardChanged:
    """The guard has died, or a new one stands and has been told everything that is held."""

    alive: bool


@dataclass(frozen=True, slots=True)
class ActionEnding:
    """How one action of a step ended."""

    outcome: Outcome
    took_us: int = 0
    announce_us: int = 0
    """How much of that announcing an address took."""
    text: str = ""
    """One line for people: what was said on failure."""
    output: bytes = b""
    """SHA-256 of what it printed, or empty."""


@dataclass(frozen=True, slots=True)
class StepFinished:
    """The actions of `Run` with this ticket have ended: one ending for each, in their order."""

    ticket: int
    endings: tuple[ActionEnding, ...]
    said: bool = False
    """Its last word has gone out."""


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """One run of check number `check` of a service."""

    service: str
    check: int
    passed: bool
    text: str = ""
    asked: CheckPolicy | None = None
    """What was run: the list may have been configured anew meanwhile, and the number mean another."""


@dataclass(frozen=True, slots=True)
class GateAnswered:
    """One run of the gate of a service."""

    service: str
    opens: bool
    text: str
    """Why not."""
    asked: GatePolicy


@dataclass(frozen=True, slots=True)
class EvidenceGiven:
    """One run of the script that says how much of a service's data is here."""

    service: str
    number: int | None
    """None where it gave none."""
    text: str
    """Why it gave none."""
    asked: EvidencePolicy


@dataclass(frozen=True, slots=True)
class CommandArrived:
    """A command whose signature, cluster and expiry were found good. `ticket` names the asker, who gets one `Answer`."""

    command: SignedCommand
    ticket: int
    source: str = ""
    """The node that passed it on; empty where it was given to us."""


@dataclass(frozen=True, slots=True)
class ReplyArrived:
    """A node says what became of a command that was passed on to it."""

    node: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class CarrierChanged:
    interface: str
    up: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The TLS connection of one link has come or gone."""

    peer: str
    link: str
    up: bool


@dataclass(frozen=True, slots=True)
class LastWordHeard:
    word: Verified[LastWord]


@dataclass(frozen=True, slots=True)
class GateLapsed:
    """The kernel's lease on the addresses of this service ran out before it was renewed: nothing answers for them, until
    `Open`. Another node may have taken the service over meanwhile."""

    service: str
    ended_ms: int
    """By the decision clock; from then on nothing answered."""


@dataclass(frozen=True, slots=True)
class GateGone:
    """Another program has removed our packet filter: the addresses of this service answer, and no lease ends that."""

    service: str
    ends_ms: int
    """Of the lease that the kernel had been told last: where it lives, no other node can have taken over."""


@dataclass(frozen=True, slots=True)
class FenceFinished:
    """What became of `Fence` with this request. `ok`: each device of one level says that the power is off."""

    request: Ref
    node: str
    ok: bool
    level: int
    """Which one did it, from 1; 0 where none did."""
    text: str


@dataclass(frozen=True, slots=True)
class ArbiterSaid:
    """What the arbiter has answered to `AskArbiter`, or why it has not."""

    question: Question
    answer: Said


@dataclass(frozen=True, slots=True)
class StopAsked:
    """SIGTERM: release everything, then end."""


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """The file was read again and found sound: the core takes it (`Adopt`) or refuses it. One `Answer` for the ticket."""

    policy: Policy
    ticket: int = 0
    command: SignedCommand | None = None
    """`failc config apply`; None after SIGHUP, which only root can send."""


@dataclass(frozen=True, slots=True)
class ForkShown:
    """Two validly signed runs that begin with one name: `ours` is stored here, `theirs` came over a link."""

    ours: Branch
    theirs: Branch


@dataclass(frozen=True, slots=True)
class RemovalShown:
    """A peer that we dialled does not let us in: its file does not name us. Command, signature and text are empty where no
    administrator has signed that file."""

    node: str
    command: bytes
    signature: bytes
    text: str


Input = (
    Booted | Woke | HeartbeatHeard | BatchArrived | HeadsArrived | Durable | NotDurable | Guarded | GuardChanged
    | StepFinished | CheckFinished | CommandArrived | ReplyArrived | CarrierChanged | LinkChanged | LastWordHeard | StopAsked
    | Reconfigured | ForkShown | RoomChanged | RemovalShown | GateLapsed | GateGone | FenceFinished | ArbiterSaid
    | GateAnswered | EvidenceGiven
)  # fmt: skip
