"""What the shell needs of the world. The daemon brings the real thing, the simulator one in virtual time; nothing else differs.

    log         stores entries, and reads them again             store.journal behind `daemon.log_port`, `simulator.shell_ports`
    links       carry bytes to the peers                         `transport.link`, `simulator.link`
    guard       takes down what is held when we end              `guarding.guard_link`, `simulator.shell_ports`
    actions     change this machine, and look at it              `services.executor`, `simulator.shell_ports`
    clock       what time it is, and what is to be done later    `daemon.clock`, `simulator.shell_ports`
    power       switches other machines off                      `services.fencer`, `simulator.shell_ports`
    arbiter     says who owns what it decides on                 `daemon.arbiter_port`, `simulator.arbiter_port`
    notices     what people, askers and the service manager hear `daemon.notices`, `simulator.faild`

Every function of a port returns at once. What became of an order comes back as an input, never before the order's own input is
done (`coordinator.shell.inbox`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from coordinator.core.effects import (
    Alarm,
    AlarmOver,
    Answer,
    AskArbiter,
    AskEvidence,
    AskGate,
    Cut,
    Exit,
    Fence,
    Open,
    Refresh,
    Renew,
    Run,
    Watch,
)
from coordinator.core.inputs import Now
from coordinator.policy import Policy, ServicePolicy
from protocol.bodies import Ping
from protocol.datagram import Inside
from protocol.event import Entry, Event, Head, Ref
from protocol.messages import LastWord, Verified
from store.refusals import JournalRefused


class Stored(Protocol):
    """A group of entries that is durable now (`store.journal.Written`)."""

    @property
    def entries(self) -> Sequence[Entry]:
        """As they stand on the disk: what had to be signed is."""

    @property
    def took_us(self) -> int: ...


class Log(Protocol):
    def order(self, entries: Sequence[Entry], tell: Callable[[Stored | JournalRefused], None]) -> None:
        """Store these in one transaction, behind everything ordered before."""

    def fetch(self, first: Ref, limit: int, tell: Callable[[Sequence[Entry]], None]) -> None:
        """At most so many durable entries of one feed, from this one on."""

    def heads(self) -> tuple[Head, ...]:
        """The last durable event of every feed, as many as one frame holds."""


class Way(Protocol):
    """One link to one peer: its TLS connection, where one stands, and its sealed datagrams, where their key is known."""

    @property
    def peer(self) -> str: ...

    @property
    def stream_ms(self) -> int:
        """When it brought something over TLS last."""

    def beat(self, body: bytes, data: bytes) -> Callable[[], None]:
        """A heartbeat on both transports: `body` as a datagram, its frame `data` over TLS. The returned call sends."""

    def send(self, data: bytes) -> bool:
        """A frame over TLS; False where it was dropped."""

    def seal(self, inside: Inside, body: bytes) -> bool:
        """A sealed datagram; False where there is no key, or it is too large."""

    def shout(self, data: bytes) -> None:
        """A datagram in clear."""


class Line(Protocol):
    """The same link, as the receiver tells it what arrives (`coordinator.transport.receive`)."""

    @property
    def peer(self) -> str: ...

    @property
    def name(self) -> str: ...

    def adopt(self, connection: Any, now_ms: int) -> bool:
        """The peer's hello is here: this connection serves the link. True where none did before."""

    def stream_heard(self, now_ms: int) -> None: ...

    def datagram_heard(self, now_ms: int) -> None: ...

    def knocked(self, now_ms: int) -> None: ...

    def pinged(self, ping: Ping, now_ms: int) -> None: ...

    def ponged(self, pong: Ping, connection: Any) -> None: ...

    def send(self, data: bytes) -> bool: ...


Ways = Mapping[tuple[str, str], Way]
"""Peer and link. It grows and shrinks with the configuration."""


class Guard(Protocol):
    def hold(self, signed: Verified[LastWord], service: ServicePolicy) -> None:
        """Replaces what was held of this service; `Guarded` comes back."""

    def release(self, service: str, epoch: int) -> None:
        """It is down here; what was held under a newer epoch stays held."""

    def renew(self, order: Renew) -> None:
        """Until when it leaves these up, whatever becomes of us."""

    def configure(self, policy: Policy) -> None:
        """Its last words go to other peers from now on."""


class Actions(Protocol):
    def run(self, order: Run) -> None:
        """The actions of a step; ended by `coordinator.shell.steps.ended`."""

    def cut(self, order: Cut) -> None: ...

    def announce(self, service: str) -> None: ...

    def refresh(self, order: Refresh) -> None:
        """`GateLapsed` or `GateGone` comes back for each service whose addresses the kernel does not hold any more."""

    def open(self, order: Open) -> None: ...

    def watch(self, order: Watch) -> None: ...

    def ask_gate(self, order: AskGate) -> None: ...

    def ask_evidence(self, order: AskEvidence) -> None: ...

    def equip(self, service: ServicePolicy) -> None: ...

    def configure(self, policy: Policy) -> None: ...


class Power(Protocol):
    def fence(self, order: Fence) -> None:
        """`FenceFinished` comes back."""


class Arbiter(Protocol):
    def ask(self, order: AskArbiter) -> None:
        """`ArbiterSaid` comes back, at any time or never."""

    def configure(self, policy: Policy) -> None:
        """It is reached as this file says from now on."""


class Clock(Protocol):
    def now(self) -> Now:
        """One instant on three clocks."""

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        """In the next turn, after whatever is due now."""

    def wake_at(self, at_ms: int, act: Callable[[], None]) -> None:
        """When the decision clock shows so much. There is one such timer: another order replaces it."""

    def close(self) -> None:
        """No timer goes off any more."""


class Notices(Protocol):
    def durable(self, events: Sequence[Event]) -> None:
        """Events of our own are on the disk: what they say may be told."""

    def answer(self, answer: Answer) -> None: ...

    def alarm(self, alarm: Alarm) -> None: ...

    def alarm_over(self, alarm: AlarmOver) -> None: ...

    def adopted(self, policy: Policy) -> None:
        """Another configuration is in force."""

    def ready(self) -> None: ...

    def exit(self, order: Exit) -> None: ...


class Ports(NamedTuple):
    log: Log
    guard: Guard
    actions: Actions
    clock: Clock
    notices: Notices
    power: Power
    arbiter: Arbiter
