"""When the guard acts, and what it is until then: the end of faild is seen, and nothing else is taken for it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from actions.guard import FOLDER, hardening, parent, programs
from tests.actions.guard.killed import FOUR, ROOT, Peer, address
from tests.actions.lab import Lan, ip
from tests.actions.test_script import alive


def test_a_child_that_inherited_our_descriptors_does_not_hold_the_guard_up(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]}, leak=True)
    child = it.hear("child")["pid"]
    try:
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_thread_that_cannot_die_does_not_hold_the_guard_up(lan: Lan, stand_in: Any, peer: Peer) -> None:
    """The disk hangs under the log's thread while faild is killed: the process is not gone, but it decides nothing any more."""
    it = stand_in({"web": [address(FOUR)]}, half_dead=True)
    it.hear("up")
    assert peer.word(peer.four).service == "web"
    assert it.process.poll() is None
    assert ip(FOUR) not in lan.ips(lan.one)


def test_a_faild_that_ends_while_it_holds_is_cleaned_up_after(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.process.communicate("end\n")
    assert peer.word(peer.four).epoch == 7
    assert ip(FOUR) not in lan.ips(lan.one)


def test_a_stopped_faild_has_not_ended(lan: Lan, stand_in: Any, peer: Peer) -> None:
    """The guard is there for the end of faild; a node that is merely slow is judged by its peers."""
    it = stand_in({"web": [address(FOUR)]})
    pid = it.guard()
    it.process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        assert ip(FOUR) in lan.ips(lan.one)
    assert alive(pid)


def test_signals_to_everybody_do_not_end_the_guard_before_faild(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    pid = it.guard()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(pid, number)
    assert ip(FOUR) in lan.ips(lan.one)
    assert alive(pid)
    it.kill()
    assert peer.word(peer.four).service == "web"


def test_what_people_send_to_daemons_does_not_end_it() -> None:
    tell = """
import os
from actions.guard import hardening
hardening.settle()
print(open("/proc/self/comm").read())
for number in hardening.IGNORED:
    os.kill(os.getpid(), number)
"""
    ran = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stdout.split()) == (0, ["faild-guard"]), ran.stderr
    told = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR2}
    assert told == {*hardening.IGNORED}


def test_the_guard_is_small(lan: Lan, stand_in: Any, peer: Peer) -> None:
    pid = stand_in({"web": [address(FOUR)]}).guard()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own_kb = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private"))
    assert own_kb < 12_000
    assert Path(f"/proc/{pid}/comm").read_text().strip() == "faild-guard"
    assert os.getsid(pid) == pid


def ended() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_process_is_ending_when_it_is_a_zombie_or_gone() -> None:
    assert not parent.is_ending(os.getpid())
    assert parent.is_ending(ended())
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert (programs.state_of(zombie.pid), parent.is_ending(zombie.pid)) == ("Z", True)
    zombie.wait()
    assert (programs.state_of(zombie.pid), programs.stat_of(zombie.pid)) == ("", [])


def test_a_process_that_has_begun_to_end_is_ending_before_it_is_a_zombie(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes in that moment: proc(5) tells PF_EXITING (4) in the ninth field. All other flags mean something else."""
    fields = programs.stat_of(os.getpid())
    for state, flags, ending in (("R", 4, True), ("D", ~4, False), ("S", 1, False), ("Z", 0, True), ("X", 0, True)):
        told = [state, *fields[1:6], str(flags & 0xFFFF_FFFF), *["4"] * 43]
        monkeypatch.setattr(parent, "stat_of", lambda pid, told=told: told)
        assert parent.is_ending(os.getpid()) is ending


def test_the_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    """proc(5): the fields begin behind the last parenthesis."""
    odd = tmp_path / ") Z 1 (x"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(odd), "60"])
    try:
        while "(" not in Path(f"/proc/{process.pid}/comm").read_text():
            time.sleep(0.001)
        assert programs.state_of(process.pid) in "RSD"
        assert not parent.is_ending(process.pid)
    finally:
        process.kill()
        process.wait()


def test_a_bare_interpreter_runs_its_folder_wherever_it_stands_and_writes_nothing_there(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    names = sorted(os.listdir(folder))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    us = os.pidfd_open(os.getpid())
    with ours, theirs:
        words = [sys.executable, "-I", "-S", "-E", "-B", str(folder), str(theirs.fileno()), str(us)]
        process = subprocess.Popen(words, pass_fds=(theirs.fileno(), us), cwd="/")
        os.close(us)
        assert json.loads(ours.recv(99)) == {"ready": process.pid}
        ours.send(b'{"say": "end"}')
        assert process.wait(60) == 0
    assert sorted(os.listdir(folder)) == names
