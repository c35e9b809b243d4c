"""What is mounted here, by /proc/self/mountinfo: read without touching a file system, which may hang.

    mounted = every_mount()             # in their order: of two at one folder the later one is seen
    mounted[-1].folder, mounted[-1].is_of("/dev/drbd0")
    wrong_mount("/srv/data", "/dev/drbd0")      # why they would not do on this machine, or None
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple

MOUNTS, FSTAB = Path("/proc/thread-self/mountinfo"), Path("/etc/fstab")


class Mounted(NamedTuple):
    numbers: tuple[int, int]
    """Major and minor of what it is on."""
    folder: str
    options: tuple[str, ...]
    source: str

    def is_of(self, device: str) -> bool:
        """Also under another name of the device. File systems such as btrfs have numbers of their own."""
        try:
            found = os.stat(device)
        except OSError:
            return self.source == device
        same = stat.S_ISBLK(found.st_mode) and (os.major(found.st_rdev), os.minor(found.st_rdev)) == self.numbers
        return same or os.path.realpath(self.source) == os.path.realpath(device)


def every_mount() -> list[Mounted]:
    """Raises OSError."""
    found = []
    for line in MOUNTS.read_text().splitlines():
        before, _, behind = line.partition(" - ")
        _, _, numbers, _, folder, options, *_ = before.split(" ")
        _, source, of_all = behind.split(" ", 2)
        major, _, minor = numbers.partition(":")
        found.append(Mounted((int(major), int(minor)), folder, (*options.split(","), *of_all.split(",")), source))
    return found


def wrong_mount(folder: str, device: str) -> tuple[str, str] | None:
    if not os.path.isdir(folder):
        return f"there is no folder {folder}", f"Do: mkdir {folder}"
    for line in _lines_of_fstab():
        if line[1] == folder and "noauto" not in line[3].split(","):
            what = f"{folder} is mounted at boot on every node that has this line: it stands in {FSTAB}"
            return what, "Write noauto there, or take the line out"
    if os.path.exists(device) and not stat.S_ISBLK(os.stat(device).st_mode):
        return f"{device} is not a block device", "Write the device that the file system is on"
    return None


def _lines_of_fstab() -> list[list[str]]:
    try:
        lines = FSTAB.read_text().splitlines()
    except OSError:
        return []
    return [line.split() for line in lines if not line.lstrip().startswith("#") and len(line.split()) >= 4]
