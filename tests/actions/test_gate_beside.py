"""Our table beside those of others: firewalld's, Docker's, a user's own. None is changed, and none opens what we shut."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.actions.lab import Lan, in_namespace, inside
from tests.actions.test_gate import FOUR, SIX, WEB, at_one, clean, held_up, nft, opened

__all__ = ["clean"]

pytestmark = pytest.mark.usefixtures("packet_filter")

FIREWALLD = """
table inet firewalld {
    chain filter_PREROUTING {
        type filter hook prerouting priority -290; policy accept;
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
    }
    chain filter_INPUT {
        type filter hook input priority 10; policy accept;
        ct state { established, related } accept
        iifname "lo" accept
        jump filter_INPUT_ZONES
        reject with icmpx type admin-prohibited
    }
    chain filter_INPUT_ZONES { accept; }
    chain filter_OUTPUT {
        type filter hook output priority 10; policy accept;
        ct state { established, related } accept
    }
}
"""
"""The chains, priorities and verdicts that firewalld's nftables backend makes, with one zone that accepts all."""

DOCKER = """
table ip nat {
    chain PREROUTING { type nat hook prerouting priority -100; policy accept; fib daddr type local jump DOCKER; }
    chain POSTROUTING { type nat hook postrouting priority 100; policy accept; ip daddr 10.77.0.2 masquerade; }
    chain DOCKER { ip daddr 10.77.0.100 tcp dport 9 dnat to 10.77.0.2:9; }
}
table ip filter {
    chain FORWARD {
        type filter hook forward priority 0; policy drop;
        ct state related,established accept
        ip daddr 10.77.0.2 accept
    }
}
"""
"""A published port, as Docker has it: the service address is rewritten before `input`, and the packet is forwarded."""

USER = """
table inet mine {
    chain early { type filter hook prerouting priority -2147483648; policy accept; accept; }
    chain late { type filter hook input priority 2147483647; policy accept; accept; }
    chain out { type filter hook postrouting priority 2147483647; policy accept; accept; }
    set friends { type ipv4_addr; elements = { 10.77.0.3 }; }
    chain input {
        type filter hook input priority 0; policy drop;
        ip saddr @friends accept
        meta l4proto ipv6-icmp accept
        ip6 saddr fd77::/64 accept
    }
}
table arp mine { chain out { type filter hook output priority -2147483648; policy accept; accept; }; }
table netdev mine { chain in { type filter hook ingress device "eth0" priority -500; policy accept; accept; }; }
"""
"""At the same priorities as ours, earlier and later, and all accept."""

BESIDE = {"firewalld": FIREWALLD, "docker": DOCKER, "user": USER, "all": FIREWALLD + DOCKER + USER}


