"""An address that a changed file gives to another service: up there only when it is down where it was.

    why = taken(core, "mail", policy)           # "10.77.0.100 is still up for web on genesis, by its configuration"; or empty
    why = taken_here(core, "mail", policy)      # the same of the services of this node alone

One file names an address once. While a change goes from node to node, and from action to action, two services can have it all
the same: a `down` of the one would take away what the other has just brought up, or two nodes would answer for it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from coordinator.core.service_phases import Phase
from coordinator.policy import Policy, ServicePolicy
from coordinator.state.model import Judgement, ServicePhase

if TYPE_CHECKING:
    from coordinator.core.core import Core


def addresses(policy: ServicePolicy) -> frozenset[str]:
    """Without prefix and interface: an address is one whatever it is written with."""
    written = (action.settings["address"] for action in policy.actions if action.kind == "address")
    return frozenset(str(ipaddress.ip_interface(text).ip) for text in written)


def taken(core: Core, name: str, policy: ServicePolicy) -> str:
    """Why these actions must not come up yet; empty where nothing speaks against it."""
    return taken_here(core, name, policy) or taken_elsewhere(core, name, policy)


def taken_here(core: Core, name: str, policy: ServicePolicy) -> str:
    """Only a job that has not followed the newest configuration can have an address of another service."""
    for other in sorted(core.unsettled - {name}):
        job = core.jobs[other]
        both = addresses(job.policy) & addresses(policy) if job.phase is not Phase.IDLE and job.touched else frozenset()
        if both:
            return f"{min(both)} is still up for {other}"
    return ""


def taken_elsewhere(core: Core, name: str, policy: ServicePolicy) -> str:
    """A peer that may live holds another service with one of these addresses, by the configuration that it runs, or it has
    not said yet that it went over to the newer one."""
    for node in core.liveness.peers:
        column = core.state.column(node)
        if core.liveness.judgement(node, core.now_ms) is Judgement.DEAD:
            continue
        theirs = core.state.policies.get(column.config)
        if theirs is not None and theirs.digest != core.policy.digest:
            if other := _held(core, node, theirs, name, policy, changing=False):
                return f"{other} on {node}, by the configuration that runs there: apply this one there"
        elif core.former is not None and (other := _held(core, node, core.former, name, policy, changing=True)):
            return f"{other} on {node}, which is going over to this configuration"
    return ""


def _held(core: Core, node: str, theirs: Policy, name: str, policy: ServicePolicy, *, changing: bool) -> str:
    """`changing`: of the services that this node has not brought up again since it applied its configuration."""
    column, wanted = core.state.column(node), addresses(policy)
    for other, service in theirs.services.items():
        held = column.service(other)
        if other == name or not held.holds or not (both := addresses(service) & wanted):
            continue
        since = column.configured
        settled = held.state is ServicePhase.UP and held.changed is not None and since is not None and held.changed > since
        if not changing or not settled:
            return f"{min(both)} is still up for {other}"
    return ""
