"""What the core orders. Effects are imperatives; the shell performs them in order and reports back by inputs."""

from dataclasses import dataclass

from coordinator.alarms.names import AlarmName
from coordinator.core.quorum.arbitration import Question
from coordinator.policy import EvidencePolicy, GatePolicy, Policy, ServicePolicy
from protocol.bodies import Reply
from protocol.commands import SignedCommand
from protocol.event import Entry, Ref
from protocol.forks import Branch
from protocol.messages import Heartbeat, LastWord


@dataclass(frozen=True, slots=True)
class Append:
    """Store these entries in one transaction, in this order: our own (the shell signs them) and those of peers.

    `Durable` or `NotDurable` comes back with the ticket. One Append is in flight at a time; what comes up meanwhile is
    collected into the next (group commit). Nothing after an Append in the same list needs to wait for it: what must
    wait (the first action of a claim) is ordered by the core only when `Durable` has come.
    """

    ticket: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Push:
    """Send these own entries, durable now, to every connected peer. `urgent`: as datagrams on every link as well."""

    first: int
    last: int
    incarnation: int
    urgent: bool


@dataclass(frozen=True, slots=True)
class Want:
    """Ask `peer` for a feed from this number on."""

    peer: str
    node: str
    incarnation: int
    first: int


@dataclass(frozen=True, slots=True)
class ShowHeads:
    """Tell every peer how far the replaced incarnations are durable here: heartbeats name only the newest of each node."""


@dataclass(frozen=True, slots=True)
class ShowFork:
    """A signed run came that begins otherwise than what is stored under the same name: come back with both (`ForkShown`)."""

    theirs: Branch


@dataclass(frozen=True, slots=True)
class Beat:
    """Sign this heartbeat and send it to every peer on every link, over TLS and as a datagram."""

    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class Relay:
    """Pass a third node's newest heartbeat, as it was signed, on to `peer`."""

    peer: str
    raw: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """Tell the guard what to take down if we die, with the last word for it; `Guarded` comes back."""

    word: LastWord
    service: ServicePolicy
    """The actions that come up next under this claim, or are up: the guard takes down these, and no others."""


@dataclass(frozen=True, slots=True)
class Unguard:
    """The service is down here: the guard forgets it."""

    service: str
    epoch: int


@dataclass(frozen=True, slots=True)
class SayLastWord:
    """Our actions are down: say so as a signed message, which no disk holds up."""

    word: LastWord


@dataclass(frozen=True, slots=True)
class Run:
    """Run one step; `StepFinished` comes back with the ticket. Actions of one service run one after the other."""

    ticket: int
    service: str
    actions: tuple[int, ...]
    """Their indices in the service's list, in the order in which they are to run; all of them, also where one fails."""
    word: str
    """"up", "down" or "reclaim"."""
    epoch: int
    reason: str
    last_word: LastWord | None = None
    """With the last step down: said at once where every action of it has ended well, for a successor waits for nothing else."""
    lease_ends_ms: int = 0
    """Of an `up` or `reclaim`: until when the kernel may let its addresses answer, by the decision clock."""


@dataclass(frozen=True, slots=True)
class Cut:
    """End the step with this ticket, an `up` or a `reclaim`: the service is to come down. Its `StepFinished` comes at once."""

    service: str
    ticket: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Run the service's checks while `on`; each result is a `CheckFinished`."""

    service: str
    on: bool
    patience_ms: int = 0
    """At least so long from one run to the next, whatever `every` says: the service is out, and there is no hurry."""


@dataclass(frozen=True, slots=True)
class AskGate:
    """Run this script every so often from now on, each run answered by `GateAnswered`; None: no longer."""

    service: str
    gate: GatePolicy | None


@dataclass(frozen=True, slots=True)
class AskEvidence:
    """The same for the script that gives a number, answered by `EvidenceGiven`. Said again it asks at once."""

    service: str
    evidence: EvidencePolicy | None


@dataclass(frozen=True, slots=True)
class Adopt:
    """The core has taken this configuration: everything that the shell does by itself follows it from now on."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class Equip:
    """From the next order on the actions of this service are these. Nothing of other ones is up, or they work alike."""

    service: ServicePolicy


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass a signed command on to the node that must act; `ReplyArrived` comes back, or it is ordered again."""

    peer: str
    command: SignedCommand
    again: bool = False
    """Asked before, and not answered."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce the addresses of this service that are up once more. Nothing waits for it, and nothing is written."""

    service: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """With the heartbeat that tells the peers that we live: the kernel may let the addresses of each of these services answer
    until then, where it still does. `GateLapsed` or `GateGone` comes back for each where it does not."""

    leases: tuple[tuple[str, int], ...]
    """Service, and the end of its lease by the decision clock."""


@dataclass(frozen=True, slots=True)
class Renew:
    """With the claim, and with each heartbeat that is due: until when this node owns each of these services, of which
    something stays up unless it is taken down. The guard does that then, where we do not, or this machine is reset."""

    leases: tuple[tuple[str, int, int], ...]
    """Service, epoch, and the end of its lease by the decision clock."""


@dataclass(frozen=True, slots=True)
class Open:
    """We have looked, and still own it: the kernel lets the addresses of this service answer again, and they are announced."""

    service: str
    lease_ends_ms: int


@dataclass(frozen=True, slots=True)
class Fence:
    """Switch this node off by its levels, one after the other; `FenceFinished` comes back with the request."""

    request: Ref
    node: str


@dataclass(frozen=True, slots=True)
class AskArbiter:
    """Put this to the arbiter; `ArbiterSaid` comes back with it, in any time or never."""

    question: Question


@dataclass(frozen=True, slots=True)
class SendReply:
    """Tell the node that passed a command on what became of it."""

    peer: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell the asker of this ticket what became of the command: admitted, forwarded, or refused with words."""

    ticket: int
    admitted: bool
    text: str
    authority: bool = True
    """False where it was refused for lack of authority (exit code 4)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something people should see (`coordinator.alarms`). Name, service and node identify it; to begin it again changes its
    text."""

    name: AlarmName
    text: str
    service: str = ""
    node: str = ""
    until_written: bool = False
    """Over as soon as the log takes something again."""


@dataclass(frozen=True, slots=True)
class AlarmOver:
    """The alarm of this name, service and node no longer stands; nothing where it does not."""

    name: AlarmName
    service: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The feed is complete and the core has decided once: the shell prints `ready`."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Everything is released and written: the shell may end."""

    stuck: tuple[str, ...] = ()
    """Services that are still up here, since their down failed; every peer that hears us knows it."""


Effect = (
    Append | Push | Want | ShowHeads | ShowFork | Beat | Relay | Guard | Unguard | SayLastWord | Run | Cut | Announce | Watch
    | AskGate | AskEvidence
    | Refresh | Renew | Open | Fence | AskArbiter | Adopt | Equip | Forward | SendReply | Answer | Alarm | AlarmOver
    | Ready | Exit
)  # fmt: skip
