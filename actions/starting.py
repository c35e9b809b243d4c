"""Our end of the starter (actions/starter.py), which starts programs in our place.

    starter = Starter()
    pid = await starter.start(ticket, words, environment, output)   # raises OSError: nothing has happened
    code = await starter.end_of(ticket)                             # raises Lost where it cannot be told how it ended
    starter.kill(ticket)                                            # its whole group

It is started with the first program, on another thread. One that dies, or does not answer for ANSWER_S_MAX, is replaced at
the next start; what it had started is killed, since its end would not be heard of.
"""

import array
import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actions import starter as starter_program
from actions.guard.programs import environment_of
from protocol.invariant import InvariantBroken

ANSWER_S_MAX = 5.0
"""A start takes a millisecond, on a busy machine some tens; a hundred may wait for each other."""

LOST = "the process that starts programs has ended"


class Lost(Exception):
    """What was started may have done anything, and is killed: the process that would have told its end has ended."""


class Starter:
    """Used in one event loop."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._opening: asyncio.Task[None] | None = None
        self._started: dict[str, asyncio.Future[int]] = {}
        self._ends: dict[str, asyncio.Future[int]] = {}
        self._pids: dict[str, int] = {}
        self._unsaid: deque[tuple[bytes, tuple[int, ...]]] = deque()
        """With the descriptors that go along; they are ours, and closed when it is said."""

    async def start(
        self, ticket: str, words: Sequence[str], environment: Mapping[str, str], output: int, given: int | None = None
    ) -> int:
        """`given`: the descriptor that is its standard input; it reads nothing without."""
        request = json.dumps({"start": ticket, "words": list(words), "env": dict(environment)}).encode()
        if len(request) > starter_program.REQUEST_BYTES_MAX // 2:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        copies = _copies(output) if given is None else _copies(output, given)
        try:
            await self._open()
        except BaseException:
            _close(copies)
            raise
        loop = asyncio.get_running_loop()
        self._started[ticket], self._ends[ticket] = loop.create_future(), loop.create_future()
        self._say(request, copies)
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                return await asyncio.shield(self._started[ticket])
        except TimeoutError:
            self._lost()
            raise Lost("the process that starts programs does not answer, and is ended") from None

    async def end_of(self, ticket: str) -> int:
        return await asyncio.shield(self._ends[ticket])

    def forget(self, ticket: str) -> None:
        """The caller does not wait for it any more."""
        for futures in (self._started, self._ends):
            future = futures.pop(ticket, None)
            if future is not None and future.done() and not future.cancelled():
                future.exception()  # it has been looked at
        self._pids.pop(ticket, None)

    def kill(self, ticket: str) -> None:
        if self._channel is not None:
            self._say(json.dumps({"kill": ticket}).encode())

    def close(self) -> None:
        """What still runs is left behind then."""
        if self._opening is not None:
            self._opening.cancel()
        self._forget_channel()
        if self._process is not None:
            self._process.kill()

    async def prepare(self) -> None:
        """Have one, so that the first program waits for nothing. Where none can be had, the first program says so."""
        with contextlib.suppress(OSError):
            await self._open()

    async def _open(self) -> None:
        if self._channel is None:
            if self._opening is None:
                self._opening = asyncio.create_task(self._spawn())
            await asyncio.shield(self._opening)

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = await asyncio.to_thread(_spawn, theirs.fileno())
        except OSError:
            ours.close()
            raise
        finally:
            self._opening = None
        ours.setblocking(False)
        self._channel = ours
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _say(self, message: bytes, descriptors: tuple[int, ...] = ()) -> None:
        self._unsaid.append((message, descriptors))
        self._write()

    def _write(self) -> None:
        if self._channel is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_writer(self._channel)
        try:
            while self._unsaid:
                message, descriptors = self._unsaid[0]
                extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
                self._channel.sendmsg([message], extra)
                self._unsaid.popleft()
                _close(descriptors)
        except BlockingIOError:
            loop.add_writer(self._channel, self._write)
        except OSError:
            self._lost()

    def _read(self) -> None:
        if self._channel is None:
            raise InvariantBroken("only an open one is read")
        try:
            while self._channel is not None and (packet := self._channel.recv(65536)):
                self._hear(json.loads(packet))
        except BlockingIOError:
            return
        except OSError:
            pass
        self._lost()

    def _hear(self, told: dict[str, Any]) -> None:
        if "started" in told:
            self._pids[told["started"]] = told["pid"]
            _answer(self._started.get(told["started"]), told["pid"])
        elif "failed" in told:
            _fail(self._started.get(told["failed"]), OSError(told["errno"], os.strerror(told["errno"])))
        elif "ended" in told:
            self._pids.pop(told["ended"], None)
            _answer(self._ends.get(told["ended"]), told["code"])

    def _lost(self) -> None:
        """It has ended, or is ended now: the end of what it started will not be heard of."""
        self._forget_channel()
        if self._process is not None:
            self._process.kill()
            self._process = None
        for ticket, pid in self._pids.items():
            if f"FAILOVER_TICKET={ticket}".encode() in environment_of(pid):  # the number may be another's by now
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
        self._pids.clear()
        for future in (*self._started.values(), *self._ends.values()):
            _fail(future, Lost(LOST))

    def _forget_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(channel)
            loop.remove_writer(channel)
            channel.close()
        while self._unsaid:
            _close(self._unsaid.popleft()[1])


def _copies(*descriptors: int) -> tuple[int, ...]:
    """Of all or of none. Raises OSError."""
    copies: list[int] = []
    try:
        for descriptor in descriptors:
            copies.append(os.dup(descriptor))
    except OSError:
        _close(copies)
        raise
    return tuple(copies)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _answer(future: "asyncio.Future[int] | None", value: int) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _fail(future: "asyncio.Future[int] | None", error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


def _spawn(channel: int) -> "subprocess.Popen[bytes]":
    """A fresh interpreter with Python's library alone, in a session of its own, watching the end of this process."""
    us = os.pidfd_open(os.getpid())
    words = [sys.executable, "-I", "-S", "-E", starter_program.__file__, str(channel), str(us)]
    quiet = subprocess.DEVNULL
    try:
        return subprocess.Popen(
            words, stdin=quiet, stdout=quiet, pass_fds=(channel, us), start_new_session=True, cwd="/",
        )  # fmt: skip
    finally:
        os.close(us)
