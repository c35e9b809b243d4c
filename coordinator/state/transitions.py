"""Which events may follow which state of their author's own service: the order inside one feed.

    wrong = out_of_order(column, "up", "web")       # a sentence, or None

The fold passes over what is out of order, and the auditor calls it unlawful: both ask here.
"""

from collections.abc import Mapping

from coordinator.state.model import HOLDING, UPISH, NodeState, ServicePhase
from protocol.kinds import Kind

S = ServicePhase

ENTERED_FROM: Mapping[str, frozenset[ServicePhase]] = {
    Kind.CLAIM: frozenset({S.RECOVER}),
    Kind.UP: frozenset({S.STARTING, S.RECLAIM}),
    Kind.RELEASE: UPISH,
    Kind.DOWN: frozenset({S.STOPPING}),
    Kind.RECLAIM: frozenset({S.UP, S.RECLAIM}),
    Kind.RESTART: UPISH,
    Kind.RECOVER: frozenset({S.FAIL, S.RECOVER}),
    Kind.FAIL: frozenset({S.RECOVER, S.FAIL}),
    Kind.ACTION_STARTED: HOLDING,
    Kind.ACTION_FINISHED: HOLDING,
    Kind.MOVE_ENDED: UPISH,
}
"""Which states of its own an event of this kind may follow."""


OF_A_RUN = frozenset({Kind.VOTE, Kind.FENCE_REQUESTED, Kind.FENCE_RESULT})
"""In any state of a service, while the node runs."""


def out_of_order(column: NodeState, kind: str, service: str) -> str | None:
    """Why this event may not stand where it stands in its feed; None where it may."""
    if kind == Kind.GAP_DECLARED:
        return "gap-declared after the first start of its incarnation" if column.started else None
    if kind in OF_A_RUN:
        return None if column.running else f"{kind}{service and ' '}{service} outside a run"
    allowed = ENTERED_FROM.get(kind)
    if allowed is None:
        return None
    if not column.running:
        return f"{kind} {service} outside a run"
    state = column.service(service).state
    return None if state in allowed else f"{kind} {service} in state {state}"
