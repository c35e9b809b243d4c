"""The floor: a bare program that moves the addresses, with our own actions and nothing else. No log, no keys, no guard.

What stands between its figure and ours is the price of a signed, durable, replicated and guarded decision.

    python -m tools.bench.floor ORDERS_SOCKET OWN_IP PEER_IP        # one on each node; "give" to ORDERS_SOCKET moves it
"""

import asyncio
import socket
import sys
import time
from collections import defaultdict
from ipaddress import ip_interface
from pathlib import Path

from actions.action import Order
from actions.address_action import AddressAction
from actions.announce import Announcer
from actions.netlink import Netlink
from actions.wire import Wire
from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.lab.addresses import SERVICE_V4, SERVICE_V6
from tools.lab.lab import Lab
from tools.lab.measure import Measure
from tools.lab.programs import module
from tools.lab.watchers import FAMILIES
from tools.lab.wire import be_punctual

PORT = 1290
GIVE, YOURS = b"give", b"yours"


async def serve(orders: str, own: str, peer: str) -> None:
    """Take the addresses when the peer says so, and let them go when told to give."""
    be_punctual()  # as faild does: otherwise the bare program would be the slower one
    netlink, announcer = await Netlink.open(), Announcer(Wire.open())
    wanted = (ip_interface(f"{SERVICE_V4}/24"), ip_interface(f"{SERVICE_V6}/64"))
    actions = [AddressAction("eth0", address, netlink, announcer) for address in wanted]
    order = Order("web", "", 0, "")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        told.bind(orders)
        link.bind((own, PORT))
        for sock in (told, link):
            sock.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            waits = [loop.create_task(loop.sock_recv(sock, 16)) for sock in (told, link)]
            done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            word = done.pop().result()
            for action in actions:
                await (action.down(order) if word == GIVE else action.up(order))
            if word == GIVE:
                await loop.sock_sendto(link, YOURS, (peer, PORT))


def floor(plan: Plan) -> list[Figure]:
    """Planned moves there and back, without any daemon of ours."""
    samples: defaultdict[int, list[float]] = defaultdict(list)
    with Lab((MASTER, SLAVE)) as lab:
        lab.prober.start()
        lab.asker.start()
        for name, other in ((MASTER, SLAVE), (SLAVE, MASTER)):
            _launch(lab, name, other)
        _tell(lab, SLAVE)
        Measure(lab).until_answered_by(MASTER)
        for turn in range(plan.rounds + plan.rounds % 2):
            owner, target = (MASTER, SLAVE) if turn % 2 == 0 else (SLAVE, MASTER)
            measure = Measure(lab)
            _tell(lab, owner)
            measure.until_answered_by(target)
            for family, seen in measure.seen().items():
                samples[family].append(seen.outage_ms)
            time.sleep(0.2)
    remark = "no log, no signature, no guard"
    return [Figure(f"floor, a bare program: planned move, IPv{f}", "ms", tuple(samples[f]), None, remark) for f in FAMILIES]


def _launch(lab: Lab, name: str, other: str) -> None:
    node, peer = lab.nodes[name], lab.nodes[other]
    where = [str(_orders(lab, name)), node.port("direct").v4, peer.port("direct").v4]
    node.running.start([*module("tools.bench.floor"), *where], node.log)
    lab.wait_until(_orders(lab, name).exists, f"the bare program runs on {name}")


def _orders(lab: Lab, name: str) -> Path:
    return lab.folder / f"{name}.orders"


def _tell(lab: Lab, name: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(GIVE, str(_orders(lab, name)))


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
