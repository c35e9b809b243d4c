"""Addresses with ports, as links, checks and traps write them: `10.77.0.11`, `10.77.0.11:1291`, `[fd77::1]:1291`.

    endpoint("[fd77::1]", 1291)       # ("fd77::1", 1291)

A bare IPv6 address needs its brackets only where a port follows.
"""

import ipaddress
import re

PORT = 1291
"""Where links listen unless the configuration says otherwise: the port of the package of 2000."""


HOST = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,252}|[0-9A-Fa-f:.]+(%[^\s/%:\[\]]{1,15})?", re.ASCII)
"""A name of letters, digits, dashes and dots, or an IPv6 address with its interface."""


class BadEndpoint(ValueError):
    def __init__(self, what: str, instead: str):
        super().__init__(f"{what}. {instead}")
        self.what = what
        self.instead = instead


def endpoint(text: str, port: int | None) -> tuple[str, int]:
    """Host and port; `port` is the one to take where none is written (None: one must be). Raises BadEndpoint."""
    host, written = _split(text)
    if written is None:
        if port is None and re.fullmatch("[0-9]{1,5}", text, re.ASCII):
            raise BadEndpoint(f'"{text}" is a port without a host', f'Write "127.0.0.1:{text}"')
        if port is None:
            raise odd_host(text) or BadEndpoint(f'"{text}" has no port', f'Write "{_bracketed(host)}:80"')
        return host, port
    if not re.fullmatch("[0-9]{1,5}", written, re.ASCII) or not 1 <= int(written) <= 65_535:
        raise BadEndpoint(f'port "{written[:20]}" is not between 1 and 65535', f'Write "{_bracketed(host)}:{port or 80}"')
    return host, int(written)


def odd_host(text: str) -> BadEndpoint | None:
    """What is wrong with the host in an endpoint that can be taken apart: it is no name and no address."""
    host, port = _split(text)
    if HOST.fullmatch(host) and not host.isdigit():
        return None
    if not host:
        return BadEndpoint(f'"{text}" has no host', f'Write "127.0.0.1:{port or 80}"')
    instead = f'Write one such as "127.0.0.1:{port if port and port.isdigit() else 80}", without scheme, path and spaces'
    return BadEndpoint(f'"{text[:60]}" names no host', instead)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """One host's own address. Raises BadEndpoint for names, for 0.0.0.0 and for what no host can own."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise BadEndpoint(f'"{text}" is not an IP address', 'Write one such as "10.77.0.11" or "[fd77::1]:1291"') from None
    if found.is_unspecified or found.is_multicast:
        raise BadEndpoint(f'"{text}" is not the address of a single host', "Write the address of this node on this link")
    return found


def _split(text: str) -> tuple[str, str | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    if bracketed:
        return bracketed[1], bracketed[2]
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
