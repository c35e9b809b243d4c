"""What the guard is told of one service: how each action is taken down without us, and what to say then, to whom. Pure.

    message = duty(me, policy, service, signed_last_word)       # JSON values only

The last word's datagram and what takes the gate away are made here, byte for byte: the guard has no key and knows no format.
"""

import base64
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from actions.action import Order
from actions.environment import inherited
from actions.gate.elements import Gated, ungating
from actions.kinds import ACTIONS
from coordinator.policy import ActionPolicy, Policy, ServicePolicy
from protocol.datagram import last_word_datagram
from protocol.invariant import must
from protocol.messages import LastWord, Verified

REASON = "faild has ended"


def duty(me: str, policy: Policy, service: ServicePolicy, signed: Verified[LastWord]) -> dict[str, Any]:
    """The guard's `hold` message: downs in reverse order, the bytes of the last word, and every link of every peer."""
    must(signed.message.node == me, f"the guard of {me} is told a last word of {signed.message.node}")
    order = Order(service.name, me, signed.message.epoch, REASON)
    environment = {**inherited(), **order.environment()}
    downs = [down for action in reversed(service.actions) if (down := _down(action, environment)) is not None]
    word = last_word_datagram(signed.raw, signed.signature)
    gate = _gate(tuple(str(down["address"]) for down in downs if "address" in down))
    return {
        "say": "hold",
        "service": service.name,
        "epoch": signed.message.epoch,
        "downs": downs,
        "word": base64.b64encode(word).decode(),
        "gate": gate,
        "peers": ways(me, policy),
        "lease": _lease(policy, service),
    }


def _lease(policy: Policy, service: ServicePolicy) -> dict[str, Any] | None:
    """What the guard goes by where a lease ends (actions/guard/leases.py); None where the kernel ends it, or there is none."""
    if not service.ended_by_guard:
        return None
    watchdog = [policy.watchdog.device, policy.watchdog.timeout_ms] if policy.watchdog and policy.reset_ms else None
    return {"down_ms": policy.lowering_ms(service), "patience_ms": policy.timing.indoubt_ms, "watchdog": watchdog}


@lru_cache(maxsize=4096)
def _gate(addresses: tuple[str, ...]) -> str:
    """What takes the gate of these away when they are down; empty where there are none."""
    return base64.b64encode(ungating(Gated(map(ip_address, addresses)))).decode() if addresses else ""


def ways(me: str, policy: Policy) -> list[list[Any]]:
    """(our address, their address, their port) of every link that we share with a peer."""
    ours = policy.nodes[me].links
    return [
        [ours[link][0], host, port]
        for peer in policy.others(me)
        for link, (host, port) in policy.nodes[peer].links.items()
        if link in ours
    ]


def _down(action: ActionPolicy, environment: Mapping[str, str]) -> Mapping[str, Any] | None:
    return ACTIONS[action.kind].guard_down(action.settings, environment, action.limit_ms("down"))
