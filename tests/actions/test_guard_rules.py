"""The guard's rules, one at a time: which addresses are the host's own, what the kernel says, how a program ends.

With real processes, sockets and the kernel's own words; no namespace is needed. With real addresses: test_guard.py.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from actions import guard
from actions.guard import Book, Carried, Program

FOUR, SIX = guard.packed("10.0.0.120"), guard.packed("fd77::120")
LO = socket.if_nametoindex("lo")
NOWHERE = 1 << 20
"""The number of an interface that is not there."""


def one(text: str, prefix: int, **more: Any) -> Carried:
    """An address that an administrator has added for good."""
    return Carried(guard.packed(text), prefix, NOWHERE, 0, 0, False, True)._replace(**more)


def down(text: str, interface: str = "eth0") -> dict[str, Any]:
    return {"address": text, "interface": interface}


# --- what faild told ---------------------------------------------------------------------------------------------------


def test_a_program_is_known_from_its_ticket_to_its_end() -> None:
    book = Book()
    assert book.hear({"say": "began", "ticket": "t"}) is None
    assert book.programs == {"t": None}
    book.hear({"say": "group", "ticket": "t", "group": os.getpid()})
    program = book.programs["t"]
    assert program is not None
    assert (program.group, program.lives()) == (os.getpid(), True)
    book.hear({"say": "ended", "ticket": "t"})
    assert (book.programs, program.leader) == ({}, -1)
    program.forget()
    assert not program.lives()
    book.hear({"say": "ended", "ticket": "another"})


def test_the_descriptor_of_a_program_is_closed_when_it_is_forgotten() -> None:
    program = Program(os.getpid())
    leader = program.leader
    os.fstat(leader)
    program.forget()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(leader)


def test_a_word_that_it_does_not_know_changes_nothing() -> None:
    book = Book()
    assert book.hear({"say": "sing", "service": "web"}) is None
    assert (book.held, book.programs) == ({}, {})


def ended() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_process_is_ending_when_it_is_a_zombie_or_gone() -> None:
    assert not guard.is_ending(os.getpid())
    assert guard.is_ending(ended())
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert (guard.state_of(zombie.pid), guard.is_ending(zombie.pid)) == ("Z", True)
    zombie.wait()
    assert (guard.state_of(zombie.pid), guard.stat_of(zombie.pid)) == ("", [])


def test_the_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    """proc(5): the fields begin behind the last parenthesis."""
    odd = tmp_path / ") Z 1 (x"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(odd), "60"])
    try:
        while "(" not in Path(f"/proc/{process.pid}/comm").read_text():
            time.sleep(0.001)
        assert guard.state_of(process.pid) in "RSD"
        assert not guard.is_ending(process.pid)
    finally:
        process.kill()
        process.wait()


# --- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "primary"),
    [
        (one("10.0.0.1", 24), True),
        (one("10.0.0.1", 31), True),
        (one("10.0.0.1", 32), False),
        (one("10.0.0.1", 24, flags=guard.IFA_F_SECONDARY), False),
        (one("10.0.0.1", 24, flags=guard.IFA_F_DEPRECATED), True),
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
    ([one("10.0.0.1", 24, flags=guard.IFA_F_SECONDARY)], []),
    ([one("fd77::1", 64)], [0]),
    ([one("fd77::1", 128)], []),
    ([one("fd77::1", 64, flags=guard.IFA_F_DEPRECATED)], []),
    ([one("fd77::1", 64), one("fd77::2", 64)], []),
    ([one("fd77::1", 64), one("fd78::2", 64)], [0, 1]),
    ([one("fd77::1", 64), one("fd77::2", 64, lasting=False)], [0, 1]),
    ([one("fd77::1", 64), one("fd77::2", 64, ours=True)], [0]),
    ([one("fd77::1", 64, lasting=False), one("fd77::2", 64, lasting=False)], [0, 1]),
]


@pytest.mark.parametrize(("everything", "own"), OWN)
def test_by_which_addresses_the_host_itself_lives(everything: list[Carried], own: list[int]) -> None:
    assert guard.the_hosts_own(everything) == {everything[at] for at in own}


def test_what_the_host_lives_by_stays_except_where_ours_is_too() -> None:
    wanted = guard.addresses_of([down("10.0.0.120")])
    hosts, typed, other = one("10.0.0.120", 24), one("10.0.0.120", 32), one("10.0.0.9", 24)
    ours = hosts._replace(prefix=25, ours=True)
    assert guard.carried([hosts, typed, other], wanted) == [typed]
    assert guard.carried([hosts, typed, ours, other], wanted) == [hosts, typed, ours]


def test_a_service_has_its_addresses_by_their_bytes() -> None:
    first, second = down("fe80::77"), down("fe80:0::77", "eth1")
    script = {"run": ["/bin/true"]}
    assert guard.addresses_of([first, script, second, down("10.0.0.120")]) == {
        guard.packed("fe80::77"): [first, second],
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
    address = guard.packed(text)
    assert guard.counts(address, "eth0", NOWHERE) is elsewhere
    assert not guard.counts(address, "eth0", LO)
    assert guard.counts(address, "lo", LO)


def test_an_address_with_our_tag_goes_wherever_it_is() -> None:
    wanted = guard.addresses_of([down("fe80::77")])
    strange = one("fe80::77", 64)
    assert guard.claimed_by(strange, wanted) == []
    assert guard.claimed_by(strange._replace(ours=True), wanted) == [down("fe80::77")]
    assert guard.claimed_by(one("fd77::1", 64, ours=True), wanted) == []


def attribute(kind: int, value: bytes) -> bytes:
    """As in netlink(7): its length without the padding, which brings the next one to a multiple of four."""
    whole = struct.pack("HH", 4 + len(value), kind) + value
    return whole + bytes(-len(whole) % 4)


def message(flags: int, *attributes: bytes) -> bytes:
    return struct.pack("BBBBI", socket.AF_INET, 24, flags, 7, 42) + b"".join(attributes)


PEER_SIDE = guard.packed("10.0.0.99")


def test_what_the_kernel_says_of_an_address() -> None:
    plain = guard.address_in(message(1, attribute(guard.IFA_ADDRESS, FOUR)))
    assert plain == Carried(FOUR, 24, 42, 1, 7, ours=False, lasting=True)
    local = [attribute(guard.IFA_ADDRESS, PEER_SIDE), attribute(guard.IFA_LOCAL, FOUR)]
    assert guard.address_in(message(0, *local)).address == FOUR
    assert guard.address_in(message(0)).address == b""
    wide = guard.address_in(message(1, *local, attribute(guard.IFA_FLAGS, struct.pack("I", 0x220))))
    assert wide.flags == 0x220, "the eight bits of the message have no room for the newer ones"


@pytest.mark.parametrize(("tag", "ours"), [(b"\xfa", True), (b"\x03", False), (b"", False)])
def test_ours_is_what_carries_our_tag(tag: bytes, ours: bool) -> None:
    body = message(0, attribute(guard.IFA_LOCAL, FOUR), attribute(guard.IFA_PROTO, tag), attribute(99, b"x"))
    assert guard.address_in(body).ours is ours


@pytest.mark.parametrize(
    ("preferred", "valid", "lasting"), [(0xFFFF_FFFF, 0xFFFF_FFFF, True), (0, 0xFFFF_FFFF, True), (9, 9, False)]
)
def test_what_is_lent_ends(preferred: int, valid: int, lasting: bool) -> None:
    lent = attribute(guard.IFA_CACHEINFO, struct.pack("IIII", preferred, valid, 1, 1))
    assert guard.address_in(message(0, lent)).lasting is lasting


def test_attributes_are_read_to_their_end_and_a_broken_one_ends_nothing() -> None:
    told = [attribute(1, b"a"), attribute(2, b"bcde"), attribute(3, b"")]
    assert guard.attributes_of(message(0, *told)) == {1: b"a", 2: b"bcde", 3: b""}
    assert guard.attributes_of(message(0)) == {}
    nothing = struct.pack("HH", 0, 9)
    assert guard.attributes_of(message(0, nothing, told[0]))[1] == b"a", "a length of nothing does not hold it up"


def test_the_kernels_own_list_has_the_loopback_address() -> None:
    found = {(address.address, address.prefix) for address in guard.every_address() if address.interface == LO}
    assert (guard.packed("127.0.0.1"), 8) in found


def test_what_is_not_there_need_not_be_removed_and_what_cannot_be_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert guard.delete(FOUR, 24, NOWHERE) in guard.GONE
    assert guard.remove_address({**down("10.0.0.120"), "here": [one("10.0.0.120", 32), one("10.0.0.120", 24)]})
    assert guard.remove_address({**down("10.0.0.120"), "here": []})
    assert capfd.readouterr().err == ""
    assert not guard.remove_address({**down("10.0.0.120"), "here": [Carried(b"\1\2\3\4\5", 24, LO, 0, 0, False, True)]})
    assert "guard: 10.0.0.120 on eth0: " in capfd.readouterr().err


# --- programs ------------------------------------------------------------------------------------------------------------


def program(*words: str, timeout_ms: int = 60_000, **env: str) -> dict[str, Any]:
    return {"run": list(words), "env": {"PATH": os.environ["PATH"], **env}, "timeout_ms": timeout_ms}


def test_a_program_is_down_when_it_exits_with_nought(capfd: pytest.CaptureFixture[str]) -> None:
    assert guard.run(program("true"))
    assert capfd.readouterr().err == ""
    assert not guard.run(program("sh", "-c", "exit 7"))
    assert capfd.readouterr().err == "guard: sh -c exit 7: exit 7\n"


def test_a_program_that_takes_too_long_is_killed_with_its_group(capfd: pytest.CaptureFixture[str]) -> None:
    ticket = f"rules-{os.getpid()}-1"
    assert not guard.run(program("sh", "-c", "sleep 600 & wait", timeout_ms=1_000, FAILOVER_TICKET=ticket))
    assert "guard: sh -c sleep 600 & wait: no end after 1 s, killed\n" in capfd.readouterr().err
    deadline = time.monotonic() + 60
    while guard.lost_groups({ticket}):
        assert time.monotonic() < deadline, "one of its group lives"


def test_a_program_gets_its_words_and_environment_and_no_input_nor_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = '$1 $WORD $(readlink /proc/$$/fd/0) $(ps -o sid= -p $$ | tr -d " ") $$'
    tell = f'echo "{facts}" > {tmp_path}/told; echo noise; echo more >&2'
    assert guard.run(program("sh", "-c", tell, "sh", "first", WORD="second"))
    first, second, streams, session, pid = (tmp_path / "told").read_text().split()
    assert (first, second, streams) == ("first", "second", "/dev/null")
    assert session == pid, "a session of its own"
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_started_is_not_down(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.touch(mode=0o755)
    assert [guard.take_down(program(str(path))) for path in (empty, tmp_path / "missing")] == [False, False]
    assert "exit 126" in capfd.readouterr().err


# --- the last word -------------------------------------------------------------------------------------------------------


def listener() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(30)
    return made


def test_a_last_word_goes_to_every_peer_three_times_whatever_becomes_of_the_others() -> None:
    with listener() as first, listener() as second:
        ways = [["127.0.0.1", "127.0.0.1", peer.getsockname()[1]] for peer in (first, second)]
        lost = [["10.255.255.1", "not an address", 9], ["127.0.0.1", "127.0.0.1", 70_000]]
        guard.say_last_word(b"word", [ways[0], lost[0], ["10.255.255.1", *ways[1][1:]]])
        for peer in (first, second):
            assert [peer.recv(99) for _ in range(3)] == [b"word"] * 3
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(99)


def test_a_last_word_leaves_by_its_own_link() -> None:
    with listener() as peer:
        guard.send_datagram(b"word", "127.0.0.7", *peer.getsockname())
        assert peer.recvfrom(99)[1][0] == "127.0.0.7"


def test_a_service_says_its_word_when_all_is_down_and_else_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with listener() as peer:
        held = {"service": "web", "word": "d29yZA==", "peers": [["127.0.0.1", *peer.getsockname()]]}
        for downs in ([program("true"), program("false")], [program("false"), program("true")]):
            ending = threading.Thread(target=guard.end_service, args=({**held, "downs": downs},))
            ending.start()
            ending.join()
            assert "guard: web: not everything is down here, so no last word is said\n" in capfd.readouterr().err
        ending = threading.Thread(target=guard.end_service, args=({**held, "downs": [program("true")]},))
        ending.start()
        ending.join()
        assert [peer.recv(99) for _ in range(3)] == [b"word"] * 3


# --- the process ---------------------------------------------------------------------------------------------------------


def test_a_complaint_has_at_most_what_a_pipe_takes_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    guard.complain("x" * 10_000)
    assert capfd.readouterr().err == "guard: " + "x" * (4096 - len("guard: "))


def test_a_log_that_takes_nothing_holds_nothing_up() -> None:
    tell = "import os; from actions import guard; os.set_blocking(2, True); [guard.complain('x' * 4000) for _ in range(99)]"
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", tell], stderr=writing, cwd=Path(__file__).parents[2])
    os.close(writing)
    assert process.wait(60) == 0
    os.close(reading)


def test_what_people_send_to_daemons_does_not_end_it() -> None:
    tell = """
import os
from actions import guard
guard.settle()
print(open("/proc/self/comm").read())
for number in guard.IGNORED:
    os.kill(os.getpid(), number)
"""
    ran = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (ran.returncode, ran.stdout.split()) == (0, ["faild-guard"]), ran.stderr
    assert {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR2} == {*guard.IGNORED}
