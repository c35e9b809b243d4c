"""A file system that is mounted while the service is up: by mount(8) and umount(8), and never by force.

    action = MountAction(settings, programs)    # what the kind `mount` read

Another node mounts the same device when this one says that it is down. So down means that the device is mounted nowhere on
this machine, in no folder and in no other namespace: to be sure of that the kernel is asked to open it for us alone.
"""

import asyncio
import errno
import os
from collections.abc import Mapping
from typing import Any

from actions.action import DONE, Ending, Order, Result, Seen, failed
from actions.mount_table import Mounted, every_mount
from actions.process import Exited, Programs

MOUNT, UMOUNT = "/bin/mount", "/bin/umount"


class MountAction:
    def __init__(self, settings: Mapping[str, Any], programs: Programs) -> None:
        self._folder, self._device = settings["mount"], settings["device"]
        self._fstype, self._options = settings["fstype"], settings["options"]
        self._programs = programs

    async def up(self, order: Order) -> Result:
        if self._is_right():
            return DONE
        if wrong := await self._in_the_way():
            return failed(wrong)
        how = [*(["-t", self._fstype] if self._fstype else []), *(["-o", self._options] if self._options else [])]
        exited = await self._programs.run([MOUNT, *how, self._device, self._folder], order.environment())
        if exited.code:
            return failed(f"{MOUNT}: exit {exited.code}: {_words(exited)}")
        if not self._is_right():
            return Result(Ending.UNKNOWN, f"{MOUNT} says that all is well, and {self._as_it_is()}")
        return DONE

    async def down(self, order: Order) -> Result:
        said = ""
        if (top := self._top()) is not None and top.is_of(self._device):
            exited = await self._programs.run([UMOUNT, self._folder], order.environment())
            said = f"{UMOUNT}: exit {exited.code}: {_words(exited)}; " if exited.code else ""
        if places := [one.folder for one in every_mount() if one.is_of(self._device)]:
            return failed(f"{said}{self._device} is still mounted on {', '.join(places)}")
        if wrong := await asyncio.to_thread(in_use, self._device):
            return failed(f"{said}{wrong}")
        return DONE

    async def reclaim(self, order: Order) -> Result:
        return await self.up(order)

    async def probe(self, order: Order) -> Seen:
        """Up where it is mounted anywhere."""
        return Seen.UP if any(one.is_of(self._device) for one in every_mount()) else Seen.DOWN

    def _top(self) -> Mounted | None:
        """What is seen in the folder."""
        return next((one for one in reversed(every_mount()) if one.folder == self._folder), None)

    def _is_right(self) -> bool:
        top = self._top()
        read_only = "ro" in self._options.split(",")
        return top is not None and top.is_of(self._device) and (read_only or "ro" not in top.options)

    def _as_it_is(self) -> str:
        top = self._top()
        if top is None or not top.is_of(self._device):
            return f"{self._device} is not what is seen on {self._folder}"
        return f"{self._device} is there to be read only"

    async def _in_the_way(self) -> str:
        if places := [one.folder for one in every_mount() if one.is_of(self._device)]:
            return f"{self._device} is mounted on {', '.join(places)} already, and not as it should be"
        if (top := self._top()) is not None:
            return f"{top.source} is mounted on {self._folder}: it is left alone"
        return await asyncio.to_thread(in_use, self._device)


def _words(exited: Exited) -> str:
    """Without the line that points to the kernel's log."""
    return " ".join(line.strip() for line in exited.lines if "dmesg(1)" not in line)


def in_use(device: str) -> str:
    """Whether anything on this machine holds the device, another namespace included; empty where not. May take as long as
    the storage likes."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"{device} is in use on this machine: by a container's namespace, or by another layer of storage"
        # a device that is gone, or cannot be opened for want of a medium or a role, is held by nothing here
    return ""
