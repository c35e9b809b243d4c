"""Who sees to it that a service falls silent here when `faild` cannot: what `failc status` shows of it. Pure.

    shown = enforcement(policy, "lukretia", view.gate())    # enforced_by, enforced_because, lease, gate

`nftables`: the kernel, by the end of the lease, with every process of ours stopped or killed. `valid_lft`: the kernel as well,
a second later. `guard`: a process beside ours, where it lives; under `majority` it ends what has lost its lease, and where it
cannot, the watchdog resets the machine. `none`: there is nothing to take down.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actions.kinds import ACTIONS
from coordinator.policy import ServicePolicy
from protocol.printable import printable


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease that this node holds by leave of a majority, or of the arbiter."""

    left_ms: int
    votes: tuple[str, ...]
    """The voters that have promised it to this node until then, or longer; none where an arbiter keeps it."""


@dataclass(frozen=True, slots=True)
class GateView:
    """What the kernel can do here for the addresses of services, and what it does now."""

    enforced_by: str = "nftables"
    because: str = ""
    """Why it cannot do more; empty where it can."""
    left_ms: Mapping[str, int] = field(default_factory=dict)
    """Address to the milliseconds for which it still answers if nothing more is said; 0 where it is silent."""
    leases: Mapping[str, LeaseView] = field(default_factory=dict)
    """Service to the lease under which this node holds it."""


def enforcement(service: ServicePolicy, me: str, gate: GateView) -> dict[str, Any]:
    """Of one service on this node; null and empty where it is no candidate."""
    if me not in service.nodes:
        return {"enforced_by": None, "enforced_because": "", "lease": None, "gate": {}}
    written = [str(action.settings["address"]) for action in service.actions if action.kind == "address"]
    addresses = [str(ipaddress.ip_interface(text).ip) for text in written]
    held = gate.leases.get(service.name)
    return {
        "enforced_by": _enforced_by(service, gate) if addresses else "guard" if _goes_down(service) else "none",
        "enforced_because": printable(gate.because) if addresses else "",
        "lease": {"left_ms": held.left_ms, "votes": list(held.votes)} if held else None,
        "gate": {address: gate.left_ms[address] for address in addresses if address in gate.left_ms},
    }


def _enforced_by(service: ServicePolicy, gate: GateView) -> str:
    """Under a lease nothing answers where the kernel cannot end it; beside addresses it is the guard that ends the rest."""
    if service.leased and gate.because:
        return "none"
    return "guard" if service.ended_by_guard else gate.enforced_by


def _goes_down(service: ServicePolicy) -> bool:
    return any(ACTIONS[action.kind].guard_down(action.settings, {}, action.limit_ms("down")) for action in service.actions)
