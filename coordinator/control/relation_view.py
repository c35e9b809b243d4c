"""For which services one that no node holds waits, as far as is known here."""

from collections.abc import Mapping

from coordinator.control.view import PeerView, StateView
from coordinator.policy import ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import Judgement, ServicePhase

RUNNING = frozenset({ServicePhase.UP, ServicePhase.RECLAIM})


def waits_for(view: StateView, service: ServicePolicy, peers: Mapping[str, PeerView]) -> list[str]:
    """Those that must be up before it, and are up on no node where that would help."""
    known = [view.me, *(node for node, peer in peers.items() if peer.judgement is not Judgement.DEAD)]
    beside = [node for node in known if node in service.nodes]
    found = [other for other in service.needs_here if not any(_is_up(view, other, node) for node in beside)]
    anywhere = [after.service for after in service.after if not after.here]
    found += [other for other in anywhere if not any(_is_up(view, other, node) for node in known)]
    return list(dict.fromkeys(found))


def _is_up(view: StateView, service: str, node: str) -> bool:
    up = view.state.column(node).service(service).state in RUNNING
    return up and ownership.holds(view.state, service, node)
