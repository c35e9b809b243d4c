"""The end of `faild` as the guard sees it: a signal from its main thread, and whether it really is ending."""

import ctypes
import os
import signal

from .programs import stat_of

PR_SET_PDEATHSIG, PARENT_ENDED = 1, signal.SIGUSR1
PF_EXITING = 0x4


def bell_at_the_end_of_our_parent() -> int:
    """A descriptor that becomes readable when the thread that started us has ended: the kernel then sends us a signal."""
    bell, striker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(PARENT_ENDED, lambda *_: None)
    signal.set_wakeup_fd(striker)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(PARENT_ENDED), 0, 0, 0)
    return bell


def rung(bell: int) -> bool:
    return bool(os.read(bell, 4096))


def is_ending(pid: int) -> bool:
    """Any process of this user can send a signal: has the main thread of this process really begun to end?"""
    fields = stat_of(pid)
    return not fields or fields[0] in "ZX" or bool(int(fields[6]) & PF_EXITING)
