"""What makes the guard hard to end and quick to act, and keeps its rights to itself."""

import contextlib
import ctypes
import os
import signal

from .parent import PARENT_ENDED

IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR2)
"""What people and service managers send to all processes of a daemon: we end after `faild`, never before."""

PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

USUAL = (*IGNORED, PARENT_ENDED, signal.SIGCHLD, signal.SIGXFSZ)
"""The signals that a program of ours must find as they usually are; Python itself ignores SIGPIPE and SIGXFSZ."""


def settle() -> None:
    """Be hard to end: by no signal but SIGKILL, and last when memory runs out, where we may ask the kernel for that."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for path, text in (("/proc/self/comm", "faild-guard"), ("/proc/self/oom_score_adj", "-1000")):
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write(text)


def hurry() -> None:
    """Real-time, as `faild` runs: a take-down must not wait behind busy programs. Our threads inherit it, and have it from
    their first instruction: one that had to ask for it would wait behind busy programs until it could. A program that we start
    is given back the usual order of things (`scripts.run`)."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def keep_rights_to_ourselves() -> None:
    """What let us start with rights (ambient capabilities) is dropped, so that no script inherits it; we keep it ourselves."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        ambient = next((line.split()[1] for line in file if line.startswith("CapAmb:")), "0")
        if int(ambient, 16):
            ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
