"""`faild-rivals`: hears whether another machine answers for an address that we hold. A process of its own.

    python -I -S -E actions/rivals.py ARP NDP       # the numbers of two packet sockets that it inherits

Fed lines of JSON, ["watch", "eth0", "10.77.0.100"] and ["leave", ...]; for each answer, at most one in SAID_S, it says
["seen", "eth0", "10.77.0.100", "52:54:00:00:00:07"]. It asks as a machine does that is about to take an address (RFC 5227,
RFC 4862): the question names no sender, so no neighbour learns anything from it. Otherwise it only listens. The questions thin
out, from GRACE_S after the address was taken to one in ASK_S; while another machine answers there is one in AGAIN_S.

It is apart because a packet socket hears everything on the wire, and the last close of one waits for all processors: both
are none of the event loop's business. The kernel wakes it for frames about the addresses that it watches, and for no others: on
some networks there are hundreds of questions a second. Its sockets were opened by `faild`; it gives up every capability of its
own.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from ipaddress import IPv4Address, IPv6Address, ip_address

ASK_S = 10.0
AGAIN_S = 1.0
"""Between two questions for an address that another machine has just answered for, so that the end of it is seen soon."""
GRACE_S = 2.0
"""After we took an address, an answer of its last owner may still be on its way."""
SAID_S = 0.5
"""Shorter than AGAIN_S, so that each answer to a question is said."""

ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0806, 0x86DD
ICMPV6, SOLICITATION, ADVERTISEMENT = 58, 135, 136
BROADCAST = b"\xff" * 6
Step = tuple[int, int, int, int]
"""One step of a filter of socket(7): what to do, how many steps to skip where it is so and where it is not, with what."""

BYTE, WORD, IS, END = 0x30, 0x20, 0x15, 0x06
TAKEN, DROPPED = (END, 0, 0, 0xFFFF), (END, 0, 0, 0)
ADVERTISEMENT_ONLY: tuple[Step, ...] = (
    (BYTE, 0, 0, 20),  # the next header
    (IS, 1, 0, ICMPV6),
    DROPPED,
    (BYTE, 0, 0, 54),
    (IS, 1, 0, ADVERTISEMENT),
    DROPPED,
)
WATCHED_MAX = 2000
"""Two steps of a filter for each, of the 4096 that the kernel takes. Beyond that each frame is looked at here."""

SO_ATTACH_FILTER = 26
SIOCGIFHWADDR = 0x8927

FRAMES_MAX = 256
"""Frames read in one turn, so that a storm does not keep our questions back."""

PR_SET_NO_NEW_PRIVS = 38
LINUX_CAPABILITY_VERSION_3 = 0x20080522

Address = IPv4Address | IPv6Address
Place = tuple[str, Address]
"""Interface and address."""


class Watch:
    """Each address that is watched, since when, and what was reported of it. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.since: dict[Place, float] = {}
        self.due: dict[Place, float] = {}
        self.step: dict[Place, float] = {}
        """From the next question to the one after it."""
        self.said: dict[tuple[Place, bytes], float] = {}

    def told(self, line: str, now: float) -> None:
        word, interface, address = json.loads(line)
        place = (interface, ip_address(address))
        if word == "watch":
            self.since[place], self.due[place], self.step[place] = now, now + GRACE_S, GRACE_S
        else:
            for known in (self.since, self.due, self.step):
                known.pop(place, None)

    def ask(self, now: float) -> list[Place]:
        """The addresses that it is time to ask for."""
        places = [place for place, due in self.due.items() if due <= now]
        for place in places:
            self.due[place] = now + self.step[place]
            self.step[place] = min(2 * self.step[place], ASK_S)
        return places

    def heard(self, place: Place, mac: bytes, now: float) -> bool:
        """Whether this is to be said."""
        if place not in self.since or now - self.since[place] < GRACE_S or mac in own_macs():
            return False
        if now - self.said.get((place, mac), float("-inf")) < SAID_S:
            return False
        self.said[place, mac] = now
        self.due[place] = min(self.due[place], now + AGAIN_S)
        self.step[place] = AGAIN_S
        return True


def open_sockets() -> tuple[socket.socket, socket.socket]:
    """For `faild`: one that hears ARP, one that hears neighbour advertisements alone. Raises OSError without the capability
    for it."""
    how = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    arp = socket.socket(socket.AF_PACKET, how, socket.htons(ETHERTYPE_ARP))
    ndp = socket.socket(socket.AF_PACKET, how, socket.htons(ETHERTYPE_IPV6))
    narrow(arp, ndp, set())
    return arp, ndp


