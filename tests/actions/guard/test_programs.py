"""The programs that the guard kills, those of running actions, and those that it runs to take something down."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actions.guard import programs, scripts, take_down
from actions.process import kill_group
from tests.actions.guard.killed import Peer, program, script, wait_for
from tests.actions.lab import Lan, can_make_namespaces
from tests.actions.test_script import alive, write_script
from tools.lab.pytest_plugin import left_out

TICKET = f"{os.getpid():012x}-1"
"""Of this process alone: other tests may run beside it on this machine."""


@pytest.fixture
def sleeper() -> Iterator[Any]:
    """Starts programs in groups of their own, and ends them. Tests of killing look only at these."""
    made: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        made.append(subprocess.Popen(["/bin/sleep", "600"], env=environment, start_new_session=True))
        wait_for(lambda: programs.environment_of(made[-1].pid), "its environment is there")
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def test_the_group_of_a_running_action_is_killed(lan: Lan, stand_in: Any, tmp_path: Path, peer: Peer) -> None:
    """Also its child: were it to go on, it could bring the service up again after it was taken down."""
    path = write_script(tmp_path, f"[ $1 = reclaim ] || exit 0; sleep 600 & echo $! > {tmp_path}/pid; wait")
    it = stand_in({"web": [script(path)]}, hang="web")
    it.hear("up")
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the action runs")
    it.kill()
    it.guard_ended()
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_program_whose_number_never_reached_the_guard_is_found(sleeper: Any) -> None:
    """faild was killed between starting a script and telling its group: its ticket was told before."""
    lost, other = sleeper({"FAILOVER_TICKET": TICKET}), sleeper({"FAILOVER_TICKET": f"{TICKET}1"})
    assert programs.lost_groups({TICKET}) == {lost.pid}
    programs.kill_programs({TICKET: None})
    assert lost.wait(10) == -signal.SIGKILL
    assert other.poll() is None


@pytest.mark.parametrize(
    "ticket",
    ["", "a", "PATH", TICKET[:-2], TICKET[4:], f"FAILOVER_TICKET={TICKET}"],
    ids=["nothing", "a letter", "a name", "its beginning", "its end", "a whole entry"],
)
def test_a_ticket_is_never_found_in_part_of_an_environment(sleeper: Any, ticket: str) -> None:
    """A guard that looked for a ticket as a part of anything has killed every process of a machine. Nothing is killed here."""
    sleeper({"FAILOVER_TICKET": TICKET, "PATH": "/a", "OTHER": "a"})
    assert programs.lost_groups({ticket}) == set()


def test_a_group_number_that_is_somebody_elses_by_now_is_left_alone(sleeper: Any) -> None:
    ours = sleeper({"FAILOVER_TICKET": TICKET})
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as stranger:
        assert stranger.stdin is not None
        assert stranger.stdout is not None
        program = programs.Program(ours.pid)
        ours.kill()
        ours.wait()
        program.group = stranger.pid  # as if the kernel had given the number again
        programs.kill_programs({TICKET: program})
        stranger.stdin.write(b"here\n")
        stranger.stdin.flush()
        assert stranger.stdout.readline() == b"here\n", "a process that is being killed says nothing any more"


@pytest.mark.parametrize("reaped", [False, True])
def test_what_a_leader_left_behind_in_its_group_is_killed(reaped: bool) -> None:
    """The script has ended, and a child of it runs on: the number is still that of its group."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = ["sh", "-c", "cat <&3 >&3 & exec 3>&-"]
        leader = subprocess.Popen(words, preexec_fn=lambda: os.dup2(theirs.fileno(), 3), pass_fds=(3,), start_new_session=True)
        theirs.close()
        program = programs.Program(leader.pid)
        wait_for(lambda: programs.state_of(leader.pid) == "Z", "the leader has ended")
        if reaped:
            leader.wait()
        ours.settimeout(60)
        ours.send(b"here")
        assert ours.recv(9) == b"here"
        assert not program.lives()
        program.kill()
        assert ours.recv(9) == b"", "its end of the socket is closed"
        leader.wait()


def test_a_program_that_is_gone_is_neither_killed_nor_forgotten_twice() -> None:
    """It ended, all of it, before its number reached us."""
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    program = programs.Program(process.pid)
    assert (program.leader, program.lives()) == (-1, False)
    program.kill()
    program.forget()
    programs.kill_programs({"t": program})
    assert (program.leader, programs.state_of(process.pid)) == (-1, "")


def test_none_of_them_lives_when_all_is_killed(sleeper: Any) -> None:
    """Their last gasp must not undo what is taken down next."""
    running = [sleeper({"A": "program"}) for _ in range(20)]
    programs.kill_programs({str(process.pid): programs.Program(process.pid) for process in running})
    assert {programs.state_of(process.pid) for process in running} == {"Z"}


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended
        return []


