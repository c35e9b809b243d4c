"""The guard as a program: when it acts, what it is until then, and what the programs that it runs get of it."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from actions.guard import programs
from tests.actions.guard.bare import listener
from tests.actions.guard.killed import program, wait_for
from tools.lab.pytest_plugin import left_out


def shell(text: str) -> dict[str, Any]:
    return program("sh", "-c", text)


def used_s(pid: int) -> float:
    """Processor time, proc(5)."""
    user, kernel = programs.stat_of(pid)[11:13]
    return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")


def test_it_acts_when_it_is_asked_to_though_faild_lives(alone: Any, tmp_path: Path) -> None:
    guard = alone()
    guard.hold("web", shell(f"touch {tmp_path}/down"))
    guard.say(say="end")
    assert guard.process.wait(60) == 0
    assert (tmp_path / "down").exists()
    assert guard.faild.poll() is None


def test_each_service_is_taken_down_once_and_says_its_own_word(alone: Any, tmp_path: Path) -> None:
    guard = alone()
    with listener() as peer:
        for name in ("web", "db", "mail"):
            guard.hold(name, shell(f"echo {name} >> {tmp_path}/down"), peers=(["127.0.0.1", *peer.getsockname()],))
        guard.say(say="end")
        assert guard.process.wait(60) == 0
        assert sorted((tmp_path / "down").read_text().split()) == ["db", "mail", "web"]
        assert [peer.recv(99) for _ in range(9)] == [b"word"] * 9
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(99)


def test_where_nothing_can_come_any_more_it_sleeps_until_faild_ends(alone: Any, tmp_path: Path) -> None:
    """Its end of the socket is closed: a guard that went on looking there would take a processor, before all others."""
    guard = alone()
    guard.hold("web", shell(f"touch {tmp_path}/down"))
    guard.channel.close()
    wait_for(lambda: programs.state_of(guard.process.pid) == "S", "it sleeps")
    before_s, began = used_s(guard.process.pid), time.monotonic()
    time.sleep(0.3)
    assert used_s(guard.process.pid) - before_s < (time.monotonic() - began) / 3
    assert not (tmp_path / "down").exists()
    guard.faild.kill()
    assert guard.process.wait(60) == 0
    assert (tmp_path / "down").exists()


def test_a_signal_as_at_the_end_of_its_parent_is_not_believed(alone: Any, tmp_path: Path) -> None:
    """Any process of the same user can send it. We are its parent, and live: it goes on listening."""
    guard = alone()
    guard.hold("web", shell(f"touch {tmp_path}/down"))
    for epoch in (8, 9, 10):
        guard.process.send_signal(signal.SIGUSR1)
        guard.hold("web", shell(f"touch {tmp_path}/down"), epoch=epoch)
    assert not (tmp_path / "down").exists()
    guard.say(say="release", service="web", epoch=10)
    guard.say(say="end")
    assert guard.process.wait(60) == 0
    assert not (tmp_path / "down").exists()


def test_a_program_gets_none_of_its_descriptors_its_input_nor_its_signals(alone: Any, tmp_path: Path) -> None:
    """One that stays behind must hold neither the lock, for which the next faild waits, nor a copy of the packet socket."""
    with open(tmp_path / "lock", "w") as lock, open(tmp_path / "errors", "w") as errors:
        guard = alone(lock.fileno(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        facts = "readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; echo $(ls /proc/$$/fd); grep SigIgn /proc/self/status"
        guard.hold("web", shell(f"({facts}) > {tmp_path}/told"))
        guard.say(say="end")
        assert guard.process.wait(60) == 0
        for stream in (guard.process.stdin, guard.process.stdout):
            stream.close()
    *told, ignored = (tmp_path / "told").read_text().split()
    assert told == [*["/dev/null"] * 3, "0", "1", "2", "SigIgn:"]
    others = 1 << 31 | 1 << 32
    assert int(ignored, 16) & ~others == 0, "but for 32 and 33, which are the C library's own"


def test_it_is_hard_to_end_and_runs_before_others(alone: Any) -> None:
    guard = alone()
    pid = guard.process.pid
    try:
        os.sched_setscheduler(guard.faild.pid, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        left_out("no real-time scheduling here; run the tests as root")
    assert os.sched_getscheduler(pid) == os.SCHED_RR
    assert os.sched_getparam(pid) == os.sched_param(1)
    ask = ["sh", "-c", "echo -1000 2> /dev/null > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj"]
    most = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == most, "what the kernel lets us have"


def test_a_right_that_let_it_start_is_handed_on_to_no_program(alone: Any) -> None:
    """An ambient capability is inherited by whatever is started; it keeps its own."""
    guard = alone(prefix=("setpriv", "--inh-caps=+net_admin", "--ambient-caps=+net_admin"))
    status = dict(
        line.split(":\t") for line in Path(f"/proc/{guard.process.pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert int(status["CapAmb"], 16) == 0
    assert int(status["CapEff"], 16) & 1 << 12


def test_where_it_may_not_hurry_it_does_its_work_all_the_same(alone: Any, tmp_path: Path) -> None:
    guard = alone(prefix=("setpriv", "--bounding-set=-sys_nice,-sys_resource"))
    assert os.sched_getscheduler(guard.process.pid) == os.SCHED_OTHER
    guard.hold("web", shell(f"touch {tmp_path}/down"))
    guard.say(say="end")
    assert guard.process.wait(60) == 0
    assert (tmp_path / "down").exists()


def test_a_log_that_is_gone_holds_nothing_up(alone: Any, tmp_path: Path) -> None:
    """Who read its complaints has ended. A complaint about one service, and the other's last word all the same."""
    reading, writing = os.pipe()
    guard = alone(stderr=writing)
    for descriptor in (reading, writing):
        os.close(descriptor)
    with listener() as peer:
        ways = (["127.0.0.1", *peer.getsockname()],)
        guard.hold("web", {"melt": 1}, shell(f"touch {tmp_path}/down"), peers=ways)
        guard.hold("db", shell("true"), peers=ways)
        guard.say(say="end")
        assert guard.process.wait(60) == 0
        assert (tmp_path / "down").exists()
        assert peer.recv(99) == b"word"


def test_a_log_that_takes_nothing_any_more_holds_nothing_up(alone: Any, tmp_path: Path) -> None:
    """It would wait as often as there is something to say: for ever, or for some time each."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    guard = alone(stderr=writing)
    guard.hold("web", *[{"melt": 1}] * 99, shell(f"touch {tmp_path}/down"))
    guard.say(say="end")
    assert guard.process.wait(30) == 0
    assert (tmp_path / "down").exists()
    for descriptor in (reading, writing):
        os.close(descriptor)
