"""What a file of this folder says of its kind of action: everything that the rest of the program asks of a kind.

    class Marker(ActionKind):
        name, spoken = "marker", "a marker"
        settings = (Setting("marker", str, "A file that is there while the service is up.", "/run/web"),)

        def read(self, it: Table) -> Mapping[str, Any]: ...
        def named(self, settings: Mapping[str, Any]) -> str: ...
        def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made: ...

`written` is what stands in failover.toml, key by key, and in the right shape; `settings` is what `read` made of it.

A kind is part of what a stored configuration means, so the fold imports it: a file here imports nothing at its top that touches
a socket, a file or a clock. What an action needs to act comes with the workshop, or is imported inside `make`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from actions.action import Action, Order
from protocol.stored.table import Table, Unreadable
from protocol.stored.values import interface

if TYPE_CHECKING:
    from actions.ocf.metadata import Metadata
    from actions.workshop import Workshop


class Odd(NamedTuple):
    """What is wrong with a key, and what to do: the two halves of a complaint."""

    key: str
    what: str
    instead: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a kind in failover.toml, as complaints and editors show it. The first one of a kind bears its name."""

    key: str
    shape: Any
    """`str`, `int` or `bool`, or a list or table of one."""
    description: str
    example: Any
    check: Callable[[str], object] | None = None
    """Raises BadEndpoint where one value is wrong by itself."""


class Network(Protocol):
    """A network that an interface is in."""

    @property
    def is_link_local(self) -> bool: ...

    def __contains__(self, address: IPv4Address | IPv6Address, /) -> bool: ...


class Machine(Protocol):
    """The machine on which a file is checked."""

    @property
    def interfaces(self) -> list[str]: ...

    def has_ipv6(self, interface: str) -> bool: ...

    def networks(self, interface: str, version: int) -> Sequence[Network]:
        """None where the file is checked for another machine."""
        ...

    def answers_for_others(self, interface: str, version: int) -> bool:
        """Whether it forwards packets there: else the kernel answers for no other machine."""
        ...

    def wrong_unit(self, unit: str, *, starts_it: bool) -> tuple[str, str] | None:
        """Why this unit of systemd would not do, and what to do. `starts_it`: nobody else may start it."""
        ...

    def wrong_mount(self, folder: str, device: str) -> tuple[str, str] | None:
        """Why nothing can be mounted so, and what to do."""
        ...

    def unusable(self, program: str) -> tuple[str, str] | None:
        """Why this program cannot be run by us, and what to do."""
        ...

    def metadata(self, program: str, environment: Mapping[str, str]) -> Metadata | str | None:
        """What a resource agent says of itself, or why it does not. None where the file is checked for another machine."""
        ...

    def unreadable(self, file: str) -> tuple[str, str] | None:
        """Why this file cannot be read by us, and what to do."""
        ...


class Call(NamedTuple):
    """One word about a change, and how to tell it."""

    word: str
    tell: Callable[[], Awaitable[None]]


class Told(Protocol):
    """A program that is told of a service's states, beside the orders."""

    @property
    def path(self) -> str: ...

    def calls(self, was: str, state: str, order: Order) -> list[Call]: ...


class Made(NamedTuple):
    """A configured action, ready to act here."""

    action: Action | None
    """None where it is told changes, and takes no orders."""
    told: Told | None = None


def not_absolute(key: str, path: str, example: str = "/etc/failover/web") -> Iterator[Odd]:
    if not path.startswith("/"):
        yield Odd(key, f'"{path[:60]}" is not an absolute path', f'Write it in full, such as "{example}"')


INTERFACE = Setting("interface", str, "The interface that it is on.", "eth0")


def odd_interface(key: str, written: Mapping[str, Any]) -> Iterator[Odd]:
    """Where the kind whose own key is `key` needs one."""
    name = written.get("interface")
    if name is None:
        yield Odd(key, "has no interface", 'Write interface = "eth0" beside it')
        return
    try:
        interface(name)
    except Unreadable:
        yield Odd("interface", f'"{name[:40]}" is not an interface name', 'Write one such as "eth0"')


def no_interface(written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
    name = written.get("interface")
    if name is not None and name not in machine.interfaces:
        instead = f"Write one that it has: {', '.join(machine.interfaces[:12])}"
        yield Odd("interface", f"there is no interface {name}", instead)


class Kind(ABC):
    """What kinds of actions and of checks have in common."""

    name: ClassVar[str]
    """Its own key in the file, and `kind` of its policies."""
    spoken: ClassVar[str]
    """With its article, for complaints."""
    settings: ClassVar[tuple[Setting, ...]]
    runs_programs: ClassVar[bool] = False
    """Whether it needs a process that starts programs."""

    @abstractmethod
    def read(self, it: Table) -> Mapping[str, Any]:
        """The settings in a stored table. Raises Unreadable. Does not change any more once a log can have it: a rule that
        comes later goes into `odd`."""

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        """What an operator must change. Whatever has nothing odd, `read` can read."""
        for key, program in self.programs(written):
            yield from not_absolute(key, program)

    def programs(self, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The key and the path of each program that it runs."""
        return iter(())

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        """What a node needs for it and this machine lacks. `written` has `timeout` besides, in milliseconds,
        and the `nodes` that it is for."""
        for key, program in self.programs(written):
            if wrong := machine.unusable(program):
                yield Odd(key, *wrong)


class ActionKind(Kind):
    instant: ClassVar[bool] = False
    """Up and down take one system call, which cannot hang as a program can: neighbours of this kind are one step."""

    @abstractmethod
    def named(self, settings: Mapping[str, Any]) -> str:
        """How people are told of such an action."""

    @abstractmethod
    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        """The same settings on this machine: up, down, reclaim and probe, or what is told of changes."""

    def guard_down(
        self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int
    ) -> Mapping[str, Any] | None:
        """How the guard takes it down after the end of `faild`: {address, interface}, {run, env, timeout_ms} or {kernel, ...}
        (actions/guard/take_down.py); None where there is nothing to take down."""
        return None
