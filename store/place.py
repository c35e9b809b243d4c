"""Where a log lies, and who else can get at it.

    strange(path)       # why faild does not use what lies there: a folder, a link, a pipe; None where nothing is against it
    oddities(path)      # what no byte of the log can show, for people: other users may write it, it lies somewhere else
"""

import os
import stat
from pathlib import Path

BESIDE = ("", "-wal", "-shm", ".lock")
"""The files of one log, by what follows its name."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def strange(path: Path) -> str | None:
    """The first of the log's files that is not a plain file of its own name.

    SQLite follows a symbolic link: the owner of the link's target would choose where the events go, and they would not be
    where they are looked for.
    """
    for name in BESIDE:
        file = path.with_name(path.name + name)
        try:
            mode = os.lstat(file).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            return f"{file}: is {_kind(mode)}, and no file: it is not used as a log. Move it away, or name another --state"
    return None


def _kind(mode: int) -> str:
    for is_that, word in ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe")):
        if is_that(mode):
            return word
    return "a device or a socket"


def oddities(path: Path) -> list[str]:
    """What is odd about the place and is no proof of anything."""
    said = []
    for name in BESIDE:
        file = path.with_name(path.name + name)
        try:
            if file.is_symlink():
                said.append(f"{file} is a symbolic link to {os.readlink(file)}")
            mode = os.stat(file).st_mode
        except OSError:
            continue
        if mode & OTHERS_WRITE:
            said.append(f"{file} can be written by other users (mode {stat.S_IMODE(mode):04o}): chmod go-w")
    return said
