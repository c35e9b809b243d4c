"""A record of a name server that leads to the node which has the service.

    action = DnsAction(settings)        # what the kind `dns` read
    await action.up(order)              # order.node has the name from here on, unless a later epoch has it

Nothing that must not run twice hangs on it: a record leads to one place, and a later epoch takes it whatever this node does. So
a `down` that does not reach the server is done all the same.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from actions.action import DONE, Ending, Order, Result, Seen, failed
from actions.dns_update import Lost, Mark, Refused, Zone

DOWN_S_MAX = 1.0
"""How long a down tries to mark the name as given up: a take-over waits for it."""

TRIES_MAX = 3
"""Of a change, while others change the mark at the same time."""


class DnsAction:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._zone, self._name = Zone(settings), settings["dns"]
        self._records = dict(settings["records"])

    async def up(self, order: Order) -> Result:
        address = self._records.get(order.node)
        if address is None:
            return failed(f"{self._name}: no record is written for {order.node}")
        try:
            return await self._take(Mark(order.epoch, order.node, True), address)
        except Refused as refused:
            return failed(f"{self._name}: {refused}")

    async def down(self, order: Order) -> Result:
        try:
            async with asyncio.timeout(DOWN_S_MAX):
                await self._give_up(order.node)
        except TimeoutError:
            return _left("the name server does not answer")
        except Lost:
            return DONE  # another node has it by now
        except (OSError, Refused) as error:
            return _left(str(error))
        return DONE

    async def reclaim(self, order: Order) -> Result:
        return await self.up(order)

    async def probe(self, order: Order) -> Seen:
        try:
            mark = await self._zone.mark()
        except Refused:
            return Seen.UNKNOWN
        return Seen.UP if mark is not None and mark.up and mark.node == order.node else Seen.DOWN

    async def _take(self, ours: Mark, address: str) -> Result:
        for _ in range(TRIES_MAX):
            mark = await self._zone.mark()
            if mark is not None and mark.epoch > ours.epoch:
                return failed(f"{self._name}: {mark.node} took it with epoch {mark.epoch}, which is later than {ours.epoch}")
            if mark == ours and await self._zone.addresses() == [address]:
                return DONE
            try:
                await self._zone.change(mark, ours, address)
            except Lost:
                continue
            return DONE
        return failed(f"{self._name}: other nodes change it all the time")

    async def _give_up(self, node: str) -> None:
        """The record stays: a name that is nowhere would be remembered as such."""
        mark = await self._zone.mark()
        if mark is not None and mark.up and mark.node == node:
            await self._zone.change(mark, mark._replace(up=False))


def _left(why: str) -> Result:
    return Result(Ending.DONE, f"{why}: the record stays until another node takes it")
