"""What the guard asks the kernel, byte for byte as in netlink(7) and rtnetlink(7), and what it makes of the answers."""

import errno
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from actions.gate.elements import Gated, ungating
from actions.guard import addresses, gate, kernel, take_down
from actions.kernel_entry import for_the_guard
from tests.actions.lab import Lan, in_namespace, inside

EVERYTHING_ELSE = 0xFFEF
"""Every flag of a message but NLM_F_DUMP_INTR."""


def message(kind: int, body: bytes, flags: int = EVERYTHING_ELSE) -> bytes:
    whole = struct.pack("IHHII", 16 + len(body), kind, flags, 1, 4711) + body
    return whole + bytes(-len(whole) % 4)


def done(code: int = 0, flags: int = EVERYTHING_ELSE) -> bytes:
    return message(3, struct.pack("i", -code), flags)


@contextmanager
def answering(*packets: bytes) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket whose other end has answered before it was asked, and that other end."""
    asking, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with asking, other:
        asking.settimeout(5)
        other.settimeout(5)
        for packet in packets:
            other.send(packet)
        yield asking, other


def test_a_question_is_one_message_and_its_answer_as_many_as_come_until_one_ends_it() -> None:
    pieces = [message(20, b"odd"), message(20, b"even")], [message(21, b""), done()]
    with answering(*map(b"".join, pieces)) as (asking, other):
        code, answers = kernel.ask(22, 0x301, b"body", asking)
        assert (code, answers) == (0, [(20, b"odd"), (20, b"even"), (21, b""), (3, bytes(4))])
        assert other.recv(99) == bytes.fromhex("14000000 1600 0103 01000000 00000000") + b"body"


def test_a_list_during_which_something_changed_is_asked_for_once_more() -> None:
    torn = message(20, b"old!", 0x10 | 2) + message(20, b"mid!", 2) + done(flags=2)
    whole = message(20, b"new!", 2) + done(flags=2)
    with answering(torn, whole) as (asking, other):
        assert kernel.ask(22, 0x301, b"body", asking) == (0, [(20, b"new!"), (3, bytes(4))])
        assert other.recv(99) == other.recv(99)


@pytest.mark.parametrize("last", [2, 3])
def test_what_the_kernel_refuses_is_an_error_with_its_words(last: int) -> None:
    refusal = message(last, struct.pack("i", -errno.EPERM))
    with answering(refusal, refusal) as (asking, other):
        assert kernel.ask(21, 5, b"", asking)[0] == errno.EPERM
        with pytest.raises(PermissionError, match="Operation not permitted") as raised:
            kernel.every_address(asking)
        assert raised.value.errno == errno.EPERM
        other.recv(99)
        assert other.recv(99) == bytes.fromhex("18000000 1600 0103 01000000 00000000 0000000000000000")


def test_the_list_of_addresses_is_what_is_answered_and_nothing_else() -> None:
    body = struct.pack("BBBBI", socket.AF_INET, 24, 0x80, 0, 7)
    with answering(message(20, body) + message(21, body) + done()) as (asking, _):
        (one,) = kernel.every_address(asking)
        assert (one.prefix, one.flags, one.interface) == (24, 0x80, 7)


ADDED: dict[str, list[str]] = {
    "10.95.0.1/24": [],
    "10.95.0.2/24": [],
    "10.95.1.1/24": ["valid_lft", "600", "preferred_lft", "300"],
    "10.95.2.1/24": ["preferred_lft", "0"],
    "10.95.3.1/24": ["scope", "link"],
    "fd95::1/64": ["nodad", "noprefixroute"],
}


def test_the_kernels_own_list_says_what_was_lent_which_is_the_second_and_which_is_deprecated(lan: Lan) -> None:
    async def listed() -> list[kernel.Carried]:
        return kernel.every_address()

    for text, words in ADDED.items():
        in_namespace(lan.one, "ip", "address", "add", text, "dev", "eth0", *words)
    try:
        found: list[kernel.Carried] = inside(lan.one, listed)
    finally:
        for text in reversed(ADDED):
            in_namespace(lan.one, "ip", "address", "del", text, "dev", "eth0")
    first, second, lent, deprecated, link, six = (
        next(one for one in found if one.address == kernel.packed(text.partition("/")[0])) for text in ADDED
    )
    assert {(one.prefix, one.ours) for one in (first, second, lent, deprecated, link)} == {(24, False)}
    assert [one.lasting for one in (first, lent, deprecated)] == [True, False, True]
    assert [one.is_primary for one in (first, second, lent)] == [True, False, True]
    assert [bool(one.flags & kernel.IFA_F_DEPRECATED) for one in (deprecated, first, second, lent, six)] == [True, *[False] * 4]
    assert (first.scope, link.scope) == (0, 253)
    assert six.flags & 0x200, "IFA_F_NOPREFIXROUTE, which has no room in the eight bits of the message"
    assert (kernel.IFA_F_SECONDARY, kernel.IFA_F_DEPRECATED, kernel.IFA_PROTO) == (1, 0x20, 11)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """No socket and no file can be opened here any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest:
        number = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_the_kernel_cannot_be_asked_no_address_counts_as_gone(capfd: pytest.CaptureFixture[str]) -> None:
    """And what has no address needs no such question."""
    web: list[dict[str, Any]] = [{"address": "10.77.0.120", "interface": "eth0"}]
    program: list[dict[str, Any]] = [{"run": ["true"]}]
    with no_descriptors():
        assert addresses.look(program)
        assert addresses.nothing_left(program)
        assert not addresses.look(web)
        assert web[0]["here"] == []
        assert not addresses.nothing_left(web)
        gate.take_gate_away(ungating(Gated([])))
    because = "[Errno 24] Too many open files"
    here, still = "the addresses that are here cannot be listed", "the addresses that are still here cannot be listed"
    assert capfd.readouterr().err.splitlines() == [
        f"guard: {here}: {because}",
        f"guard: {here}: {because}",
        f"guard: {still}: {because}",
        "guard: the gate of what is down stays: Too many open files",
    ]


def test_what_the_system_refuses_is_not_down_and_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    down = for_the_guard("a route", socket.NETLINK_ROUTE, b"delete")
    with no_descriptors():
        assert not take_down.take_down(down)
    assert capfd.readouterr().err == f"guard: {down}: [Errno 24] Too many open files\n"


def test_an_address_that_came_meanwhile_goes_too(lan: Lan) -> None:
    downs: list[dict[str, Any]] = [{"address": "10.96.0.1", "interface": "eth0"}]
    in_namespace(lan.one, "ip", "address", "add", "10.96.0.1/32", "dev", "eth0")

    async def look() -> bool:
        return addresses.nothing_left(downs)

    assert inside(lan.one, look)
    assert "10.96.0.1" not in lan.ips(lan.one)
