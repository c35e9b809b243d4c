"""The programs that the guard kills, those of running actions, and those that it runs to take something down."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actions.guard import programs, scripts, take_down
from actions.process import kill_group
from tests.actions.guard.killed import Peer, program, script, wait_for
from tests.actions.lab import Lan
from tests.actions.test_script import alive, write_script


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
    lost, other = sleeper({"FAILOVER_TICKET": "0123456789ab-1"}), sleeper({"FAILOVER_TICKET": "0123456789ab-11"})
    assert programs.lost_groups({"0123456789ab-1"}) == {lost.pid}
    programs.kill_programs({"0123456789ab-1": None})
    assert lost.wait(10) == -signal.SIGKILL
    assert other.poll() is None


@pytest.mark.parametrize("ticket", ["", "a", "PATH", "0123456789ab", "89ab-1", "FAILOVER_TICKET=0123456789ab-1"])
def test_a_ticket_is_never_found_in_part_of_an_environment(sleeper: Any, ticket: str) -> None:
    """A guard that looked for a ticket as a part of anything has killed every process of a machine. Nothing is killed here."""
    sleeper({"FAILOVER_TICKET": "0123456789ab-1", "PATH": "/a", "OTHER": "a"})
    assert programs.lost_groups({ticket}) == set()


def test_a_group_number_that_is_somebody_elses_by_now_is_left_alone(sleeper: Any) -> None:
    ours, stranger = sleeper({"FAILOVER_TICKET": "0123456789ab-1"}), sleeper({"SOMEBODY": "else"})
    program = programs.Program(ours.pid)
    ours.kill()
    ours.wait()
    program.group = stranger.pid  # as if the kernel had given the number again
    programs.kill_programs({"0123456789ab-1": program})
    assert stranger.poll() is None


def test_a_program_that_cleared_its_environment_is_killed_all_the_same(sleeper: Any) -> None:
    process = sleeper({"NOTHING": "of ours"})
    programs.kill_programs({"0123456789ab-1": programs.Program(process.pid)})
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
