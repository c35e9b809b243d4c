"""What speaks against a candidate of a service, of itself: its gate.

    evidence(view, ruled, peers, owners)        # {"genesis": {"value": None, "age_ms": None, "gate": "its gate refuses: ..."}}

A living candidate that has not the service, and whose gate refuses it, by its own word; of a peer only that it does is known.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coordinator.control.view import PeerView, StateView
from coordinator.policy import ServicePolicy
from coordinator.state.model import Judgement
from protocol.printable import printable

BY_ITS_WORD = "it cannot take it now, by its own heartbeat: `failc status` there says why"


def evidence(
    view: StateView, ruled: ServicePolicy, peers: Mapping[str, PeerView], owners: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Empty where the service has no gate. `value` and `age_ms` are those of a number that no candidate gives yet."""
    if ruled.gate is None:
        return {}
    living = [node for node in ruled.nodes if node == view.me or (node in peers and peers[node].judgement is Judgement.ALIVE)]
    return {
        node: {"value": None, "age_ms": None, "gate": printable(_gate(view, ruled.name, node, peers)) or None}
        for node in living
        if node not in owners
    }


def _gate(view: StateView, name: str, node: str, peers: Mapping[str, PeerView]) -> str:
    if node == view.me:
        return view.refused_because(name)
    return BY_ITS_WORD if name in peers[node].unable else ""