def narrow(arp: socket.socket, ndp: socket.socket, watched: set[Address]) -> None:
    """From now on only what is sent about these is heard: by its sender, or by the end of the address that is advertised."""
    fours = sorted(int(address) for address in watched if isinstance(address, IPv4Address))
    sixes = sorted({int(address) & 0xFFFF_FFFF for address in watched if isinstance(address, IPv6Address)})
    attach(arp, about(28, fours))
    attach(ndp, [*ADVERTISEMENT_ONLY, *about(74, sixes)])


def about(offset: int, words: list[int]) -> list[Step]:
    """The steps that take a frame which has one of these words there."""
    if len(words) > WATCHED_MAX:
        return [TAKEN]
    return [(WORD, 0, 0, offset), *(step for word in words for step in ((IS, 0, 1, word), TAKEN)), DROPPED]


def attach(one: socket.socket, steps: list[Step]) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(program)))


def probe(mac: bytes, address: Address) -> tuple[int, bytes]:
    """A question that names no sender, with its ethertype."""
    if isinstance(address, IPv4Address):
        body = bytes.fromhex("0001080006040001") + mac + bytes(4) + bytes(6) + address.packed
        return ETHERTYPE_ARP, BROADCAST + mac + ETHERTYPE_ARP.to_bytes(2, "big") + body
    group = IPv6Address("ff02::1:ff00:0").packed[:13] + address.packed[13:]
    icmp = bytes((SOLICITATION, 0, 0, 0)) + bytes(4) + address.packed
    whole = bytes(16) + group + struct.pack("!II", len(icmp), ICMPV6) + icmp  # RFC 8200, section 8.1
    total: int = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    icmp = icmp[:2] + (~total & 0xFFFF).to_bytes(2, "big") + icmp[4:]
    header = bytes((0x60, 0, 0, 0)) + len(icmp).to_bytes(2, "big") + bytes((ICMPV6, 255)) + bytes(16) + group
    return ETHERTYPE_IPV6, b"\x33\x33" + group[12:] + mac + ETHERTYPE_IPV6.to_bytes(2, "big") + header + icmp


def claimed(frame: bytes) -> Address | None:
    """The address for which the sender of this frame answers."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ETHERTYPE_ARP and len(frame) >= 42 and frame[14:20] == bytes.fromhex("000108000604"):
        return IPv4Address(frame[28:32])
    if kind == ETHERTYPE_IPV6 and len(frame) >= 78 and frame[20] == ICMPV6 and frame[54] == ADVERTISEMENT:
        return IPv6Address(frame[62:78])
    return None


def own_macs() -> set[bytes]:
    """The hardware addresses of all our interfaces: two of one machine may be on one network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        return {mac for _, name in socket.if_nameindex() if (mac := mac_of(asked, name))}


def mac_of(asked: socket.socket, interface: str) -> bytes:
    """Empty where there is no such interface (any more)."""
    try:
        return fcntl.ioctl(asked, SIOCGIFHWADDR, struct.pack("16s16x", interface.encode()))[18:24]
    except OSError:
        return b""


def drop_rights() -> None:
    """Give every capability up for good, also as root: the sockets are open."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.capset((ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def main(arp: socket.socket, ndp: socket.socket) -> None:
    """Until its input ends."""
    drop_rights()
    watch, rest = Watch(), b""
    while True:
        wait_s = max(0.0, min(watch.due.values()) - time.monotonic()) if watch.due else None
        inputs = (0, arp.fileno(), ndp.fileno())
        ready = select.select(inputs, [], [], wait_s)[0]
        if 0 in ready:
            piece = os.read(0, 65536)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                watch.told(line.decode(), time.monotonic())
            narrow(arp, ndp, {address for _, address in watch.since})
        for one in (arp, ndp):
            if one.fileno() in ready:
                _listen(one, watch)
        for interface, address in watch.ask(time.monotonic()):
            _ask(arp, interface, address)


def _listen(one: socket.socket, watch: Watch) -> None:
    with contextlib.suppress(OSError):  # nothing more, or an interface that went down
        for _ in range(FRAMES_MAX):
            frame, (interface, *_) = one.recvfrom(2048)
            address = claimed(frame)
            if address is not None and watch.heard((interface, address), frame[6:12], time.monotonic()):
                print(json.dumps(["seen", interface, str(address), frame[6:12].hex(":")]), flush=True)


def _ask(one: socket.socket, interface: str, address: Address) -> None:
    mac = mac_of(one, interface)
    if mac:
        kind, frame = probe(mac, address)
        with contextlib.suppress(OSError):  # it is down or gone: other alarms say so
            one.sendto(frame, (interface, kind))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main(*(socket.socket(fileno=int(number)) for number in sys.argv[1:3]))
