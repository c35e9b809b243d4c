"""At the start, before anything is decided: what may run here and is not found down is taken down.

    lines = await sweep(me, deeds, gates, netlink)      # what was done, in words; raises StillUp
"""

import asyncio
from collections.abc import Sequence

from actions.action import Ending, Order, Result, Seen
from actions.address_action import AddressAction
from actions.netlink import Netlink
from actions.run_action import look, perform
from actions.strays import strays
from coordinator.services.action_factory import ServiceActions
from coordinator.services.address_gates import AddressGates


class StillUp(Exception):
    """Something of a service is up here and could not be taken down: with it up, nothing may be decided here."""


async def sweep(me: str, services: Sequence[ServiceActions], gates: AddressGates, netlink: Netlink) -> list[str]:
    """Services side by side, the actions of each in reverse; then addresses with our tag that no service has. Raises StillUp
    where something is certainly up and stays up."""
    addressed = {one.address.ip for deeds in services for one in deeds.actions if isinstance(one, AddressAction)}
    gates.shut_at_start(addressed)
    swept = await asyncio.gather(*(_sweep(me, deeds) for deeds in services), return_exceptions=True)
    failures = [lines for lines in swept if isinstance(lines, BaseException)]
    if failures:
        raise failures[0]
    lines = [line for lines in swept if not isinstance(lines, BaseException) for line in lines]
    lines += await strays(netlink)
    gates.close_at_start(addressed)
    return lines


async def _sweep(me: str, deeds: ServiceActions) -> list[str]:
    service, lines = deeds.service.name, list[str]()
    order = Order(service, me, 0, "found at the start")
    for index in reversed(range(len(deeds.actions))):
        action = deeds.actions[index]
        if isinstance(action, AddressAction) and (own := action.hosts_own()):
            raise StillUp(f"{service}: {own}.")
        seen = Seen.DOWN if action is None else await look(action, order)
        if action is not None and seen is not Seen.DOWN:
            result = await perform(action, "down", order, deeds.policies[index].limit_ms("down") / 1000)
            lines.append(_swept(service, deeds.named(index), seen, result))
    return lines


def _swept(service: str, name: str, seen: Seen, result: Result) -> str:
    if result.ending is Ending.DONE:
        return f"{service}: {name} was {'up' if seen is Seen.UP else 'in an unknown state'} at the start, taken down"
    if seen is Seen.UP:
        raise StillUp(f"{service}: {name} is up and stays up: {result.text}. Take it down by hand, then start again.")
    return f"{service}: {name}: whether it is up cannot be told, and taking it down failed: {result.text}"
