"""The lock on a state folder: held by a `faild`, and after its end by its guard for as long as that works.

    await StateLock.wait(folder)            # until no process works on it; raises StateBusy
    lock = await StateLock.take(folder)     # lock.descriptor is passed on to each guard
    lock.close()

It is an flock(2) on `guard.lock`, shared by every process that has the descriptor: it ends with the last of them, and
cannot be forgotten by a crash. The process id in the file is for people and for the sentence of a refusal.
"""

import asyncio
import fcntl
import os
from pathlib import Path

from protocol.moment import lasting

NAME = "guard.lock"

PATIENCE_S = 120.0
"""A guard runs the down actions of all services side by side; a script's timeout is 20 s unless configured."""

ASK_EVERY_S = 0.01


class StateBusy(OSError):
    """Another faild, or the guard of an earlier one, works on this state folder."""

    def __str__(self) -> str:
        return str(self.args[0])


class StateLock:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    async def take(cls, folder: Path, patience_s: float = PATIENCE_S) -> "StateLock":
        """Raises StateBusy at once where a living `faild` has it, and after `patience_s` where its guard does not end."""
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            await _wait(descriptor, folder, patience_s)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    @classmethod
    async def wait(cls, folder: Path, patience_s: float = PATIENCE_S) -> None:
        """Return when no process works on the folder; raises as `take`."""
        lock = await cls.take(folder, patience_s)
        lock.close()

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


async def _wait(descriptor: int, folder: Path, patience_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while not _locked(descriptor):
        holder = _holder(descriptor)
        if holder and _runs(holder):
            raise StateBusy(f"{folder}: a faild (process {holder}) works here; stop it first, or name another --state")
        if loop.time() > deadline:
            busy = f"the guard of an earlier faild still works after {lasting(patience_s * 1000)}"
            raise StateBusy(f"{folder}: {busy}; look at its scripts")
        await asyncio.sleep(ASK_EVERY_S)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int:
    text = os.pread(descriptor, 20, 0)
    return int(text) if text.isdigit() else 0


def _runs(pid: int) -> bool:
    """A zombie does not run: its guard is at work, and its parent slow."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"
