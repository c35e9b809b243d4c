"""The client: knows only the service addresses, asks each every 2 ms, and keeps when it was answered and by whom.

It asks by ICMP echo. The owner's kernel answers, so nothing has to listen on the owner, no process of a responder adds
its own delays on a busy machine, and what is measured is the address and nothing else. The question leaves through an
ordinary socket (the client's own neighbour cache decides where to, as for every client); the answer is read as a frame,
because the frame names the hardware address that answered.

Questions leave on schedule whether or not the last was answered; the answer carries the time at which its question was
due, so a stall of ours cannot hide an outage.

    python -m tools.lab.prober RECORDS INTERFACE EVERY_US ADDRESS...
"""

import select
import socket
import struct
import sys
import time

from tools.lab import wire
from tools.lab.recorder import Recorder

IDENTITY = 0x1291
SOL_RAW, ICMP_FILTER, ICMPV6_FILTER = 255, 1, 1
DUE = struct.Struct("!q")


def questioner(address: str) -> socket.socket:
    """An echo socket connected to `address` that never wants to read: the answers are taken from the wire."""
    if ":" in address:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        sock.setsockopt(socket.IPPROTO_ICMPV6, ICMPV6_FILTER, b"\xff" * 32)
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        sock.setsockopt(SOL_RAW, ICMP_FILTER, b"\xff" * 4)
    sock.setblocking(False)
    return sock


def ask(sock: socket.socket, address: str, number: int, due_ns: int) -> None:
    """An unreachable network is an unanswered question, not an error."""
    build = wire.echo_request_v6 if ":" in address else wire.echo_request_v4
    try:
        sock.sendto(build(IDENTITY, number, DUE.pack(due_ns)), (address, 0))
    except OSError:
        return


def answer_v4(frame: bytes) -> tuple[int, int] | None:
    """(family, when the question was due) of an echo reply to us; None for any other frame."""
    start = 14 + (frame[14] & 15) * 4
    if frame[23] != 1 or frame[start : start + 2] != b"\0\0" or frame[start + 4 : start + 6] != b"\x12\x91":
        return None
    return 4, DUE.unpack_from(frame, start + 8)[0]


def answer_v6(frame: bytes) -> tuple[int, int] | None:
    if frame[20] != 58 or frame[54:56] != b"\x81\0" or frame[58:60] != b"\x12\x91":
        return None
    return 6, DUE.unpack_from(frame, 62)[0]


READERS = {wire.ETH_P_IP: answer_v4, wire.ETH_P_IPV6: answer_v6}


def main(path: str, interface: str, every_us: str, *addresses: str) -> None:
    wire.be_punctual()
    recorder, every_ns = Recorder(path), int(every_us) * 1000
    readers = {wire.packet_socket(interface, protocol): read for protocol, read in READERS.items()}
    targets = [(questioner(address), address) for address in addresses]
    number, due_ns = 0, time.monotonic_ns()
    while True:
        now_ns = time.monotonic_ns()
        while due_ns <= now_ns:
            recorder.asked(now_ns, due_ns)
            for sock, address in targets:
                ask(sock, address, number, due_ns)
            number, due_ns = number + 1, due_ns + every_ns
        recorder.flush(now_ns)
        ready, _, _ = select.select(readers, (), (), max(0, due_ns - time.monotonic_ns()) / 1e9)
        for sock in ready:
            for frame, received_ns in wire.frames(sock):
                if found := readers[sock](frame):
                    recorder.answer(received_ns, found[1], found[0], frame[6:12])


if __name__ == "__main__":
    main(*sys.argv[1:])
