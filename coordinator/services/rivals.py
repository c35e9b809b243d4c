"""The line to `faild-rivals` (actions/rivals.py), which hears whether another machine answers for an address that we hold.

    rivals = Rivals(executor.held_addresses)
    await rivals.start()            # else it is started when the first address is held
    rivals.look()                   # once a second: tells it what is held now
    rivals.troubles                 # [(service, what is so)]
    await rivals.close()

Where it cannot run, nothing is watched, and the log says so: the addresses are held all the same.
"""

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from actions import rivals as program
from protocol.invariant import InvariantBroken

log = logging.getLogger("failover.rivals")

SEEN_S = 5.5 * program.AGAIN_S
"""So long after the last answer the alarm is over: three questions were asked in vain, or none could be."""

Place = tuple[str, str]
"""Interface and address."""


class Rivals:
    def __init__(self, held: Callable[[], Mapping[Place, str]]) -> None:
        """`held`: each address that is held now, and its service."""
        self._held = held
        self._told: set[Place] = set()
        self._told_all: Mapping[Place, str] = {}
        """What was held when it was told all of it."""
        self._seen: dict[Place, tuple[str, float]] = {}
        """The hardware address that answered, and when it did so last."""
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._starting: asyncio.Task[None] | None = None
        """Started once: a process that could not be started, or has ended, is not started again."""

    async def start(self) -> None:
        self._starting = self._starting or asyncio.get_running_loop().create_task(self._start())
        await self._starting

    async def _start(self) -> None:
        try:
            self._process = await asyncio.to_thread(_spawn)
        except OSError as error:
            return log.warning("other machines that answer for our addresses are not looked for: %s", error.strerror)
        if self._process.stdout is None:
            raise InvariantBroken("it speaks through a pipe")
        os.set_blocking(self._process.stdout.fileno(), False)
        asyncio.get_running_loop().add_reader(self._process.stdout, self._hear)

    def look(self) -> None:
        addresses = self._held()
        if addresses is self._told_all:
            return
        held = set(addresses)
        if held and self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())
        gone, new = self._told - held, held - self._told
        for word, places in (("leave", gone), ("watch", new)):
            for place in sorted(places):
                if not self._say([word, *place]):
                    return  # its pipe is full: at the next look
                (self._told.add if word == "watch" else self._told.discard)(place)
                self._seen.pop(place, None)
        self._told_all = addresses

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Service and sentence, for each address that another machine answers for."""
        now_s, held = time.monotonic(), self._held()
        return [
            (held[place], f"{mac} answers for {place[1]} on {place[0]}, which is held here: clients may reach that machine")
            for place, (mac, seen_s) in self._seen.items()
            if place in held and now_s - seen_s < SEEN_S
        ]

    async def close(self) -> None:
        if self._starting is not None:
            await self._starting
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is None:
            raise InvariantBroken("it is fed through a pipe")
        if process.stdout is None:
            raise InvariantBroken("it speaks through a pipe")
        asyncio.get_running_loop().remove_reader(process.stdout)
        process.stdin.close()
        process.stdout.close()
        process.kill()  # it holds nothing
        await asyncio.to_thread(process.wait)

    def _say(self, words: list[str]) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        try:
            return os.write(self._process.stdin.fileno(), json.dumps(words).encode() + b"\n") > 0
        except OSError:
            return False

    def _hear(self) -> None:
        if self._process is None:
            raise InvariantBroken("only a process that runs is heard")
        if self._process.stdout is None:
            raise InvariantBroken("it speaks through a pipe")
        with contextlib.suppress(BlockingIOError):
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                asyncio.get_running_loop().remove_reader(self._process.stdout)
                return log.warning("faild-rivals ended: other machines that answer for our addresses are not looked for")
            *lines, self._rest = (self._rest + piece).split(b"\n")
            held = self._held()
            for line in lines:
                _, interface, address, mac = json.loads(line)
                if (interface, address) in held:  # else its next owner says so, and it may be ours again before the next look
                    self._seen[interface, address] = (mac, time.monotonic())


def _spawn() -> "subprocess.Popen[bytes]":
    """Its copies of the sockets outlive ours: our close is never the last one, and waits for nothing. Raises OSError."""
    arp, ndp = program.open_sockets()
    numbers = (arp.fileno(), ndp.fileno())
    words = [sys.executable, "-I", "-S", "-E", program.__file__, *map(str, numbers)]
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=numbers, bufsize=0, start_new_session=True, cwd="/"
        )
    finally:
        arp.close()
        ndp.close()
    if process.stdin is None:
        raise InvariantBroken("it is fed through a pipe")
    os.set_blocking(process.stdin.fileno(), False)
    return process
