"""Running a program in a process group of its own that the guard knows, with its output caught and its end awaited.

    programs = Programs(groups)                     # groups: who must know what runs (the link to the guard)
    exited = await programs.run(["/etc/failover/web", "start"], order.environment())
    exited.code, exited.line, exited.output         # exit code (negative: by a signal), last line, SHA-256 of the output

A process of its own starts them (actions/starter.py): we would stand still until each is a program, and so would every
heartbeat. Cancelling `run` kills the whole group. A ticket is told to the guard before the program starts and stands in its
environment, so that one whose number never reached the guard is found even if we die in between.

A program that starts a daemon may leave it our pipe as its output: we wait for the program, never for the end of the
pipe, and go on emptying it as long as a process writes, or that daemon would die of SIGPIPE.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from actions.environment import inherited
from actions.guard.scripts import BY_SHELL
from actions.rlimit import AT_START, CORE_AT_START
from actions.starting import Lost, Starter

OUTPUT_BYTES_MAX = 1 << 20
"""What is hashed and looked at; the rest of a flood is read and thrown away."""

LINE_BYTES_MAX = 400
"""How much of the last line is kept, for the log and the event."""

KILLED_S_MAX = 2.0
"""SIGKILL takes microseconds; a process that sleeps in the kernel may take for ever, and we do not wait for that."""

NOT_RUNNABLE, NOT_FOUND = 126, 127
"""Exit codes of a shell that cannot become the program."""

LEFT_MAX = 8
"""Outputs of one command that we go on emptying after its end: a check that leaves a child behind at every run must not take
all our descriptors. Another command's daemon loses nothing by it."""

CORE_BLOCKS = "unlimited" if CORE_AT_START == resource.RLIM_INFINITY else CORE_AT_START // 512
"""POSIX counts core files in blocks of 512 bytes."""

WITH_OUR_LIMIT = f"ulimit -S -c {CORE_BLOCKS}\n"
WITH_OUR_LIMIT += "" if AT_START == resource.RLIM_INFINITY else f"ulimit -S -n {AT_START}\n"

TICKET = "FAILOVER_TICKET"


class Groups(Protocol):
    """Is told of every process group of ours: what is known there is killed when we die."""

    def began(self, ticket: str) -> None: ...

    def group(self, ticket: str, group: int) -> None: ...

    def ended(self, ticket: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Exited:
    code: int
    line: str
    """The last line printed, shortened."""
    output: bytes
    """SHA-256 of what was printed, or empty where nothing was."""
    lines: tuple[str, ...] = ()
    """The last lines printed, as many as are whole in the last LINE_BYTES_MAX bytes."""


class Programs:
    """Starts programs; used in one event loop."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._starter = Starter()
        self._run = os.urandom(6).hex()
        self._count = 0
        self._left: dict[tuple[str, ...], list[_Printed]] = {}
        """By the first two words of a command: outputs that a process has kept open, the oldest first."""

    async def run(self, argv: Sequence[str], environment: Mapping[str, str], given: bytes = b"") -> Exited:
        """`given` is what it reads on its standard input. Raises OSError where the program cannot be started: then nothing has
        happened. Lost where that is unknown."""
        self._count += 1
        ticket = f"{self._run}-{self._count}"
        self._groups.began(ticket)
        try:
            with _standard_input(given) as descriptor:
                return await self._run_group(ticket, argv, environment, descriptor)
        finally:
            self._groups.ended(ticket)

    async def _run_group(
        self, ticket: str, argv: Sequence[str], environment: Mapping[str, str], given: int | None
    ) -> Exited:
        printed = _Printed()
        try:
            code = await self._until_its_end(ticket, argv, {**inherited(), **environment, TICKET: ticket}, printed, given)
        finally:
            self._starter.forget(ticket)
        printed.read()
        exited = Exited(code, printed.line(), printed.digest(), printed.lines())
        _must_have_run(argv[0], exited)
        return exited

    async def _until_its_end(
        self, ticket: str, argv: Sequence[str], environment: Mapping[str, str], printed: "_Printed", given: int | None
    ) -> int:
        """By way of a shell: its starter stands still until the program's file is open, and others wait to be started."""
        shell, option, script = BY_SHELL
        words = [shell, option, WITH_OUR_LIMIT + script, *argv]
        started = False
        try:
            self._groups.group(ticket, await self._starter.start(ticket, words, environment, printed.writer, given))
            started = True
            return await self._starter.end_of(ticket)
        except (OSError, Lost):
            printed.abandon()
            raise
        except asyncio.CancelledError:
            self._starter.kill(ticket)
            with contextlib.suppress(TimeoutError, Lost, KeyError):
                await asyncio.wait_for(self._starter.end_of(ticket), KILLED_S_MAX)
            raise
        finally:
            os.close(printed.writer)
            if started and printed.open:
                self._leave(tuple(argv[:2]), printed)  # and not before its end: what still runs must be read

    async def prepare(self) -> None:
        """Programs will be run: the first of them shall not wait for what starts it."""
        await self._starter.prepare()

    def close(self) -> None:
        """Nothing is started any more."""
        self._starter.close()

    def _leave(self, command: tuple[str, ...], printed: "_Printed") -> None:
        left = self._left[command] = [*(one for one in self._left.get(command, ()) if one.open), printed]
        for old in left[:-LEFT_MAX]:
            old.abandon()


@contextlib.contextmanager
def _standard_input(given: bytes) -> Iterator[int | None]:
    """A descriptor to read `given` from: a file of this memory alone, so that neither a disk nor a full pipe takes part."""
    if not given:
        yield None
        return
    descriptor = os.memfd_create("standard-input", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, given)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def kill_group(group: int) -> None:
    if group <= 1:
        raise ValueError(f"process group {group}: killpg(1) is kill(-1), everything on this machine")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _must_have_run(path: str, exited: Exited) -> None:
    """Raises OSError where it was the shell that ended. The shell names the program in two places: as itself, and as what it
    cannot run. A program that ends in this way names itself once, if at all."""
    if exited.code in (NOT_RUNNABLE, NOT_FOUND) and exited.line.startswith(f"{path}: ") and f" {path}: " in exited.line:
        if exited.code == NOT_FOUND:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise OSError(errno.EACCES, exited.line.rsplit(": ", 1)[1])


class _Printed:
    """The reading end of a program's output."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        self._hash = hashlib.sha256()
        self._size = 0
        self._tail = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reader, self.read)

    @property
    def open(self) -> bool:
        return self._reader >= 0

    def read(self) -> None:
        """Everything that is there now; at the end of the pipe no process will write again, and it is closed."""
        with contextlib.suppress(BlockingIOError):
            while self._reader >= 0:
                piece = os.read(self._reader, 65536)
                if not piece:
                    return self.abandon()
                self._take(piece)

    def abandon(self) -> None:
        if self._reader >= 0:
            self._loop.remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1

    def line(self) -> str:
        return next(reversed(self._kept()), "")

    def lines(self) -> tuple[str, ...]:
        return tuple(self._kept()[1 if self._size > LINE_BYTES_MAX else 0 :])

    def _kept(self) -> list[str]:
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in lines]

    def digest(self) -> bytes:
        return self._hash.digest() if self._size else b""

    def _take(self, piece: bytes) -> None:
        piece = piece[: max(0, OUTPUT_BYTES_MAX - self._size)]
        self._size += len(piece)
        self._hash.update(piece)
        self._tail = (self._tail + piece)[-LINE_BYTES_MAX:]
