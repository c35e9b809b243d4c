"""The guard's requests to the kernel in a namespace, as faild encoded them: routes, neighbours and elements of sets."""

import socket
import struct
import subprocess
from typing import Any

import pytest

from actions.action import Ending, Seen
from actions.guard import requests
from actions.kinds import ACTIONS
from tests.actions.lab import in_namespace, inside
from tests.actions.test_kernel_entries import ENTRIES, THEIRS, as_action, endings, node, seen

__all__ = ["node"]


def carried_out(node: str, written: dict[str, Any]) -> bool:
    """What the guard's own request says: it was encoded before."""
    name, settings, timeout_ms = as_action(written)
    told = dict(ACTIONS[name].guard_down(settings, {}, timeout_ms))

    async def carry_out() -> bool:
        return requests.carry_out(told)

    return bool(inside(node, carry_out))


@pytest.mark.parametrize("written", ENTRIES, ids=lambda written: str(list(written.values())))
def test_the_guards_request_takes_it_down_and_finds_nothing_a_second_time(
    node: str, written: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    assert endings(node, written, "up") == [Ending.DONE]
    assert carried_out(node, written)
    assert seen(node, written) is Seen.DOWN
    assert carried_out(node, written)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("which", THEIRS)
def test_the_guards_request_leaves_alone_what_others_made(node: str, which: str) -> None:
    written, words, shown = THEIRS[which]
    in_namespace(node, "ip", *words.format("add").split())
    theirs = in_namespace(node, *shown.split())
    assert carried_out(node, written)
    assert in_namespace(node, *shown.split()) == theirs != ""
    in_namespace(node, "ip", *words.format("del").split())


def test_a_list_has_only_what_was_asked_for(node: str) -> None:
    """The routes of one table; a kernel that is not told to be strict lists all of them."""
    for table in ("77", "78"):
        in_namespace(node, "ip", "route", "add", "10.89.0.0/16", "dev", "other", "table", table)
    header = struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0) + struct.pack("HHI", 8, 15, 77)
    dump = struct.pack("IHHII", 16 + len(header), 26, 0x301, 1, 0) + header

    async def listed() -> tuple[int, bytes]:
        return requests.exchange(socket.NETLINK_ROUTE, dump)

    code, answer = inside(node, listed)
    in_namespace(node, "ip", "route", "flush", "table", "78")
    (length,) = struct.unpack_from("I", answer)
    assert (code, len(answer)) == (0, length)


def test_the_guards_request_knows_one_static_entry_among_many(node: str) -> None:
    """The kernel lists only the one that is asked for; it would send hundreds in many packets else."""
    ours, others = ENTRIES[7], [f"10.77.1.{number}" for number in range(1, 200)]
    batch = "".join(f"neigh add {host} lladdr 02:00:00:00:00:05 nud permanent dev eth0\n" for host in others)
    subprocess.run(["ip", "-n", node, "-batch", "-"], input=batch, text=True, check=True)
    assert endings(node, ours, "up") == [Ending.DONE]
    assert carried_out(node, ours)
    assert in_namespace(node, "ip", "neigh", "show", "nud", "permanent").count("02:00:00:00:00:05") == len(others)
    assert seen(node, ours) is Seen.DOWN
