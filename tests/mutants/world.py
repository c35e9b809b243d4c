"""A world of its own for one mutant of the guard: its processes, mounts and networks, all gone when it ends.

    own_world()                 # returns in the only process there is, as root; the caller only waits for it
    put_over(path, other)       # what stands at the path outside stays as it is

A guard with one condition turned round kills every process group that it finds and removes every address: outside of such a
world that is the machine on which the mutants run.
"""

import ctypes
import os
import resource
import subprocess
from pathlib import Path
from typing import NoReturn

MOUNTS, NETWORKS, PROCESSES = 0x0002_0000, 0x4000_0000, 0x2000_0000
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x4_0000
REAL_TIME_US = 300_000
"""The guard runs before all other programs: one that never ends would take a processor from the machine."""

libc = ctypes.CDLL(None, use_errno=True)


def own_world() -> None:
    resource.setrlimit(resource.RLIMIT_RTTIME, (REAL_TIME_US, REAL_TIME_US))
    must(libc.unshare(MOUNTS | NETWORKS | PROCESSES), "a world of its own needs root")
    for _ in range(2):  # the first process there reaps what has lost its parent: a test asks whether a guard has ended
        if pid := os.fork():
            end_as(pid)
    mount(None, "/", None, RECURSIVE | PRIVATE)
    mount("proc", "/proc", "proc")
    os.makedirs("/run/netns", exist_ok=True)
    mount("tmpfs", "/run/netns", "tmpfs")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def put_over(path: Path, other: Path) -> None:
    mount(str(other), str(path), None, BIND)


def end_as(child: int) -> NoReturn:
    """As the child does, after all that ended before it."""
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def mount(source: str | None, target: str, kind: str | None, flags: int = 0) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    must(libc.mount(*words, ctypes.c_ulong(flags), None), f"mounting {target}")


def must(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
