"""Switching other nodes off: which claims wait for it, when we begin, and what became of it.

    fences.decided("web", decision, asked)  # the table waits until nodes are switched off, or for something else
    fences.begin(FenceRequested(node="genesis", ...), "", (command,))   # by an operator: the request is written
    fences.look()                           # what is wished and may begin is written; what is on the disk is ordered: `Fence`
    fences.finished(FenceFinished(...))     # the input: the result is written

A request stands on our disk before the first agent runs: the log of the cluster says which node switched another one off,
and why. A fencing that was under way when `faild` ended has no result, and counts for nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Alarm, AlarmOver, Fence
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.inputs import FenceFinished
from coordinator.core.observation_events import ObservationEvents
from coordinator.core.rounds import Rounds
from coordinator.decision.decide import NOT_FENCED, Decision, decide
from coordinator.decision.snapshot import Snapshot
from coordinator.state import model as state
from coordinator.state import ownership
from protocol.event import Ref
from protocol.events import FencedBy, FenceRequested, FenceResult

PAUSE_MS, PAUSE_MS_MAX = 10_000, 300_000
"""After a try that failed; doubled each time. A device that hangs needs a moment, and a person is on the way."""

TURN_MS = 5_000
"""How much later of two nodes that may switch each other off the one begins that stands later in the file. An agent takes a
second or two; with the `delay` of the other one's levels a site gives it more."""

BOOT_MS = 60_000
"""After our own start, for a node that we have not heard yet: a machine that boots beside us is not shot for that."""


class Failed(NamedTuple):
    times: int
    """In a row."""
    again_ms: int


class Fences:
    def __init__(self, context: Context, liveness: FailureDetector, rounds: Rounds, witnessing: ObservationEvents) -> None:
        self.context, self.liveness, self.rounds, self.witnessing = context, liveness, rounds, witnessing
        self._began_ms = context.now_ms
        self._wanted: dict[str, tuple[str, ...]] = {}
        """Service to the nodes for which its claim waits."""
        self._since_ms: dict[str, int] = {}
        """Node to since when a claim has waited for it."""
        self._failed: dict[str, Failed] = {}
        self._ordered: set[Ref] = set()
        """Requests that the shell was told of."""

    def is_open(self, node: str) -> bool:
        """Whether we are fencing this node at this moment."""
        fence = self._begun.get(node)
        return fence is not None and fence.result is None

    @property
    def _begun(self) -> Mapping[str, state.Fence]:
        """By this run: what an earlier one had begun is over, also before our start stands in the log."""
        column = self.context.column
        return column.fences if column.run == self.context.run else {}

    def begin(self, request: FenceRequested, service: str, causes: tuple[Ref, ...]) -> None:
        self.context.write(service, request, causes)

    def decided(self, service: str, decision: Decision, asked: Snapshot) -> None:
        """What the table has said of a service: nodes that were heard again, or are off, are waited for no more."""
        if decision.rule == NOT_FENCED and asked.may_fence:
            self._wanted[service] = asked.unfenced
            self._noted()
        else:
            self.forget(service)

    def forget(self, service: str) -> None:
        """Its claim waits for no node."""
        if self._wanted.pop(service, ()):
            self._noted()

    def _noted(self) -> None:
        wanted = {node for nodes in self._wanted.values() for node in nodes}
        self._since_ms = {node: self._since_ms.get(node, self.context.now_ms) for node in wanted}
        for node in self._failed.keys() - wanted:
            del self._failed[node]
            self.context.emit(AlarmOver(AlarmName.FENCE_FAILED, node=node))

    def look(self) -> None:
        context = self.context
        for service, nodes in list(self._wanted.items()):
            for node in nodes:
                if not self.is_open(node) and context.now_ms >= self._not_before_ms(node):
                    self._request(service, node)
        for node, fence in self._begun.items():
            if fence.result is None and fence.request not in self._ordered and context.writer.has_written(fence.request):
                self._ordered.add(fence.request)
                context.emit(Fence(fence.request, node))

    def wakes_ms(self) -> list[int]:
        """When a fencing may begin that has to wait."""
        return [self._not_before_ms(node) for node in self._since_ms if not self.is_open(node)]

    def finished(self, given: FenceFinished) -> News:
        """Nothing where our feed has begun anew since: its request stands in another incarnation."""
        context = self.context
        self._ordered.discard(given.request)
        fence = self._begun.get(given.node)
        if context.over or fence is None or fence.request != given.request or fence.result is not None:
            return NOTHING_ELSE
        result = FenceResult(node=given.node, run=fence.run, ok=given.ok, by=fence.by, level=given.level, text=given.text)
        context.write("", result, (given.request,))
        if not given.ok and given.node in self._since_ms:
            self._has_failed(given)
        return NOTHING_ELSE

    def _request(self, service: str, node: str) -> None:
        """Asked once more, since time has gone by; and the judgement that it rests on stands in the log first."""
        context = self.context
        if not context.joined or context.disk_refuses or context.over or service not in context.policy.services:
            return
        self.witnessing.judgements(must=True)
        asked = self.rounds.now(service)
        decision = decide(asked)
        if decision.rule != NOT_FENCED or node not in asked.unfenced or not asked.may_fence:
            return self.decided(service, decision, asked)
        run = context.state.column(node).run
        request = FenceRequested(node=node, run=run, by=FencedBy.CLAIM, rule=decision.rule, given=asked.given)
        self.begin(request, service, asked.evidence(node))

    def _not_before_ms(self, node: str) -> int:
        since_ms, failed = self._since_ms.get(node, self.context.now_ms), self._failed.get(node)
        if node in self.liveness.peers and self.liveness.peers[node].newest is None:
            since_ms = max(since_ms, self._began_ms + BOOT_MS)
        if self._waits_its_turn(node):
            since_ms += TURN_MS
        return max(since_ms, failed.again_ms if failed else 0)

    def _waits_its_turn(self, node: str) -> bool:
        """Where it lives and is cut off, it may be about to switch us off for a service that it does not have. The one that
        stands first in the file begins at once."""
        policy, me = self.context.policy, self.context.me
        names = list(policy.nodes)
        if not policy.nodes[me].fence or node not in names or names.index(me) < names.index(node):
            return False
        shared = [service for service in policy.services.values() if service.fence and {me, node} <= set(service.nodes)]
        return any(not ownership.holds(self.context.state, service.name, node) for service in shared)

    def _has_failed(self, given: FenceFinished) -> None:
        times = self._failed[given.node].times + 1 if given.node in self._failed else 1
        pause_ms = min(PAUSE_MS << min(times - 1, 20), PAUSE_MS_MAX)
        self._failed[given.node] = Failed(times, self.context.now_ms + pause_ms)
        waits = ", ".join(sorted(service for service, nodes in self._wanted.items() if given.node in nodes))
        text = f"{given.text}; {waits} waits for it, with no node"
        self.context.emit(Alarm(AlarmName.FENCE_FAILED, text, node=given.node))
