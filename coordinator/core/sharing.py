"""An address that a changed file gives to another service: up there only when it is down where it was.

    why = taken_elsewhere(context, liveness, "mail", policy)    # "10.77.0.100 is still up for web on genesis, by its
                                                                # configuration"; or empty
    services.taken_here("mail", policy)                         # the same of the services of this node alone

One file names an address once. While a change goes from node to node, and from action to action, two services can have it all
the same: a `down` of the one would take away what the other has just brought up, or two nodes would answer for it.
"""

import ipaddress

from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.policy import Policy, ServicePolicy
from coordinator.state.model import Judgement, ServicePhase


def addresses(policy: ServicePolicy) -> frozenset[str]:
    """Without prefix and interface: an address is one whatever it is written with."""
    written = (action.settings["address"] for action in policy.actions if action.kind == "address")
    return frozenset(str(ipaddress.ip_interface(text).ip) for text in written)


def taken_elsewhere(context: Context, liveness: FailureDetector, name: str, policy: ServicePolicy) -> str:
    """Why these actions must not come up yet; empty where nothing speaks against it.

    A peer that may live holds another service with one of these addresses, by the configuration that it runs, or it has not
    said yet that it went over to the newer one.
    """
    for node in liveness.peers:
        column = context.state.column(node)
        if liveness.judgement(node, context.now_ms) is Judgement.DEAD:
            continue
        theirs = context.state.policies.get(column.config)
        if theirs is not None and theirs.digest != context.policy.digest:
            if other := _held(context, node, theirs, name, policy, changing=False):
                return f"{other} on {node}, by the configuration that runs there: apply this one there"
        elif context.former is not None and (other := _held(context, node, context.former, name, policy, changing=True)):
            return f"{other} on {node}, which is going over to this configuration"
    return ""


def _held(context: Context, node: str, theirs: Policy, name: str, policy: ServicePolicy, *, changing: bool) -> str:
    """`changing`: of the services that this node has not brought up again since it applied its configuration."""
    column, wanted = context.state.column(node), addresses(policy)
    for other, service in theirs.services.items():
        held = column.service(other)
        if other == name or not held.holds or not (both := addresses(service) & wanted):
            continue
        since = column.configured
        settled = held.state is ServicePhase.UP and held.changed is not None and since is not None and held.changed > since
        if not changing or not settled:
            return f"{min(both)} is still up for {other}"
    return ""
