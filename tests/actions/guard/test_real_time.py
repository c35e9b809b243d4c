"""Real-time: what the guard does waits behind no busy program, and what it starts takes nobody's processor."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.actions.guard.killed import ROOT, Peer, script, wait_for
from tests.actions.lab import Lan
from tests.actions.test_script import write_script

POLICY = 38
"""Where proc_pid_stat(5) has the scheduling policy, counted from the state as 0."""


def policies(pid: int) -> set[int]:
    """Of each thread."""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return {int(stat.rpartition(") ")[2].split()[POLICY]) for stat in stats}


def told(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_thread_of_the_guard_is_real_time_from_its_first_instruction() -> None:
    """One that begins as any other waits behind busy programs for tens of milliseconds, and an address with it."""
    begin = "hurry(); threading.Thread(target=lambda: print(os.sched_getscheduler(0))).start()"
    program = f"import os, threading; from actions.guard.hardening import hurry; {begin}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"{int(os.SCHED_RR)}\n"


def test_all_of_the_guard_is_real_time_and_no_script_is(lan: Lan, stand_in: Any, tmp_path: Path, peer: Peer) -> None:
    wait = f"for _ in $(seq 600); do [ -e {tmp_path}/go ] && exit; sleep 0.05; done"
    stop = f"[ $1 = stop ] || exit 0; echo $$ >> {tmp_path}/pids; {wait}"
    paths = [write_script(tmp_path, stop, name) for name in "ab"]
    it = stand_in({name: [script(path)] for name, path in zip(("web", "db"), paths, strict=True)})
    guard = it.guard()
    it.kill()
    pids = wait_for(lambda: len(found := told(tmp_path / "pids")) == 2 and found, "both stops run")
    assert policies(guard) == {os.SCHED_RR}
    assert [policies(int(pid)) for pid in pids] == [{os.SCHED_OTHER}] * 2
    (tmp_path / "go").touch()
    it.guard_ended()
