"""A URL of a web server, taken apart by rules that do not change any more.

    asked("https://[fd77::100]/health")     # ("https", "fd77::100", 443, "/health"); raises Unreadable
"""

import ipaddress
import re
from typing import NamedTuple

from protocol.stored.table import Unreadable, need

URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::([0-9]{1,5}))?(/[!-~]*)?", re.ASCII)
"""An address and no name: a check that first asks a name server checks two services."""


class Asked(NamedTuple):
    """A URL taken apart."""

    scheme: str
    address: str
    port: int
    path: str


def asked(url: str) -> Asked:
    """Raises Unreadable."""
    found = URL.fullmatch(url)
    if found is None or "#" in url:
        raise Unreadable("no URL with an address")
    scheme, host, port, path = found.groups()
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError as error:
        raise Unreadable(str(error)) from None
    need((address.version == 6) == host.startswith("["), "an IPv6 address stands in brackets, and no other does")
    need(port is None or 1 <= int(port) <= 65_535, "no port")
    return Asked(scheme, str(address), int(port or {"http": 80, "https": 443}[scheme]), path or "/")
