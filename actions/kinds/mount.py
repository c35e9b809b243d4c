"""A file system on shared or replicated storage that is mounted while the service is up. docs/actions.md"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Machine, Made, Odd, Setting, not_absolute
from protocol.stored.table import Table, need, text
from protocol.stored.values import program

if TYPE_CHECKING:
    from actions.workshop import Workshop

PATH = re.compile(r"(/[A-Za-z0-9_.:@+=,-]+)+", re.ASCII)
"""Without what /proc/self/mountinfo would write otherwise."""
FSTYPE = re.compile(r"[a-z][a-z0-9_.-]{0,31}", re.ASCII)
OPTIONS = re.compile(r"[A-Za-z0-9_.:=,/@+-]{1,500}", re.ASCII)

BY_GUARD = 'umount "$1"; grep -qF -e " $1 " -e " $2 " /proc/self/mountinfo; [ $? = 1 ]'
"""Down is what neither the folder nor the device is listed for; grep ends with 2 where it cannot tell."""


class Mount(ActionKind):
    name, spoken, runs_programs = "mount", "a file system", True
    settings = (
        Setting("mount", str, "The folder where it is mounted.", "/srv/data"),
        Setting("device", str, "The block device that it is on.", "/dev/drbd0"),
        Setting("fstype", str, "Its type; found out unless written.", "ext4"),
        Setting("options", str, "As behind mount -o.", "noatime"),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        folder, device = it.take("mount", program), it.take("device", program)
        fstype, options = it.take("fstype", text, ""), it.take("options", text, "")
        need(bool(PATH.fullmatch(folder) and PATH.fullmatch(device)), "no plain paths")
        need(not fstype or FSTYPE.fullmatch(fstype) is not None, "no type of file system")
        need(not options or OPTIONS.fullmatch(options) is not None, "no options of mount")
        return MappingProxyType({"mount": folder, "device": device, "fstype": fstype, "options": options})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        if "device" not in written:
            yield Odd("mount", "has no device", 'Write device = "/dev/drbd0" beside it')
        for key, example in (("mount", "/srv/data"), ("device", "/dev/drbd0")):
            path = written.get(key, example)
            yield from not_absolute(key, path, example)
            if path.startswith("/") and (not PATH.fullmatch(path) or ".." in path.split("/")):
                what = f'"{path[:60]}" has a space, a final slash or what else is not plain'
                yield Odd(key, what, f'Write a plain path, such as "{example}"')
        if not FSTYPE.fullmatch(written.get("fstype", "ext4")):
            yield Odd("fstype", f'"{written["fstype"][:40]}" is not a type of file system', 'Write one such as "ext4"')
        if not OPTIONS.fullmatch(written.get("options", "noatime")):
            yield Odd("options", "has characters that no option has", 'Write one such as "noatime,nodev"')

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        if "device" in written and (wrong := machine.wrong_mount(written["mount"], written["device"])):
            yield Odd("mount", *wrong)

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"{settings['device']} on {settings['mount']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.mount_action import MountAction

        return Made(MountAction(settings, workshop.programs))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        words = ["/bin/sh", "-c", BY_GUARD, "sh", settings["mount"], settings["device"]]
        return {"run": words, "env": environment, "timeout_ms": timeout_ms}
