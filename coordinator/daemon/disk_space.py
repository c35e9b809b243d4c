"""How much is left on the disk of the state folder: the last of it is kept for our own claims, ends and commands.

room = Room(folder, post)
room.look()         # after each commit, and once a second: a statvfs of 2 us
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from coordinator.core.inputs import Input, RoomChanged

RESERVE_BYTES = 32 << 20
"""A year of failovers, and the log's own scratch files."""

RESERVE_SHARE = 8
"""The reserve is this part of a small disk at most."""

AHEAD = "log.db-wal"

EVERY_S = 1.0

log = logging.getLogger("failover.disk")


class Room:
    def __init__(self, folder: Path, post: Callable[[Input], None]) -> None:
        self._folder = folder
        self._post = post
        self._tight = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.look()
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self.start)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return  # the folder is gone: the journal says so
        free = disk.f_bavail * disk.f_frsize - self._owed()
        reserve = min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // RESERVE_SHARE)
        tight = free < (2 * reserve if self._tight else reserve)  # twice as much ends it: no flapping at the edge
        if tight is not self._tight:
            self._tight = tight
            log.warning("%s: %d MiB left: %s", self._folder, max(0, free) >> 20, _words(tight))
            self._post(RoomChanged(tight))

    def _owed(self) -> int:
        """What is written ahead takes its place in the log a second time, when nothing is written for a while."""
        try:
            return (self._folder / AHEAD).stat().st_size
        except OSError:
            return 0


def _words(tight: bool) -> str:
    return "kept for our own events, of what peers write little is stored" if tight else "enough for what peers write"
