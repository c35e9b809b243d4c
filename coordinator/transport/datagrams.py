"""The UDP socket of one of our link addresses: it sends for all links that use the address, and reads for them.

datagrams = Datagrams("lan", ("10.77.0.11", 1291), openers, incoming)
datagrams.start()
datagrams.send(data, sockaddr)      # never waits; what the kernel refuses is lost, as on any wire
"""

import asyncio
import socket
from typing import Protocol

from coordinator.transport import sockets
from coordinator.transport.sockets import Address, Sockaddr
from protocol.datagram import DATAGRAM_BYTES_MAX


class Incoming(Protocol):
    """Reads what arrives; `coordinator.transport.links.Links`."""

    def datagram(self, link: str, data: bytes, host: str) -> None:
        """`host`: the address it came from, which proves nothing. Handles every refusal itself."""


class Datagrams:
    def __init__(self, link: str, address: Address, incoming: Incoming) -> None:
        self.link = link
        self._address = address
        self._incoming = incoming
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Raises OSError where the address is taken."""
        self._socket = sockets.datagram(self._address)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(self, data: bytes, target: Sockaddr) -> None:
        """One datagram; a full buffer, a missing route and a filter are all a lost datagram."""
        if self._socket is not None:
            try:
                self._socket.sendto(data, target)
            except OSError:
                return

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        """One datagram: where there are more the loop comes back, and a flood cannot starve its timers."""
        if self._socket is None:
            return
        try:
            data, source = self._socket.recvfrom(DATAGRAM_BYTES_MAX + 1)
        except OSError:  # nothing to read after all, or what ICMP says about one that we sent
            return
        self._incoming.datagram(self.link, data, source[0])
