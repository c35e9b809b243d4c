"""Which networks an interface is in, read from /proc: what a configuration is checked against.

    networks("eth0", 4)     # [IPv4Network("10.77.0.0/24")]: what is reached through it without a gateway
    has_ipv6("eth0")        # False where IPv6 is switched off there
    own_ipv6()              # every IPv6 address of this machine, packed

The routing table says it better than the addresses: a network that the interface serves and in which the machine has no
address of its own (a routed block of service addresses) stands there too. Empty where the interface is down.
"""

import ipaddress
import struct
from pathlib import Path

ROUTES_4, ROUTES_6 = Path("/proc/thread-self/net/route"), Path("/proc/thread-self/net/ipv6_route")
ADDRESSES_6 = Path("/proc/thread-self/net/if_inet6")

GATEWAY = 0x2
"""RTF_GATEWAY: reached through another machine."""

MULTICAST = ipaddress.IPv6Network("ff00::/8")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(interface: str, version: int) -> list[Network]:
    """In the order of the table, each once. Routes to a single address do not count, nor does the default route."""
    found = _four(interface) if version == 4 else _six(interface)
    return list(dict.fromkeys(network for network in found if 0 < network.prefixlen < network.max_prefixlen))


def has_ipv6(interface: str) -> bool:
    """Whether the kernel would take an IPv6 address there."""
    try:
        return (Path("/proc/sys/net/ipv6/conf") / interface / "disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def answers_for_others(interface: str, version: int) -> bool:
    """Whether the kernel would answer on this interface for an address that it forwards to."""
    of_six = ("forwarding", "proxy_ndp")
    return all(_is_on(version, interface, name) for name in (("forwarding",) if version == 4 else of_six))


def _is_on(version: int, interface: str, name: str) -> bool:
    try:
        return (Path(f"/proc/sys/net/ipv{version}/conf") / interface / name).read_text().strip() != "0"
    except OSError:
        return False


def own_ipv6() -> set[bytes]:
    return {bytes.fromhex(line.split()[0]) for line in _lines(ADDRESSES_6)}


def _four(interface: str) -> list[Network]:
    found: list[Network] = []
    for line in _lines(ROUTES_4)[1:]:
        name, target, _, flags, _, _, _, mask = line.split()[:8]
        if name == interface and not int(flags, 16) & GATEWAY:
            address, bits = (struct.pack("=I", int(word, 16)) for word in (target, mask))
            found.append(ipaddress.IPv4Network((address, int.from_bytes(bits, "big").bit_count())))
    return found


def _six(interface: str) -> list[Network]:
    found: list[Network] = []
    for line in _lines(ROUTES_6):
        words = line.split()
        network = ipaddress.IPv6Network((bytes.fromhex(words[0]), int(words[1], 16)))
        if words[9] == interface and not int(words[8], 16) & GATEWAY and network != MULTICAST:
            found.append(network)
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
