"""Which addresses the guard takes away, rule by rule, and what the kernel says of them; no namespace is needed."""

import socket
import struct
from typing import Any

import pytest

from actions.guard import addresses, kernel
from actions.guard.kernel import Carried

FOUR, SIX = kernel.packed("10.0.0.120"), kernel.packed("fd77::120")


LO = socket.if_nametoindex("lo")


NOWHERE = 1 << 20
"""The number of an interface that is not there."""


def one(text: str, prefix: int, **more: Any) -> Carried:
    """An address that an administrator has added for good."""
    return Carried(kernel.packed(text), prefix, NOWHERE, 0, 0, False, True)._replace(**more)


def down(text: str, interface: str = "eth0") -> dict[str, Any]:
    return {"address": text, "interface": interface}


@pytest.mark.parametrize(
    ("address", "primary"),
    [
        (one("10.0.0.1", 24), True),
        (one("10.0.0.1", 31), True),
        (one("10.0.0.1", 32), False),
        (one("10.0.0.1", 24, flags=kernel.IFA_F_SECONDARY), False),
        (one("10.0.0.1", 24, flags=kernel.IFA_F_DEPRECATED), True),
        (one("fd77::1", 31), False),
    ],
)
def test_which_address_is_the_first_of_its_network(address: Carried, primary: bool) -> None:
    assert address.is_primary is primary


def test_a_network_is_its_interface_and_the_bits_of_its_prefix() -> None:
    same = [one("10.0.0.1", 24).network, one("10.0.0.254", 24).network]
    assert same[0] == same[1] == (NOWHERE, 24, 0x0A_00_00)
    assert one("fd77::1", 64).network == (NOWHERE, 64, 0xFD77 << 48)
    others = [one("10.0.1.1", 24), one("10.0.0.1", 25), one("10.0.0.1", 24, interface=7)]
    assert len({same[0], *(other.network for other in others)}) == 4


OWN = [
    ([one("10.0.0.1", 24)], [0]),
    ([one("10.0.0.1", 24, ours=True)], []),
    ([one("10.0.0.1", 32)], []),
    ([one("10.0.0.1", 32, lasting=False)], [0]),
    ([one("10.0.0.1", 24, flags=kernel.IFA_F_SECONDARY)], []),
    ([one("fd77::1", 64)], [0]),
    ([one("fd77::1", 128)], []),
    ([one("fd77::1", 64, flags=kernel.IFA_F_DEPRECATED)], []),
    ([one("fd77::1", 64), one("fd77::2", 64)], []),
    ([one("fd77::1", 64), one("fd78::2", 64)], [0, 1]),
    ([one("fd77::1", 64), one("fd77::2", 64, lasting=False)], [0, 1]),
    ([one("fd77::1", 64), one("fd77::2", 64, ours=True)], [0]),
    ([one("fd77::1", 64, lasting=False), one("fd77::2", 64, lasting=False)], [0, 1]),
]


@pytest.mark.parametrize(("everything", "own"), OWN)
def test_by_which_addresses_the_host_itself_lives(everything: list[Carried], own: list[int]) -> None:
    assert addresses.the_hosts_own(everything) == {everything[at] for at in own}


def test_what_the_host_lives_by_stays_except_where_ours_is_too() -> None:
    wanted = addresses.addresses_of([down("10.0.0.120")])
    hosts, typed, other = one("10.0.0.120", 24), one("10.0.0.120", 32), one("10.0.0.9", 24)
    ours = hosts._replace(prefix=25, ours=True)
    assert addresses.carried([hosts, typed, other], wanted) == [typed]
    assert addresses.carried([hosts, typed, ours, other], wanted) == [hosts, typed, ours]


def test_a_service_has_its_addresses_by_their_bytes() -> None:
    first, second = down("fe80::77"), down("fe80:0::77", "eth1")
    script = {"run": ["/bin/true"]}
    assert addresses.addresses_of([first, script, second, down("10.0.0.120")]) == {
        kernel.packed("fe80::77"): [first, second],
        FOUR: [down("10.0.0.120")],
    }


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [
        ("10.0.0.120", True),
        ("169.254.0.1", False),
        ("169.253.0.1", True),
        ("168.254.0.1", True),
        ("fd77::1", True),
        ("fe80::1", False),
        ("febf::1", False),
        ("fec0::1", True),
        ("fe40::1", True),
        ("ff02::1", True),
    ],
)
def test_an_address_counts_on_any_interface_but_lo_and_a_link_local_one_on_its_own(text: str, elsewhere: bool) -> None:
    address = kernel.packed(text)
    assert addresses.counts(address, "eth0", NOWHERE) is elsewhere
    assert not addresses.counts(address, "eth0", LO)
    assert addresses.counts(address, "lo", LO)


