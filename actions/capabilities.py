"""Ambient capabilities: what an unprivileged `faild` may do (addresses, raw frames) its scripts must not inherit.

    drop_ambient()              # once, at the start: programs that we run get none
    with ambient():             # around the start of the guard, which removes addresses
        start_the_guard()

Capabilities that a process has stay; only what goes through `exec` changes. Run as root this does nothing: a program of
root's has every capability by rule (capabilities(7)).
"""

import contextlib
import ctypes
from collections.abc import Iterator

PR_CAP_AMBIENT = 47
RAISE, CLEAR_ALL = 2, 4
CAP_NET_ADMIN = 12
CAP_KILL = 5
WANTED = (CAP_NET_ADMIN, CAP_KILL)
"""What the guard needs: to remove addresses, and to end programs that run as another user."""

_libc = ctypes.CDLL(None, use_errno=True)


def drop_ambient() -> None:
    _prctl(CLEAR_ALL, 0)


@contextlib.contextmanager
def ambient() -> Iterator[None]:
    """Within, what is started keeps those of `WANTED` that we have and may pass on. Nothing may be awaited within."""
    for capability in WANTED:
        _prctl(RAISE, capability)  # EPERM where we lack it, or may not pass it on: no matter for root
    try:
        yield
    finally:
        drop_ambient()


def _prctl(operation: int, capability: int) -> bool:
    zero = ctypes.c_ulong(0)
    return bool(_libc.prctl(PR_CAP_AMBIENT, ctypes.c_ulong(operation), ctypes.c_ulong(capability), zero, zero) == 0)
