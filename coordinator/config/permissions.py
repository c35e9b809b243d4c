"""Files that others can change: the configuration, the folder of a key, and the programs that `faild` runs as its own user.

    list(exposed(reading, path, folders, {"lukretia"}))     # findings, each with what to do

A user who can write the file can name itself an operator in it; one who can write a script runs it as the user of `faild`,
mostly root. It is a warning where a file is checked and an alarm while a node runs with it, and no refusal: a node that does
not start for it would be an outage today, for what may happen some day.
"""

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path as File

from coordinator.config.complaints import Finding
from coordinator.config.positions import Path
from coordinator.config.reading import Reading


def exposed(reading: Reading, file: File, folders: Iterable[File], nodes: Iterable[str]) -> Iterator[Finding]:
    """`folders`: where private keys lie. `nodes`: those whose programs are on this machine."""
    for path, place in _places(reading, file.absolute(), folders, set(nodes)):
        whom = writable_by(place)
        if whom:
            yield Finding(path, f"{place} can be changed by {whom}", f"Do: chown root {place}; chmod go-w {place}")


def writable_by(place: File) -> str:
    """Who besides root and ourselves can change this file, or put another in its place; empty where no other user can."""
    for one in (place, place.parent):
        try:
            found = one.stat()
        except OSError:
            return ""
        if one != place and found.st_mode & stat.S_ISVTX:
            return ""  # as /tmp: only its owner can take a file away there
        if found.st_uid not in (0, os.geteuid()):
            return f"user {_name(found.st_uid)}"
        if found.st_mode & stat.S_IWOTH:
            return "every user"
        if found.st_mode & stat.S_IWGRP and found.st_gid not in (0, _own_group(found.st_uid)):
            return f"group {found.st_gid}"
    return ""


def _places(reading: Reading, file: File, folders: Iterable[File], nodes: set[str]) -> Iterator[tuple[Path, File]]:
    yield (), file
    for folder in folders:
        if folder.is_dir():
            yield (), folder
    for name, service in reading.file.services.items():
        if not nodes & set(service.nodes):
            continue
        for table, shapes in (("actions", service.actions), ("checks", service.checks)):
            for index, shape in enumerate(shapes):
                for kind in shape.kinds:
                    for key, program in kind.programs(shape.written):
                        yield ("services", name, table, index, key), File(program)
        for key, script in service.scripts.items():
            yield ("services", name, key, "script"), File(script)


def _own_group(user: int) -> int:
    """The group that is a user's alone on most systems, and 0 of one that is not known."""
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return 0


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
