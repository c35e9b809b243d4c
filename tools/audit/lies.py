"""A device that said "off" of a node which ran on, as that node's own feed shows.

    lied(history, state, "lukretia", ref)       # whether the result at `ref` is shown to be wrong, of the run that state has
    for finding in lies(history, state, event): ...

Only what is certain counts: the node has read the result and wrote on in the same run. By two clocks alone a node that was
switched off a moment after its last event would look as if it had gone on.
"""

from collections.abc import Iterator

from coordinator.state.model import State
from protocol.event import Event, Ref
from protocol.events import FencedBy, FenceResult, body_of
from protocol.kinds import Kind
from store.findings import Finding, Flaw
from tools.audit.clock import show
from tools.audit.history import History


def lied(history: History, state: State, node: str, ref: Ref) -> bool:
    return _shown(history, state, node, ref) is not None


def _shown(history: History, state: State, node: str, ref: Ref) -> Event | None:
    """The first event of the node that knew of the result, where it is of the run that was said to be off."""
    column, off = state.column(node), state.orders.of("off", node).get(ref)
    run = history.runs.get(column.started) if column.started else None
    if run is None or off is None or off.run != column.run:
        return None
    learnt = history.first_that_knew(node, ref)
    within = learnt is not None and run.last is not None and column.started is not None
    return learnt if within and learnt is not None and column.started <= learnt.ref <= run.last else None  # type: ignore[operator]


def lies(history: History, state: State, event: Event) -> Iterator[Finding]:
    """`state`: with this event. A finding where it is a result that is shown to be wrong, of a node that held anything then."""
    body = body_of(event) if event.kind == Kind.FENCE_RESULT else None
    if not isinstance(body, FenceResult) or not body.ok:
        return
    shown = _shown(history, state, body.node, event.ref)
    held = [name for name, one in state.column(body.node).services.items() if one.holds and one.run == body.run]
    if shown is None or not held:
        return
    who = "an operator" if body.by is FencedBy.WORD else event.node
    what = f"{who} said that {body.node} was switched off, with {', '.join(sorted(held))}"
    went_on = f"by its own feed it ran on, and read so at {show(history.at_ms[shown.ref])}"
    yield Finding(Flaw.SPLIT, *event.ref, f"{what}, and {went_on}")