@pytest.fixture(autouse=True)
def forwarding(lan: Lan) -> Iterator[None]:
    """As on a machine with containers."""
    in_namespace(lan.one, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    yield
    in_namespace(lan.one, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("name", BESIDE)
def test_what_we_shut_no_rule_of_others_opens_and_theirs_stay_as_they_are(lan: Lan, name: str, ours_first: bool) -> None:
    held_up(lan)
    if ours_first:
        at_one(lan, lambda gate: gate.shut(WEB))
    nft(lan, text=BESIDE[name])
    before = without_ours(lan)
    at_one(lan, opened)
    assert all(lan.answers(str(address)) for address in WEB.addresses), "open"
    at_one(lan, lambda gate: gate.shut(WEB))
    assert not any(lan.answers(str(address), 0.3) for address in WEB.addresses), "shut"
    in_namespace(lan.client, "ip", "neigh", "flush", "dev", "eth0")
    assert not any(lan.answers(str(address), 0.3) for address in WEB.addresses), "shut, and nobody remembers where it was"
    assert lan.neighbour(lan.client, str(FOUR)) == lan.neighbour(lan.client, str(SIX)) == ""
    at_one(lan, opened)
    assert all(lan.answers(str(address)) for address in WEB.addresses), "open again"
    at_one(lan, lambda gate: gate.close(WEB))
    assert nft(lan, "list", "ruleset") == before


def test_what_others_drop_stays_dropped_while_our_gate_is_open(lan: Lan) -> None:
    held_up(lan)
    at_one(lan, opened)
    nft(lan, text="table inet mine { chain input { type filter hook input priority 0; tcp dport 9 drop; }; }")
    assert not any(lan.answers(str(address), 0.3) for address in WEB.addresses)


def test_a_connection_that_is_masqueraded_behind_the_address_falls_silent_too(lan: Lan) -> None:
    """A pair of firewalls: others are behind the service address, and it leaves by a rule for the source."""
    held_up(lan)
    nft(lan, text="table ip nat { chain out { type nat hook postrouting priority 100; oif eth0 snat to 10.77.0.100; }; }")
    at_one(lan, opened)
    assert connects(lan)
    at_one(lan, lambda gate: gate.shut(WEB))
    assert not connects(lan)
    at_one(lan, opened)
    assert connects(lan)


def connects(lan: Lan) -> bool:
    """Whether the holder's own connection, which leaves with the service address, is answered."""
    words = ["ip", "netns", "exec", lan.one, sys.executable, "-c", CONNECTS]
    return subprocess.run(words, capture_output=True).returncode == 0


CONNECTS = """
import socket, sys
sock = socket.socket()
sock.settimeout(0.4)
try: sock.connect(("10.77.0.3", 9))
except ConnectionRefusedError: sys.exit(0)
except OSError: sys.exit(1)
"""


def without_ours(lan: Lan) -> str:
    """Every table but ours, as `nft` lists them together."""
    tables, ours = [], False
    for line in nft(lan, "list", "ruleset").splitlines(keepends=True):
        if line.startswith("table "):
            ours = line.split()[2] == "failover"
        if not ours:
            tables.append(line)
    return "".join(tables)


def test_what_is_sent_to_a_published_port_does_not_reach_the_container_while_the_gate_is_shut(lan: Lan) -> None:
    """It is forwarded, not taken in: a database there would store what a client writes, though no answer leaves."""
    held_up(lan)
    nft(lan, text=DOCKER.replace("tcp dport 9 dnat", "udp dport 9 dnat"))
    nothing_arrives_while_shut(lan, lan.client, lan.two, str(FOUR))


def test_what_leaves_behind_the_address_reaches_nobody_while_the_gate_is_shut(lan: Lan) -> None:
    """Its source becomes the service address after `output`: the new owner's connections are not disturbed by ours."""
    held_up(lan)
    nft(lan, text="table ip nat { chain out { type nat hook postrouting priority 100; oif eth0 snat to 10.77.0.100; }; }")
    nothing_arrives_while_shut(lan, lan.one, lan.client, "10.77.0.3")


def nothing_arrives_while_shut(lan: Lan, sender: str, receiver: str, to: str) -> None:
    """Datagrams come in the order in which they were sent: none of those that were sent while it was shut."""
    sending, receiving = inside(sender, bound), inside(receiver, bound)
    try:
        at_one(lan, opened)
        assert first_that_arrives(sending, receiving, b"before", to) == b"before"
        at_one(lan, lambda gate: gate.shut(WEB))
        for _ in range(50):
            send(sending, b"shut", to)
        at_one(lan, opened)
        received = first_that_arrives(sending, receiving, b"after", to)
        while received == b"before":
            received = receiving.recv(100)
        assert received == b"after"
    finally:
        sending.close()
        receiving.close()


async def bound() -> socket.socket:
    """Port 9 of a namespace."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.05)
    sock.bind(("0.0.0.0", 9))
    return sock


def first_that_arrives(sending: socket.socket, receiving: socket.socket, word: bytes, to: str) -> bytes:
    """Of what is sent again and again."""
    for _ in range(600):
        send(sending, word, to)
        with contextlib.suppress(TimeoutError):
            return receiving.recv(100)
    raise AssertionError(f"{word!r} does not arrive")


def send(sending: socket.socket, word: bytes, to: str) -> None:
    with contextlib.suppress(PermissionError):  # the gate is shut for what leaves this machine
        sending.sendto(word, (to, 9))
