"""The sockets of the links: which options they need, and why."""

import contextlib
import socket

Address = tuple[str, int]
Sockaddr = tuple[str, int] | tuple[str, int, int, int]

IP_FREEBIND = 15
IPV6_FREEBIND = 78
"""linux/in.h, linux/in6.h; Python names neither. We listen on an address that may appear later: links come up in any order."""

USER_TIMEOUT_MS = 3000
"""A connection that is not acknowledged for so long is given up. Shorter would give up streams that only wait for a
retransmission (0.2, 0.4, 0.8 s ...); nothing is judged by it, since judgements come from heartbeats."""

NOTSENT_LOWAT_BYTES = 32 * 1024
"""A peer that catches up must not fill the kernel's buffer with seconds of events in front of the next heartbeat."""

SEGMENT_BYTES = 536
"""The segment that every path carries (RFC 9293, section 3.7.1). Through a tunnel that swallows longer packets and says
nothing, heartbeats arrive and events do not: links are up, and every move runs into its timeout. Our events are small; the
kernel still hands many segments to the card at once."""

RECEIVE_BUFFER_BYTES = 512 * 1024
"""Datagrams of all peers while the loop is busy: some 300."""

BACKLOG = 64

IPV6_TCLASS = 67
NETWORK_CONTROL = 0xC0
"""DSCP CS6 (RFC 4594, section 3.2): on a full line heartbeats go before what fills it. The kernel's queues obey it too."""


def listener(address: Address) -> socket.socket:
    """A TCP socket that listens on one link's own address. Raises OSError."""
    return _ready(_bound(address, socket.SOCK_STREAM, listens=True))


def datagram(address: Address) -> socket.socket:
    """The UDP socket of one link, on the same port number. Raises OSError."""
    made = _bound(address, socket.SOCK_DGRAM, listens=True)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return made


def dialling(local: Address) -> socket.socket:
    """A TCP socket whose connection leaves from this link's own address. Raises OSError while we have no such address."""
    made = _bound((local[0], 0), socket.SOCK_STREAM, listens=False)
    tune(made)
    return made


def tune(connection: socket.socket) -> None:
    """Options of an open connection: it neither waits for more to send nor waits for ever."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES)


def sockaddr(address: Address) -> Sockaddr:
    """What `sendto` and `connect` take without asking a name server: IPv6 with its scope number."""
    host, port = address
    if ":" not in host:
        return address
    scope = host.partition("%")[2]
    return (host.partition("%")[0], port, 0, socket.if_nametoindex(scope) if scope else 0)


def is_here(address: Address) -> bool:
    """Whether this host has the address now."""
    try:
        _bound((address[0], 0), socket.SOCK_DGRAM, False).close()
    except OSError:
        return False
    return True


def _bound(address: Address, kind: socket.SocketKind, listens: bool) -> socket.socket:
    six = ":" in address[0]
    made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
    try:
        made.setblocking(False)
        if six:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(*((socket.IPPROTO_IPV6, IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)), NETWORK_CONTROL)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)  # before it listens or connects
        if listens:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
            with contextlib.suppress(OSError):  # an old kernel: then the address has to be there
                made.setsockopt(*((socket.IPPROTO_IPV6, IPV6_FREEBIND) if six else (socket.IPPROTO_IP, IP_FREEBIND)), 1)
        made.bind(sockaddr(address))
    except BaseException:
        made.close()
        raise
    return made


def _ready(made: socket.socket) -> socket.socket:
    made.listen(BACKLOG)
    return made
