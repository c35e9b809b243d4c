"""Switching other nodes off: what this node has begun, and what became of it. Which claims wait for it the table says.

    fences.begin(FenceRequested(node="genesis", ...), "web", causes)     # the request is written
    fences.look()                           # what is on the disk by now is ordered: `Fence`
    fences.finished(FenceFinished(...))     # the input: the result is written

A request stands on our disk before the first agent runs: whoever reads the log of a node that was switched off finds out who
did it, and why. A fencing that was under way when `faild` ended has no result, and counts for nothing.
"""

from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.effects import Fence
from coordinator.core.inputs import FenceFinished
from protocol.event import Ref
from protocol.events import FencedBy, FenceRequested, FenceResult


class Fences:
    def __init__(self, context: Context) -> None:
        self.context = context
        self._ordered: set[Ref] = set()
        """Requests that the shell was told of."""

    def is_open(self, node: str) -> bool:
        """Whether we are fencing this node at this moment."""
        fence = self.context.column.fences.get(node)
        return fence is not None and fence.result is None

    def begin(self, request: FenceRequested, service: str, causes: tuple[Ref, ...]) -> None:
        self.context.write(service, request, causes)

    def look(self) -> None:
        context = self.context
        for node, fence in context.column.fences.items():
            if fence.result is None and fence.request not in self._ordered and context.writer.has_written(fence.request):
                self._ordered.add(fence.request)
                context.emit(Fence(fence.request, node))

    def finished(self, given: FenceFinished) -> News:
        """Nothing where our feed has begun anew since: its request stands in another incarnation."""
        context = self.context
        self._ordered.discard(given.request)
        fence = context.column.fences.get(given.node)
        if context.over or fence is None or fence.request != given.request or fence.result is not None:
            return NOTHING_ELSE
        result = FenceResult(
            node=given.node, run=fence.run, ok=given.ok, by=FencedBy(fence.by), level=given.level, text=given.text
        )
        context.write("", result, (given.request,))
        return NOTHING_ELSE
