"""No other process reads our memory: the node's key is in it.

    undumped.hide()         # before the key is read

A process that cannot be dumped writes no core file, and no other process of its user may trace it or read its memory (prctl(2),
PR_SET_DUMPABLE; core(5)). The limit on core files is the second lock, for a collector that asks for it. What we start is dumped
as it always was: the kernel makes a new program dumpable again, and `actions.process` gives it the limit that we were given.
"""

import ctypes
import os
import resource

PR_SET_DUMPABLE = 4


def hide() -> None:
    """For the rest of this process. Raises OSError where the kernel refuses: a filter of system calls may."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