@pytest.fixture
def undying() -> Iterator[Callable[[], int]]:
    """Processes that SIGKILL does not end: the first of a PID namespace ends after all others there, and one of these has a
    parent outside that does not reap it."""
    left_out(None if can_make_namespaces() else "network namespaces cannot be made here; run the tests as root")
    made: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "setsid", "sleep", "600"], stderr=subprocess.DEVNULL)
        made.append(outer)
        (first,) = wait_for(lambda: children(outer.pid), "it has a child")
        wait_for(lambda: Path(f"/proc/{first}/comm").read_text() == "sleep\n", "it sleeps")
        guest = subprocess.Popen(["nsenter", "-t", str(first), "-p", "sleep", "600"])
        made.insert(0, guest)
        wait_for(lambda: children(guest.pid), "its guest has a child there")
        guest.send_signal(signal.SIGSTOP)
        return first

    yield start
    for process in made:
        process.send_signal(signal.SIGCONT)
    for process in made:
        for pid in children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(60)


def test_what_cannot_die_is_waited_for_half_a_second_in_all(undying: Callable[[], int]) -> None:
    """Peers are waiting. The quickest of three: the machine may be busy."""
    took_s = 60.0
    for _ in range(3):
        running = [undying() for _ in range(2)]
        began = time.monotonic()
        programs.kill_programs({str(pid): programs.Program(pid) for pid in running})
        took_s = min(took_s, time.monotonic() - began)
        assert not {programs.state_of(pid) for pid in running} & {"", "Z", "X"}
        if took_s < 0.9:
            break
    assert 0.5 <= took_s < 0.9


def test_to_look_for_programs_and_whether_one_lives_holds_nothing_up(sleeper: Any) -> None:
    """The quickest of some, each: the machine may be busy."""
    program = programs.Program(sleeper({"A": "program"}).pid)
    for look in (program.lives, lambda: not programs.lost_groups({"none"}), lambda: not programs.lost_groups(set())):
        took_s = 60.0
        for _ in range(5):
            began = time.monotonic()
            assert look()
            took_s = min(took_s, time.monotonic() - began)
        assert took_s < 0.9


def test_a_program_in_our_own_group_is_not_killed() -> None:
    process = subprocess.Popen(["/bin/sleep", "600"], env={"FAILOVER_TICKET": TICKET})
    try:
        wait_for(lambda: programs.environment_of(process.pid), "its environment is there")
        assert programs.lost_groups({TICKET}) == set()
    finally:
        process.kill()
        process.wait()


def test_a_process_that_goes_while_we_look_holds_nothing_up(sleeper: Any) -> None:
    """Kernel threads have no environment, and what has ended has none that can be read."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert programs.environment_of(process.pid) == []


def test_a_program_that_cleared_its_environment_is_killed_all_the_same(sleeper: Any) -> None:
    process = sleeper({"NOTHING": "of ours"})
    programs.kill_programs({TICKET: programs.Program(process.pid)})
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("group", [-1, 0, 1])
def test_no_number_that_means_everybody_is_ever_taken(group: int) -> None:
    with pytest.raises(ValueError, match="process group"):
        programs.Program(group)
    with pytest.raises(ValueError, match="process group"):
        kill_group(group)


def test_a_program_is_down_when_it_exits_with_nought(capfd: pytest.CaptureFixture[str]) -> None:
    assert scripts.run(program("true"))
    assert capfd.readouterr().err == ""
    assert not scripts.run(program("sh", "-c", "exit 7"))
    assert capfd.readouterr().err == "guard: sh -c exit 7: exit 7\n"


def test_a_program_that_takes_too_long_is_killed_with_its_group(capfd: pytest.CaptureFixture[str]) -> None:
    ticket = f"rules-{os.getpid()}-1"
    assert not scripts.run(program("sh", "-c", "sleep 600 & wait", timeout_ms=1_000, FAILOVER_TICKET=ticket))
    assert "guard: sh -c sleep 600 & wait: no end after 1 s, killed\n" in capfd.readouterr().err
    deadline = time.monotonic() + 60
    while programs.lost_groups({ticket}):
        assert time.monotonic() < deadline, "one of its group lives"


def test_a_program_gets_its_words_and_environment_and_no_input_nor_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = '$1 $WORD $(readlink /proc/$$/fd/0) $(ps -o sid= -p $$ | tr -d " ") $$'
    tell = f'echo "{facts}" > {tmp_path}/told; echo noise; echo more >&2'
    assert scripts.run(program("sh", "-c", tell, "sh", "first", WORD="second"))
    first, second, streams, session, pid = (tmp_path / "told").read_text().split()
    assert (first, second, streams) == ("first", "second", "/dev/null")
    assert session == pid, "a session of its own"
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_started_is_not_down(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.touch(mode=0o755)
    assert [take_down.take_down(program(str(path))) for path in (empty, tmp_path / "missing")] == [False, False]
    assert "exit 126" in capfd.readouterr().err
