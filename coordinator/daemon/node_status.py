"""What the control socket and the alarms look at: `coordinator.control.view.NodeView`, from memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from coordinator.alarms.board import Alarm
from coordinator.control.change_signal import ChangeSignal
from coordinator.control.enforcement import GateView
from coordinator.control.fence_view import FenceView
from coordinator.control.view import Applied, PeerView
from coordinator.core.commands import Already, Refusal, Resolved, Wanted
from coordinator.core.core import Core
from coordinator.core.effects import Answer
from coordinator.core.inputs import CommandArrived
from coordinator.daemon.clock import boot_ms_now
from coordinator.daemon.event_lookup import Recall
from coordinator.daemon.loop_timing import Turns
from coordinator.daemon.questions import Questions
from coordinator.policy import Policy
from coordinator.state.model import State
from coordinator.transport.link import LinkStatus
from protocol.commands import SignedCommand
from protocol.event import Event, Head, Ref
from protocol.invariant import InvariantBroken
from store.journal import Journal


class Seen(Protocol):
    """What the rest of the node shows of itself."""

    @property
    def ready(self) -> bool: ...

    @property
    def alarms(self) -> Sequence[Alarm]: ...

    def links(self) -> Sequence[LinkStatus]: ...

    def gate(self) -> GateView: ...

    def fence(self, node: str) -> FenceView | None: ...

    async def apply(self, command: SignedCommand) -> Applied: ...


class NodeStatus:
    def __init__(
        self,
        me: str,
        policy: Policy,
        config: Path,
        core: Callable[[], Core | None],
        seen: Seen,
        journal: Journal,
        questions: Questions,
    ) -> None:
        """`policy` is what holds until there is a core."""
        self.me = me
        self.config_path = config
        self.bell = ChangeSignal()
        self.turns = Turns.here()
        self._first = policy
        self._core = core
        self._seen = seen
        self._journal = journal
        self._questions = questions
        self._recalled = Recall(journal.read)

    @property
    def core(self) -> Core:
        core = self._core()
        if core is None:
            raise InvariantBroken("the core is there before the first input")
        return core

    @property
    def policy(self) -> Policy:
        core = self._core()
        return self._first if core is None else core.policy

    @property
    def state(self) -> State:
        return self.core.state

    @property
    def ready(self) -> bool:
        return self._seen.ready

    @property
    def alarms(self) -> Sequence[Alarm]:
        return self._seen.alarms

    @property
    def unfit_because(self) -> str:
        return self.core.fitness.unfit_because

    @property
    def arbiter_unseen(self) -> str:
        return self.core.arbitrated.unseen(boot_ms_now())

    def peers(self) -> Mapping[str, PeerView]:
        now_ms, core = boot_ms_now(), self.core
        views = {}
        for name, peer in core.liveness.peers.items():
            newest = peer.newest.message if peer.newest else None
            views[name] = PeerView(
                core.liveness.judgement(name, now_ms),
                core.liveness.silent_ms(name, now_ms),
                core.liveness.reachable(name, now_ms),
                bool(newest and newest.fit),
                bool(newest and newest.config == core.policy.digest[:8]),
                core.liveness.is_heard_by(name),
                newest.unable if newest else (),
            )
        return views

    def links(self) -> Sequence[LinkStatus]:
        return self._seen.links()

    def gate(self) -> GateView:
        return self._seen.gate()

    def fence(self, node: str) -> FenceView | None:
        return self._seen.fence(node)

    def sentence(self, service: str) -> str:
        return self.core.services.sentences.get(service, "")

    def refused_because(self, service: str) -> str:
        return self.core.gate_scripts.unfit_because(service)

    def number(self, service: str, node: str) -> tuple[int, int] | None:
        return self.core.evidence.number(service, node)

    def no_number_because(self, service: str) -> str:
        return self.core.evidence.troubles.get(service, "")

    def event(self, ref: Ref | None) -> Event | None:
        return self._recalled.event(ref)

    async def recall(self) -> bool:
        return await self._recalled.fetch()

    def heads(self) -> tuple[Head, ...]:
        return self._journal.heads()

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        return await self._journal.read(node, incarnation, first, limit)

    def resolve(self, wanted: Wanted) -> Resolved | Refusal | Already:
        return self.core.commands.resolve(wanted)

    async def submit(self, command: SignedCommand) -> Answer:
        return await self._questions.ask(lambda ticket: CommandArrived(command, ticket))

    async def apply(self, command: SignedCommand) -> Applied:
        return await self._seen.apply(command)
