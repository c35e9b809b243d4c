"""A client that asks for a service address in every way there is: ARP, neighbour solicitation, ping and TCP, IPv4 and IPv6.

    questions = Questions("eth0", mac, "10.77.0.100", "fd77::100")      # in the client's namespace
    questions.ask(); questions.read()
    questions.answered      # {"arp": [when asked, ...], ...}: milliseconds of CLOCK_BOOTTIME

Every question is a frame of its own with a number, sent to the holder's hardware address: nothing depends on what the client's
kernel remembers, and an answer names its question. What is judged is when an answered question was **asked**: a reader that
comes late sees no answer later than it was.
"""

import socket
import struct
import time

from tools.lab import wire

KINDS = ("arp", "ndp", "ping4", "ping6", "tcp4", "tcp6")
IDENTITY = 0x7A7E
TCP_PORT, FIRST_PORT = 9, 20_000
NUMBERS = 140
"""Questions by ARP carry their number in the asker's address: 10.77.0.110 and above."""

ASKERS = socket.inet_pton(socket.AF_INET6, "fd77::1:0")[:14]
"""The same for neighbour solicitations: fd77::1:N asks question N."""


class Questions:
    def __init__(self, interface: str, holder: bytes, four: str, six: str) -> None:
        self._four, self._six = four, six
        self._holder, self._mac = holder, wire.hardware_address(interface)
        self._sockets = [wire.packet_socket(interface, kind) for kind in (wire.ETH_P_ARP, wire.ETH_P_IP, wire.ETH_P_IPV6)]
        self._asked = [0.0] * NUMBERS
        self._number = 0
        self.answered: dict[str, list[float]] = {kind: [] for kind in KINDS}

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def ask(self) -> None:
        """One of each kind."""
        number = self._number = (self._number + 1) % NUMBERS
        arp, four, six = self._sockets
        self._asked[number] = now_ms()
        arp.send(wire.arp_request(self._mac, f"10.77.0.{110 + number}", self._four))
        six.send(wire.neighbour_solicitation(self._mac, f"fd77::1:{number:x}", self._six))
        four.send(self._ip_frame(4, 1, wire.echo_request_v4(IDENTITY, number, bytes(8))))
        four.send(self._ip_frame(4, 6, syn(FIRST_PORT + number)))
        six.send(self._ip_frame(6, 58, wire.echo_request_v6(IDENTITY, number, bytes(8))))
        six.send(self._ip_frame(6, 6, syn(FIRST_PORT + number)))

    def read(self) -> None:
        for sock in self._sockets:
            for frame, _ in wire.frames(sock):
                self._answer(frame)

    def forget(self) -> None:
        """What was answered so far."""
        self.read()
        self.answered = {kind: [] for kind in KINDS}

    def last(self) -> dict[str, float]:
        """When the last answered question of each kind was asked; 0 where none was answered."""
        return {kind: max(asked, default=0.0) for kind, asked in self.answered.items()}

    def _answer(self, frame: bytes) -> None:
        found = _kind_and_number(frame, self._four, self._six)
        if frame[:6] == self._mac and found is not None and 0 <= found[1] < NUMBERS:  # the client's kernel asks as well
            kind, number = found
            self.answered[kind].append(self._asked[number])

    def _ip_frame(self, version: int, protocol: int, body: bytes) -> bytes:
        family, asker, wanted = (
            (socket.AF_INET, "10.77.0.3", self._four) if version == 4 else (socket.AF_INET6, "fd77::3", self._six)
        )
        source, target = socket.inet_pton(family, asker), socket.inet_pton(family, wanted)
        if protocol in (6, 58):  # TCP and ICMPv6 reckon the addresses into their checksum
            at = 16 if protocol == 6 else 2
            pseudo = source + target + struct.pack("!IHBB", len(body), 0, 0, protocol)
            body = body[:at] + struct.pack("!H", wire.checksum(pseudo + body)) + body[at + 2 :]
        if version == 4:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + source + target
            head = head[:10] + struct.pack("!H", wire.checksum(head)) + head[12:]
            return self._holder + self._mac + struct.pack("!H", wire.ETH_P_IP) + head + body
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + source + target
        return self._holder + self._mac + struct.pack("!H", wire.ETH_P_IPV6) + head + body


def now_ms() -> float:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6


def syn(port: int) -> bytes:
    return struct.pack("!HHIIBBHHH", port, TCP_PORT, 1, 0, 0x50, 0x02, 1024, 0, 0)


def _kind_and_number(frame: bytes, four: str, six: str) -> tuple[str, int] | None:
    """Of an answer from one of the two addresses."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == wire.ETH_P_ARP and frame[20:22] == b"\0\x02" and frame[28:32] == socket.inet_aton(four):
        return "arp", frame[41] - 110
    if kind == wire.ETH_P_IP and frame[26:30] == socket.inet_aton(four):
        return _of_transport(frame[23], frame[34:], "4")
    if kind == wire.ETH_P_IPV6 and frame[22:38] == socket.inet_pton(socket.AF_INET6, six):
        if frame[20] == 58 and frame[54] == 136 and frame[38:52] == ASKERS:
            return "ndp", int.from_bytes(frame[52:54], "big")
        return _of_transport(frame[20], frame[54:], "6")
    return None


def _of_transport(protocol: int, body: bytes, version: str) -> tuple[str, int] | None:
    if protocol == 6 and body[:2] == struct.pack("!H", TCP_PORT):
        return f"tcp{version}", int.from_bytes(body[2:4], "big") - FIRST_PORT
    if protocol in (1, 58) and body[0] in (0, 129) and body[4:6] == struct.pack("!H", IDENTITY):
        return f"ping{version}", int.from_bytes(body[6:8], "big")
    return None
