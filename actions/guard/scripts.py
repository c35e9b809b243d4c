"""A program that takes something down, run to its end."""

import os
import select
import signal
from typing import Any

from .complaints import complain
from .hardening import USUAL

BY_SHELL = ("/bin/sh", "-c", """
case $0 in */*) if [ -f "$0" ] && ! [ -s "$0" ]; then echo "$0: $0: Exec format error"; exit 126; fi ;; esac
exec "$0" "$@"
""")
"""Goes before the words of a program: its starter stands still until its file is open, for minutes on a file server that
hangs. So we start this, which is small and local and becomes the program in the same process. A shell, because it knows what
is no program (env would take a file of zeros for a script, and for one that did well); of an empty file it must be told."""


def run(down: dict[str, Any]) -> bool:
    """True where it exits with 0 in time; else its group is killed. No input, no output."""
    argv, nothing = down["run"], (0, 1, 2)
    streams = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in nothing]
    words = [*BY_SHELL, *argv]
    usual = (os.SCHED_OTHER, os.sched_param(0))
    pid = os.posix_spawn(words[0], words, down["env"], file_actions=streams, setsid=True, setsigdef=USUAL, scheduler=usual)
    leader = os.pidfd_open(pid)
    ended, _, _ = select.select([leader], [], [], down["timeout_ms"] / 1000)
    os.close(leader)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
        complain(f"{' '.join(argv)}: no end after {down['timeout_ms'] / 1000:g} s, killed")
        return False
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        complain(f"{' '.join(argv)}: exit {code}")
    return code == 0
