"""What is done about held addresses that are not as they should be.

    troubles = await mended("web", actions)     # for each what is still wrong, in words; "" where all is well

What is gone is put back, what neighbours do not know is announced, and what stands in front of the host's own addresses goes
behind them: all of it together, however many they are.
"""

import asyncio
import logging
from collections.abc import Sequence

from actions.action import Ending
from actions.address_action import AddressAction

log = logging.getLogger("failover.actions")

NAMED_MAX = 5
"""Addresses of a service that are told one by one."""


async def mended(service: str, actions: Sequence[AddressAction]) -> dict[AddressAction, str]:
    """Some tens of addresses that are held."""
    found = dict.fromkeys(actions, "")
    gone = [action for action in actions if action.is_missing]
    back = await _put_back(service, gone, found)
    await _put_right(service, [action for action in actions if action.is_wrong and not action.is_missing], found)
    unheard = [action for action in actions if not found[action] and (action in back or not action.told)]
    for action in unheard:
        told = action.tell()
        found[action] = "" if told.ending is Ending.DONE else f"{service}: {told.text}"
    well = [action for action in unheard if not found[action]]
    _say(service, [action for action in well if action in back], "was not removed by faild: put back and announced")
    _say(service, [action for action in well if action not in back], "is announced again", logging.INFO)
    return found


async def _put_back(service: str, gone: Sequence[AddressAction], found: dict[AddressAction, str]) -> set[AddressAction]:
    if len(gone) > 1 and await gone[0].netlink.many("add", [(action.interface, action.address) for action in gone]):
        return set(gone)
    back = set[AddressAction]()
    for action in gone:
        put = await action.put()
        if put.ending is Ending.DONE:
            back.add(action)
        else:
            found[action] = f"{service}: an address that faild did not remove is gone and cannot be put back: {put.text}"
        await asyncio.sleep(0)
    return back


async def _put_right(service: str, actions: Sequence[AddressAction], found: dict[AddressAction, str]) -> None:
    """No neighbour sees it: the address is away for microseconds, and the neighbours know the same as before."""
    for action in actions:
        action.is_wrong = False
    if not actions:
        return
    try:
        await actions[0].netlink.put_right([(action.interface, action.address) for action in actions])
    except OSError as error:
        found |= {action: f"{service}: {action.address} stands before the host's own: {error.strerror}" for action in actions}
    else:
        _say(service, actions, "was put behind this host's own addresses", logging.INFO)


def _say(service: str, actions: Sequence[AddressAction], what: str, level: int = logging.ERROR) -> None:
    for action in actions[:NAMED_MAX]:
        log.log(level, "%s: %s on %s %s", service, action.address, action.interface, what)
    if len(actions) > NAMED_MAX:
        log.log(level, "%s: %d more of its addresses: each %s", service, len(actions) - NAMED_MAX, what)
