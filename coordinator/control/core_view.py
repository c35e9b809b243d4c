"""The view of a running core: what the daemon hands to the control server.

    view = CoreView(core, config_path, journal, links.status, submit, bell, alarms)

It reads the core between two inputs, on the same event loop: every answer is one consistent moment.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coordinator.control.bell import Bell
from coordinator.control.view import LinkView, PeerView
from coordinator.core.core import Core
from coordinator.core.effects import Answer
from coordinator.core.model import State
from coordinator.policy import Policy
from protocol.commands import SignedCommand
from protocol.event import Head


class Feeds(Protocol):
    """Where durable events are read from; `store.Journal` is one."""

    def heads(self) -> tuple[Head, ...]: ...

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]: ...


@dataclass(slots=True)
class CoreView:
    core: Core
    config_path: Path
    feeds: Feeds
    link_status: Callable[[], Sequence[LinkView]]
    order: Callable[[SignedCommand], Awaitable[Answer]]
    """Puts a CommandArrived with a new ticket into the inbox and waits for its Answer."""
    bell: Bell
    alarms: Sequence[str]
    """A list that the daemon keeps, newest last."""

    @property
    def me(self) -> str:
        return self.core.me

    @property
    def policy(self) -> Policy:
        return self.core.policy

    @property
    def state(self) -> State:
        return self.core.state

    @property
    def ready(self) -> bool:
        return self.core.ready

    @property
    def unfit_because(self) -> str:
        return self.core.unfit_because

    def peers(self) -> Mapping[str, PeerView]:
        given, now_ms, liveness = self.core.given(), self.core.now_ms, self.core.liveness
        return {
            name: PeerView(peer.judgement, peer.silent_ms, liveness.reachable(name, now_ms), peer.fit, peer.agrees)
            for name, peer in given.peers.items()
        }

    def links(self) -> Sequence[LinkView]:
        return self.link_status()

    def sentence(self, service: str) -> str:
        return self.core.sentences.get(service, "")

    def heads(self) -> tuple[Head, ...]:
        return self.feeds.heads()

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        return await self.feeds.read(node, incarnation, first, limit)

    async def submit(self, command: SignedCommand) -> Answer:
        return await self.order(command)
