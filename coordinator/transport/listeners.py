"""Where we can be reached: one TCP and one UDP socket for each of our link addresses, on the same port number.

doors = Doors(accept, incoming)             # accept(link) makes the protocol of a connection that comes in
await doors.move({"lan": ("10.77.0.11", 1291)})
doors.sender("lan")                         # sends a datagram from that address
await doors.close()
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from coordinator.transport import sockets
from coordinator.transport.datagrams import Datagrams, Incoming
from coordinator.transport.sockets import Address, Sockaddr

log = logging.getLogger("failover.links")


class LinksUnusable(OSError):
    """A link of ours cannot be listened on. The text says which, why, and what to do."""


class Doors:
    def __init__(self, accept: Callable[[str], asyncio.BaseProtocol], incoming: Incoming) -> None:
        self._accept = accept
        self._incoming = incoming
        self._addresses: dict[str, Address] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._datagrams: dict[str, Datagrams] = {}

    async def move(self, links: Mapping[str, Address]) -> None:
        """Listen on these addresses and no others. New ones are opened first. Raises LinksUnusable: nothing changed."""
        new = {name: address for name, address in links.items() if self._addresses.get(name) != address}
        opened = Doors(self._accept, self._incoming)
        try:
            for name, address in new.items():
                await opened._open(name, address)
        except OSError as error:
            await opened.close()
            raise _unusable(name, address, error) from None
        for gone in [name for name in self._addresses if links.get(name) != self._addresses[name]]:
            self._servers.pop(gone).close()
            self._datagrams.pop(gone).close()
        self._servers |= opened._servers
        self._datagrams |= opened._datagrams
        self._addresses = dict(links)

    def sender(self, link: str) -> Callable[[bytes, Sockaddr], None]:
        """What sends one datagram from our address on `link`."""
        return self._datagrams[link].send

    def shut(self) -> None:
        """No new connections; datagrams still go."""
        for server in self._servers.values():
            server.close()

    async def close(self) -> None:
        """Nothing is open when this returns."""
        self.shut()
        for datagrams in self._datagrams.values():
            datagrams.close()
        for server in self._servers.values():
            await server.wait_closed()

    async def _open(self, name: str, address: Address) -> None:
        self._datagrams[name] = Datagrams(name, address, self._incoming)
        self._datagrams[name].start()
        listening = sockets.listener(address)
        if not sockets.is_here(address):
            words = "is it that of another node? is the interface up?"
            log.warning("link %s: this host has no address %s (yet): %s", name, address[0], words)
        self._servers[name] = await asyncio.get_running_loop().create_server(lambda: self._accept(name), sock=listening)


def look(links: Mapping[str, Address]) -> None:
    """Raises LinksUnusable where another process has one of these addresses. Nothing stays open."""
    for name, address in links.items():
        try:
            sockets.datagram(address).close()
            sockets.listener(address).close()
        except OSError as error:
            raise _unusable(name, address, error) from None


def _unusable(name: str, address: Address, error: OSError) -> LinksUnusable:
    host, port = address
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    ask = "Does another faild run, or is it another host's address?"
    return LinksUnusable(f"link {name}: cannot listen on {where}: {error.strerror}. {ask}")