def test_an_address_with_our_tag_goes_wherever_it_is() -> None:
    wanted = addresses.addresses_of([down("fe80::77")])
    strange = one("fe80::77", 64)
    assert addresses.claimed_by(strange, wanted) == []
    assert addresses.claimed_by(strange._replace(ours=True), wanted) == [down("fe80::77")]
    assert addresses.claimed_by(one("fd77::1", 64, ours=True), wanted) == []
    wanted = addresses.addresses_of([down("fe80::77", "lo"), down("fe80::77", "eth0")])
    assert addresses.claimed_by(strange._replace(interface=LO), wanted) == [down("fe80::77", "lo")]


def attribute(kind: int, value: bytes) -> bytes:
    """As in netlink(7): its length without the padding, which brings the next one to a multiple of four."""
    whole = struct.pack("HH", 4 + len(value), kind) + value
    return whole + bytes(-len(whole) % 4)


def message(flags: int, *attributes: bytes) -> bytes:
    return struct.pack("BBBBI", socket.AF_INET, 24, flags, 7, 42) + b"".join(attributes)


PEER_SIDE = kernel.packed("10.0.0.99")


def test_what_the_kernel_says_of_an_address() -> None:
    plain = kernel.address_in(message(1, attribute(kernel.IFA_ADDRESS, FOUR)))
    assert plain == Carried(FOUR, 24, 42, 1, 7, ours=False, lasting=True)
    local = [attribute(kernel.IFA_ADDRESS, PEER_SIDE), attribute(kernel.IFA_LOCAL, FOUR)]
    assert kernel.address_in(message(0, *local)).address == FOUR
    assert kernel.address_in(message(0)).address == b""
    wide = kernel.address_in(message(1, *local, attribute(kernel.IFA_FLAGS, struct.pack("I", 0x220))))
    assert wide.flags == 0x220, "the eight bits of the message have no room for the newer ones"


@pytest.mark.parametrize(("tag", "ours"), [(b"\xfa", True), (b"\x03", False), (b"", False)])
def test_ours_is_what_carries_our_tag(tag: bytes, ours: bool) -> None:
    body = message(0, attribute(kernel.IFA_LOCAL, FOUR), attribute(kernel.IFA_PROTO, tag), attribute(99, b"x"))
    assert kernel.address_in(body).ours is ours


@pytest.mark.parametrize(
    ("preferred", "valid", "lasting"), [(0xFFFF_FFFF, 0xFFFF_FFFF, True), (0, 0xFFFF_FFFF, True), (9, 9, False)]
)
def test_what_is_lent_ends(preferred: int, valid: int, lasting: bool) -> None:
    lent = attribute(kernel.IFA_CACHEINFO, struct.pack("IIII", preferred, valid, 1, 1))
    assert kernel.address_in(message(0, lent)).lasting is lasting


def test_attributes_are_read_to_their_end_and_a_broken_one_ends_nothing() -> None:
    told = [attribute(1, b"a"), attribute(2, b"bcde"), attribute(3, b"")]
    assert kernel.attributes_of(message(0, *told)) == {1: b"a", 2: b"bcde", 3: b""}
    assert kernel.attributes_of(message(0)) == {}
    nothing = struct.pack("HH", 0, 9)
    assert kernel.attributes_of(message(0, nothing, told[0]))[1] == b"a", "a length of nothing does not hold it up"


def test_the_kernels_own_list_has_the_loopback_address() -> None:
    found = {(address.address, address.prefix) for address in kernel.every_address() if address.interface == LO}
    assert (kernel.packed("127.0.0.1"), 8) in found


def test_what_is_not_there_need_not_be_removed_and_what_cannot_be_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert kernel.delete(FOUR, 24, NOWHERE) in addresses.GONE
    assert addresses.remove_address({**down("10.0.0.120"), "here": [one("10.0.0.120", 32), one("10.0.0.120", 24)]})
    assert addresses.remove_address({**down("10.0.0.120"), "here": []})
    assert capfd.readouterr().err == ""
    assert not addresses.remove_address({**down("10.0.0.120"), "here": [Carried(b"\1\2\3\4\5", 24, LO, 0, 0, False, True)]})
    assert "guard: 10.0.0.120 on eth0: " in capfd.readouterr().err
