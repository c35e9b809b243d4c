"""What is known of the candidates that do not have a service: the number that a script gave there, and what a gate says.

    evidence(view, ruled, peers, owners)    # {"genesis": {"value": 1500, "age_ms": 120, "gate": None}}

Of living candidates. `gate` is null where it opens, else why it does not: of a peer only that is known. `text` says why the
script gave no number here.
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
    """Empty where nothing is asked of its candidates."""
    if ruled.gate is None and ruled.evidence is None:
        return {}
    living = [node for node in ruled.nodes if node == view.me or (node in peers and peers[node].judgement is Judgement.ALIVE)]
    return {node: _of(view, ruled, node, peers) for node in living if node not in owners}


def _of(view: StateView, ruled: ServicePolicy, node: str, peers: Mapping[str, PeerView]) -> dict[str, Any]:
    value, age_ms = (view.number(ruled.name, node) if ruled.evidence is not None else None) or (None, None)
    text = view.no_number_because(ruled.name) if node == view.me and ruled.evidence is not None else ""
    gate = _gate(view, ruled.name, node, peers) if ruled.gate is not None else ""
    return {"value": value, "age_ms": age_ms, "gate": printable(gate) or None, "text": printable(text)}


def _gate(view: StateView, name: str, node: str, peers: Mapping[str, PeerView]) -> str:
    if node == view.me:
        return view.refused_because(name)
    return BY_ITS_WORD if name in peers[node].unable else ""
