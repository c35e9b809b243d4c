"""A holder of 10.77.0.100 and fd77::100 with the real gate and, if told, the real guard; the tests stop, starve and kill it.

    python -m tests.actions.gate_holder FOLDER EVERY_MS LEASE_MS [guarded]

With each tick it says its lease's end (milliseconds of CLOCK_BOOTTIME) before it refreshes, and then how that ended. Told
"open", it makes its elements anew. It ends with its standard input, and then leaves all as it is.
"""

import asyncio
import json
import os
import sys
from ipaddress import ip_interface
from pathlib import Path

from actions.action import Ending
from actions.address_action import AddressAction
from actions.announce import Announcer
from actions.gate.elements import Gated
from actions.gate.gate import Answer, Gate, boottime_ms
from actions.netlink import Netlink
from actions.wire import Wire
from coordinator.core.inputs import Input
from coordinator.guarding.guard_link import GuardLink
from tests.actions.raising import up_gated
from tests.actions.stand_in import hold, policy_of

ADDRESSES = ("10.77.0.100/24", "fd77::100/64")


def say(**what: object) -> None:
    """One system call: what was said is there, whatever happens next."""
    os.write(1, json.dumps(what).encode() + b"\n")


async def main(folder: Path, every_ms: int, lease_ms: int, guarded: bool) -> None:
    wire = Wire.open()
    announcer, gate = Announcer(wire), Gate.enter()
    netlink = await Netlink.open()
    actions = [AddressAction("eth0", ip_interface(text), netlink, announcer) for text in ADDRESSES]
    web = Gated([action.address.ip for action in actions])
    guard = await started_guard(folder) if guarded else None
    say(ends_ms=(ends_ms := boottime_ms() + lease_ms))
    assert [result.ending for result in await up_gated(gate, web, actions, lambda: ends_ms)] == [Ending.DONE] * len(actions)
    say(opened=True)
    say(guard=guard.pid if guard is not None else 0)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    order = asyncio.create_task(orders.readline())
    while True:
        say(ends_ms=(ends_ms := boottime_ms() + lease_ms))
        if order.done():
            if order.result() != b"open\n":
                return
            order = asyncio.create_task(orders.readline())
            say(opened=gate.open(web, ends_ms).name)
        else:
            [answer] = gate.refresh([(web, ends_ms)])
            say(refreshed=answer.name) if answer is not Answer.DONE else None
        await asyncio.sleep(every_ms / 1000)


async def started_guard(folder: Path) -> GuardLink:
    """It has confirmed that it would take both addresses down."""
    actions = [["address", {"address": text, "interface": "eth0"}] for text in ADDRESSES]
    policy = policy_of({"nodes": {"one": {}}, "services": {"web": actions}})
    inbox = asyncio.Queue[Input]()
    await GuardLink.wait_for_lock(folder)
    guard = GuardLink("one", policy, folder, inbox.put_nowait)
    await guard.start()
    await hold(policy.services["web"], "one", guard, inbox)
    return guard


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "guarded" in sys.argv))
