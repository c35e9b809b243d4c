"""The bystander: asks by ARP and by neighbour solicitation who has the service address, and keeps who answers.

Every question reaches all nodes in the same instant, so two hardware addresses that answer one question own the address
at one time: no comparison of moments, and nothing that a cache could hide. It asks every 5 ms.

    python -m tools.lab.bystander RECORDS INTERFACE EVERY_US OWN_V4 OWN_V6 ADDRESS...
"""

import select
import socket
import sys
import time
from bisect import bisect_right
from collections import deque

from tools.lab import wire
from tools.lab.recorder import Recorder


def arp_answer(frame: bytes, mac: bytes, wanted: bytes) -> bool:
    """Whether this is an ARP reply to us about `wanted`; a broadcast announcement is not."""
    return frame[:6] == mac and frame[20:22] == b"\0\x02" and frame[28:32] == wanted


def advertisement(frame: bytes, mac: bytes, wanted: bytes) -> bool:
    """Whether this is a neighbour advertisement to us about `wanted`."""
    return frame[:6] == mac and frame[20] == 58 and frame[54] == 136 and frame[62:78] == wanted


def main(path: str, interface: str, every_us: str, own_v4: str, own_v6: str, *addresses: str) -> None:
    wire.be_punctual()
    recorder, every_ns, mac = Recorder(path), int(every_us) * 1000, wire.hardware_address(interface)
    arp, ndp = (wire.packet_socket(interface, protocol) for protocol in (wire.ETH_P_ARP, wire.ETH_P_IPV6))
    questions, expected = [], []
    for address in addresses:
        if ":" in address:
            questions.append((ndp, wire.neighbour_solicitation(mac, own_v6, address)))
            expected.append((ndp, 6, advertisement, socket.inet_pton(socket.AF_INET6, address)))
        else:
            questions.append((arp, wire.arp_request(mac, own_v4, address)))
            expected.append((arp, 4, arp_answer, socket.inet_aton(address)))
    due_ns = time.monotonic_ns()
    asked: deque[int] = deque(maxlen=400)
    while True:
        now_ns = time.monotonic_ns()
        if due_ns <= now_ns:
            recorder.asked(now_ns, due_ns)
            asked.append(now_ns)
            for sock, frame in questions:
                sock.send(frame)
            # A question that could not be asked in time is not asked twice at one moment: it would see nothing new.
            due_ns += every_ns * ((now_ns - due_ns) // every_ns + 1)
        recorder.flush(now_ns)
        ready, _, _ = select.select((arp, ndp), (), (), max(0, due_ns - time.monotonic_ns()) / 1e9)
        for sock in ready:
            for frame, received_ns in wire.frames(sock):
                for reader, family, matches, wanted in expected:
                    if reader is sock and matches(frame, mac, wanted):
                        recorder.answer(received_ns, asked[max(0, bisect_right(asked, received_ns) - 1)], family, frame[6:12])


if __name__ == "__main__":
    main(*sys.argv[1:])
