"""One guard process, and our end of its socket. `GuardLink` starts another when it dies.

    guard = await GuardProcess.start(Inherited(lock_descriptor), heard, died)
    guard.say({"say": "release", "service": "web", "epoch": 7})
    await guard.end(holds=False)

One message is one packet of JSON (SOCK_SEQPACKET keeps their borders), a long one is several: docs/guard.md. A guard that for
0.3 s in which we ran takes no message, or does not confirm what it is to hold, is ended: who waits for it would wait for ever.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from actions.capabilities import ambient
from actions.guard import FOLDER
from actions.guard.held import MORE
from coordinator.transport.ack_timeout import TURN_S, TURNS, Patience

log = logging.getLogger("failover.guard")

READY_S_MAX = 5.0
"""A fresh interpreter takes 20 ms on a quiet machine."""

PIECE_BYTES_MAX = 1 << 15
"""The pieces of a longer message; a socket usually takes 208 KiB before its other end reads."""

CLOSE_S_MAX = 1.0
"""How long we wait for it at our own end; it goes on without us where a script takes longer."""


ANSWERED = frozenset({"hold", "leases"})
"""A guard that has stopped would let a lease end, and what is under it stay up."""

Hears = Callable[[dict[str, Any]], None]


class Inherited(NamedTuple):
    """Descriptors that it has a copy of."""

    lock: int
    wire: int = -1
    """The packet socket, so that our close of it is never the last one (actions/wire.py)."""


class GuardProcess:
    def __init__(self, process: "subprocess.Popen[bytes]", channel: socket.socket, heard: Hears) -> None:
        self.pid = process.pid
        self.over = asyncio.Event()
        self._process = process
        self._channel = channel
        self._heard: Hears = heard
        self._died: Callable[[], None] | None = None
        self._owed = 0
        """How many words it has not answered of those that it answers. It hears in order."""
        self._unsaid: deque[bytes] = deque()
        """Packets for which its socket has no room yet."""
        self._patience = Patience(lambda: self._owed > 0 or bool(self._unsaid), self._lost)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = os.pidfd_open(process.pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel, self._read)
        self._loop.add_reader(self._life, self._ended)

    @classmethod
    async def start(cls, inherited: Inherited, heard: Hears, died: Callable[[], None]) -> "GuardProcess":
        """`died` is called once, for a guard that was ready. Raises OSError where none starts, or is not ready in time."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            guard = cls(_spawn(theirs.fileno(), inherited), ours, heard)
        try:
            await asyncio.wait_for(asyncio.shield(guard._ready), READY_S_MAX)
        except TimeoutError:
            guard.kill()
            raise OSError(f"the guard was not ready within {READY_S_MAX:g} s") from None
        if guard.over.is_set():  # in the turn in which it was ready: waiters are told a turn later
            raise guard._ended_at_once()
        guard._died = died
        return guard

    def say(self, message: dict[str, Any]) -> None:
        """Does not wait; what its socket has no room for follows as soon as it has."""
        self._owed += message["say"] in ANSWERED
        self._unsaid.extend(_packets(json.dumps(message).encode()))
        self._write(waited=False)
        if self._owed or self._unsaid:
            self._patience.begin()

    def _write(self, *, waited: bool = True) -> None:
        """That it makes room is a sign of life; that there was room is none."""
        self._loop.remove_writer(self._channel)
        try:
            while self._unsaid:
                self._channel.send(self._unsaid[0])
                self._unsaid.popleft()
                if waited:
                    self._patience.sign()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._write)
        except OSError as error:
            log.error("the guard does not listen (%s), and is ended", error.strerror)
            self._unsaid.clear()
            self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self, *, holds: bool) -> None:
        """Ask it to act on what it holds and to end; where that takes long it goes on without us, unless it holds nothing."""
        self._died = None
        self.say({"say": "end"})
        self._patience.end()  # what it holds is more than an answer that it owes
        if not await self._ends() and not holds:
            log.error("the guard holds nothing, has not ended within %g s, and is killed", CLOSE_S_MAX)
            self.kill()
            await self._ends()
        self._forget()

    async def _ends(self) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), CLOSE_S_MAX)
        return self.over.is_set()

    def _read(self) -> None:
        try:
            while packet := self._channel.recv(65536):
                message = json.loads(packet)
                self._patience.sign()
                if "ready" not in message:
                    self._owed -= 1
                    self._heard(message)
                elif not self._ready.done():
                    self._ready.set_result(None)
        except BlockingIOError:
            return
        except OSError:
            pass  # as the end of what it says: it is dying, and its pidfd will tell
        self._loop.remove_reader(self._channel)

    def _lost(self) -> None:
        log.error("the guard has taken or confirmed nothing for %g s, and is ended", TURN_S * TURNS)
        self.kill()

    def _ended(self) -> None:
        self._process.wait()
        self._forget()
        self.over.set()
        if not self._ready.done():
            self._ready.set_exception(self._ended_at_once())
        if self._died is not None:
            self._died()

    def _ended_at_once(self) -> OSError:
        return OSError(f"the guard ended at once, with {self._process.returncode}")

    def _forget(self) -> None:
        self._patience.end()
        if self._life >= 0:
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
            self._loop.remove_reader(self._life)
            self._channel.close()
            os.close(self._life)
            self._life = -1


def _packets(message: bytes) -> list[bytes]:
    pieces = [message[at : at + PIECE_BYTES_MAX] for at in range(0, len(message), PIECE_BYTES_MAX)]
    return [*(MORE + piece for piece in pieces[:-1]), pieces[-1]]


def _spawn(channel: int, inherited: Inherited) -> "subprocess.Popen[bytes]":
    """A fresh interpreter with Python's library alone, in a session of its own, watching the end of this process. With -B it
    writes no bytecode: a disk that hangs must not hold up its start."""
    us = os.pidfd_open(os.getpid())
    words = [sys.executable, "-I", "-S", "-E", "-B", FOLDER, str(channel), str(us)]
    kept = [descriptor for descriptor in inherited if descriptor >= 0]
    quiet = subprocess.DEVNULL
    try:
        with ambient():
            return subprocess.Popen(
                [*words, *map(str, kept)],
                stdin=quiet, stdout=quiet, pass_fds=(channel, us, *kept), start_new_session=True, cwd="/",
            )  # fmt: skip
    finally:
        os.close(us)
