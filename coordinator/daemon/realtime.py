"""Ahead of busy programs: a coordinator that waits for its turn behind them looks dead to its peers, and answers late.

    word = hurry()          # this thread, once at start; says in words what was granted

Round-robin real-time at its lowest step: ahead of every ordinary program, behind everything that chose more. The kernel
keeps 5 % of each core for the others whatever we do. Children (scripts, hooks) start as ordinary programs. The package
of 2000 raised its priority too. docs/decisions/0006-real-time.md.
"""

import os
import sys

PRIORITY = 1
PRIORITY_OF_THE_DISK = 2
"""The thread that commits works for some hundred microseconds at a time, and its waiters wait for nothing else."""

SWITCH_S = 0.00005
"""How long one of our threads keeps the interpreter while another wants it. The usual 5 ms would let a claim wait on its way
to the disk until the last heartbeat that has just come is read."""

NICE = -10
"""Where real-time is not granted."""


def hurry(priority: int = PRIORITY) -> str:
    """Raise the calling thread. Threads and processes that it starts later begin as ordinary ones."""
    sys.setswitchinterval(SWITCH_S)
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
        return f"real-time priority {priority}"
    except OSError:
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        return f"nice {NICE}"
    except OSError:
        return "no raised priority: a busy machine can make this node look dead"
