"""What a network interface is right now, asked by ioctl: cheap enough for a timer, and needs no privilege.

    look = InterfaceLook()
    look.hardware_address("eth0")   # six bytes, or None where it has none (lo, tun)
    look.carrier("eth0")            # False also where it is missing or switched off; about 2 us a look
    look.addresses()                # every IPv4 address of this machine, also those of interfaces that are switched off

ETHTOOL_GLINK is asked because the kernel's link events come late: about one batch a second for the whole machine, so a
second interface may be reported a second after its cable was cut.
"""

import array
import errno
import fcntl
import socket
import struct

SIOCGIFCONF = 0x8912
SIOCGIFFLAGS = 0x8913
SIOCGIFHWADDR = 0x8927
SIOCETHTOOL = 0x8946
ETHTOOL_GLINK = 0x0A
IFF_UP = 0x1
IFF_RUNNING = 0x40
ARPHRD_ETHER = 1
IFREQ_BYTES = 40
IFCONF = struct.Struct("iP")
IP_AT = 20
"""In an ifreq: behind the name (16 bytes), the family and the port."""


class InterfaceLook:
    """One socket and one buffer for asking many times; used by one thread."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._answer = array.array("I", [ETHTOOL_GLINK, 0])
        self._pointer = struct.pack("P", self._answer.buffer_info()[0])
        self._list = array.array("B", bytes(32 * IFREQ_BYTES))

    def close(self) -> None:
        self._socket.close()

    def carrier(self, interface: str) -> bool:
        """Whether the interface has a carrier and is switched on. A missing one has none."""
        self._answer[0], self._answer[1] = ETHTOOL_GLINK, 0
        request = _name(interface) + self._pointer
        try:
            fcntl.ioctl(self._socket, SIOCETHTOOL, request.ljust(IFREQ_BYTES, b"\0"))
        except OSError as error:
            return error.errno == errno.EOPNOTSUPP and self._running(interface)
        return self._answer[1] != 0

    def hardware_address(self, interface: str) -> bytes | None:
        """The Ethernet address; None for an interface that has none. Raises OSError (ENODEV) where it is missing."""
        answer = self._ask(SIOCGIFHWADDR, interface)
        (family,) = struct.unpack_from("H", answer, 16)
        return answer[18:24] if family == ARPHRD_ETHER else None

    def addresses(self) -> set[bytes]:
        """Packed. Asked twice where there are more of them than room: they are counted first."""
        room = self._list.buffer_info()[1]
        length = self._listed()
        while length + IFREQ_BYTES > room:
            self._list = array.array("B", bytes(2 * room))
            room, length = 2 * room, self._listed()
        return {self._list[at + IP_AT : at + IP_AT + 4].tobytes() for at in range(0, length, IFREQ_BYTES)}

    def _listed(self) -> int:
        """Ask for the list; how many bytes of it there are."""
        pointer, room = self._list.buffer_info()
        length: int = IFCONF.unpack(fcntl.ioctl(self._socket, SIOCGIFCONF, IFCONF.pack(room, pointer)))[0]
        return length

    def _running(self, interface: str) -> bool:
        try:
            (flags,) = struct.unpack_from("H", self._ask(SIOCGIFFLAGS, interface), 16)
        except OSError:
            return False
        return bool(flags & IFF_UP and flags & IFF_RUNNING)

    def _ask(self, request: int, interface: str) -> bytes:
        return fcntl.ioctl(self._socket, request, _name(interface).ljust(IFREQ_BYTES, b"\0"))


def _name(interface: str) -> bytes:
    return interface.encode()[:15].ljust(16, b"\0")
