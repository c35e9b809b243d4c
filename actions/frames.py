"""The frames that tell neighbours where an address lives now. Pure: bytes from values.

    arp_request(mac, ip), arp_reply(mac, ip)    # gratuitous ARP, both forms: some stacks hear only one (RFC 5227, 3)
    neighbour_advertisement(mac, ip, router)    # unsolicited, with override (RFC 4861, sections 4.4 and 7.2.6)
"""

import struct
from ipaddress import IPv4Address, IPv6Address

EVERYBODY = b"\xff" * 6
ALL_NODES_MAC = bytes.fromhex("333300000001")
ALL_NODES = IPv6Address("ff02::1").packed

ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD
ICMPV6 = 58
NEIGHBOUR_ADVERTISEMENT = 136
ROUTER, OVERRIDE = 0x8000_0000, 0x2000_0000


def arp_request(mac: bytes, ip: IPv4Address) -> bytes:
    return _arp(1, mac, ip, bytes(6))


def arp_reply(mac: bytes, ip: IPv4Address) -> bytes:
    return _arp(2, mac, ip, EVERYBODY)


def neighbour_advertisement(mac: bytes, ip: IPv6Address, router: bool) -> bytes:
    """`router`: this machine forwards. Without it, hosts that use the address as their gateway would drop that route."""
    flags = OVERRIDE | (ROUTER if router else 0)
    body = struct.pack("!I", flags) + ip.packed + b"\x02\x01" + mac
    icmp = struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, _checksum(ip.packed, body)) + body
    header = struct.pack("!IHBB", 6 << 28, len(icmp), ICMPV6, 255) + ip.packed + ALL_NODES
    return _ethernet(ALL_NODES_MAC, mac, ETHERTYPE_IPV6) + header + icmp


def _arp(operation: int, mac: bytes, ip: IPv4Address, target: bytes) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + ip.packed + target + ip.packed
    return _ethernet(EVERYBODY, mac, ETHERTYPE_ARP) + body


def _ethernet(to: bytes, sender: bytes, kind: int) -> bytes:
    return to + sender + struct.pack("!H", kind)


def _checksum(source: bytes, body: bytes) -> int:
    """RFC 1071 over the pseudo-header of RFC 8200, section 8.1, and the message with its checksum zero."""
    whole = source + ALL_NODES + struct.pack("!II", len(body) + 4, ICMPV6)
    whole += struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, 0) + body
    total: int = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
