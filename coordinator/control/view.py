"""What the control socket needs to know of the node it stands on: the daemon implements it, tests bring a small one.

Everything but `submit`, `apply` and `read` answers at once from memory; nothing here changes the node except `submit`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from coordinator.alarms.board import Alarm
from coordinator.control.change_signal import ChangeSignal
from coordinator.control.enforcement import GateView
from coordinator.control.fence_view import FenceView
from coordinator.core.commands import Already, Refusal, Resolved, Wanted
from coordinator.core.effects import Answer
from coordinator.policy import Policy
from coordinator.state.model import Judgement, State
from protocol.commands import SignedCommand
from protocol.event import Event, Head, Ref


@dataclass(frozen=True, slots=True)
class PeerView:
    """What this node thinks of one peer, now."""

    judgement: Judgement
    silent_ms: int
    reachable: bool
    """Heard without a third node's help."""
    fit: bool
    """By its newest heartbeat."""
    agrees: bool
    """It runs the configuration that we run, as far as its heartbeats say."""
    hears_us: bool = True
    """By its newest heartbeat it heard one of ours within `dead`."""
    unable: tuple[str, ...] = ()
    """Services that it cannot take now, by its newest heartbeat: a gate refuses, or it does not see the arbiter."""


class Fate(StrEnum):
    """What became of a configuration file that was read again."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    BAD = "bad"
    """The file itself must be changed."""
    REFUSED = "refused"
    """Not now, or not while others live by another one."""
    DENIED = "denied"
    """The operator may not."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Whatever it is but APPLIED: nothing has changed."""

    fate: Fate
    text: str
    changes: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    """FILE:LINE:COLUMN: key: what is wrong. What to write instead."""


class LinkView(Protocol):
    """One link to one peer; `coordinator.transport.links` has the class."""

    @property
    def peer(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def up(self) -> bool: ...
    @property
    def datagram(self) -> bool:
        """Whether heartbeats arrive as datagrams too."""

    @property
    def rtt_ms(self) -> float | None: ...
    @property
    def refused(self) -> Mapping[str, int]:
        """Reason to how many messages were refused for it."""


class TurnsView(Protocol):
    """How long the event loop's turns took since this node was ready; `coordinator.daemon.loop_timing` has the class."""

    @property
    def longest_ms(self) -> float: ...
    @property
    def longest_text(self) -> str:
        """What ran in it; empty where it was too short to be seen."""

    @property
    def longest_at_ms(self) -> int: ...
    @property
    def long(self) -> int:
        """How many took longer than 20 ms."""


class StateView(Protocol):
    """What there is to know about a service, besides what is thought of the peers."""

    @property
    def me(self) -> str: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def state(self) -> State: ...

    def sentence(self, service: str) -> str:
        """The reason of this node's newest decision on a service, also of one to do nothing; empty where there is none."""

    def refused_because(self, service: str) -> str:
        """Why the gate of a service refuses it here; empty where it opens, and where it is not asked."""

    def number(self, service: str, node: str) -> tuple[int, int] | None:
        """The newest number that the script of a service has given on this candidate, and how many ms ago."""

    def no_number_because(self, service: str) -> str:
        """Why that script gave none when it ran here last; empty where it did."""

    def event(self, ref: Ref | None) -> Event | None:
        """A durable event, if it is in memory; else `recall` looks for it."""


class NodeView(StateView, Protocol):
    @property
    def config_path(self) -> Path:
        """The file that the policy was read from: the operator's key may lie beside it."""

    @property
    def ready(self) -> bool:
        """The feed is complete and the node has decided once."""

    @property
    def unfit_because(self) -> str:
        """Why this node takes nothing; empty where it is fit."""

    @property
    def arbiter_unseen(self) -> str:
        """Why this node gets no answer of the arbiter that its services need; empty where it does, or where none needs one."""

    @property
    def alarms(self) -> Sequence[Alarm]:
        """Those that stand, the gravest first."""

    @property
    def turns(self) -> TurnsView: ...
    @property
    def bell(self) -> ChangeSignal:
        """Rung whenever `state` or `heads()` has changed."""

    def peers(self) -> Mapping[str, PeerView]:
        """Every other node of the policy."""

    def links(self) -> Sequence[LinkView]: ...

    def gate(self) -> GateView:
        """What the kernel holds for the services of this node, asked now."""

    def fence(self, node: str) -> FenceView | None:
        """Whether this node could be fenced from here; None where the configuration has no way to."""

    async def recall(self) -> bool:
        """Read the events that `event` was asked for in vain. Whether any was found."""

    def heads(self) -> tuple[Head, ...]:
        """The last durable event of every feed."""

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        """Durable events of one feed, as bytes and signature."""

    def resolve(self, wanted: Wanted) -> Resolved | Refusal | Already:
        """What a command must name beside what its operator wants."""

    async def submit(self, command: SignedCommand) -> Answer:
        """Hand a command to the core; returns as soon as it is admitted, passed on or refused."""

    async def apply(self, command: SignedCommand) -> Applied:
        """Read the configuration file again, and swap it or change nothing."""
