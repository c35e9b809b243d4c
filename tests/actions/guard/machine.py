"""A machine that a watchdog can reset: a namespace of processes, with a stand-in for faild and its guard inside.

    made = Machine(lan, folder, peer, device=device)
    made.send(signal.SIGSTOP, "faild"); made.until_down(); made.until_reset()

What they wait for comes after a lease, the time of the stops and that of the watchdog: three seconds. They wait no longer where
what has happened meanwhile shows that it never comes.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.actions.guard.killed import MODULE, ROOT, Peer, StandIn, wait_for
from tests.actions.lab import Lan

FIRST = 'exec 3<&0; "$@" <&3 & exec tail -f /dev/null'
"""The first process of a namespace cannot be killed from inside, and all others end with it: it is none of ours."""

SCRIPT = """#!/bin/sh
case $1 in
start) setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! >{folder}/up ;;
stop) {stop}; kill $(cat {folder}/up); rm {folder}/up ;;
esac
"""
"""A database would be a process as well, and go on whatever becomes of those that started it."""


SOON_S = 12.0
"""Four times what it takes, for a busy machine."""


def soon(truth: Callable[[], Any], what: str) -> Any:
    return wait_for(truth, what, SOON_S)


class Device:
    """The watchdog of the tests, in a process outside of the machine."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.path, self._log = folder / "watchdog", folder / "watchdog.log"
        self.victim = folder / "victim"
        self.path.touch()
        self._log.touch()
        words = [sys.executable, "-m", "tools.lab.fuse_watchdog", str(self.path), str(self._log), str(self.victim)]
        self._process = subprocess.Popen([*words, *more], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "this machine has no FUSE"

    def said(self) -> list[str]:
        return self._log.read_text().split("\n")[:-1]

    def until_stopped(self, what: str) -> None:
        """It resets nothing any more."""
        ends = ("stopped", "strike")
        soon(lambda: self.said()[-1] in ends, what)
        assert self.said()[-1] == "stopped", f"it has reset the machine: {what}"

    def close(self) -> None:
        self._process.communicate()


class Machine:
    def __init__(self, lan: Lan, folder: Path, peer: Peer, stop: str = ":", device: Device | str = "", **plan: Any) -> None:
        """`device`: none, one, or the path of what is none."""
        self.folder, self._device = folder, device if isinstance(device, Device) else None
        path = str(device.path) if isinstance(device, Device) else device
        script = folder / "service"
        script.write_text(SCRIPT.format(folder=folder, stop=stop))
        script.chmod(0o755)
        nodes = {"one": {"lan": ("10.77.0.1", 1291), "direct": ("fd77::1", 1291)}, "two": peer.links}
        given = {"timeout_ms": 1000, "lease_ms": 500, "reset_ms": 1000, **plan}
        action = ["script", {"path": str(script)}, given.pop("timeout_ms")]
        lease_ms = given.pop("lease_ms")
        reset_ms = given.pop("reset_ms")
        watchdog = {"watchdog": [path, reset_ms]} if path else {}
        apart = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", FIRST, "sh")
        self.stand_in = StandIn(
            lan.one, folder, apart, MODULE, me="one", nodes=nodes, services={"db": [action]}, partition="majority",
            guard_lease_ms=lease_ms, **watchdog, **given,
        )  # fmt: skip
        self.first = wait_for(lambda: _child_of(self.stand_in.process.pid), "its first process")
        (folder / "victim").write_text(str(self.first))

    @property
    def is_up(self) -> bool:
        return (self.folder / "up").exists()

    @property
    def is_reset(self) -> bool:
        return not os.path.exists(f"/proc/{self.first}")

    def pid(self, name: str) -> int:
        """By our own numbers: `faild`, `faild-guard` or `faild-starter`."""
        return self.until(lambda: self._processes().get(name, 0), f"{name} runs there")

    def _processes(self) -> dict[str, int]:
        space = os.readlink(f"/proc/{self.first}/ns/pid")
        found: dict[str, int] = {}
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and int(entry) != self.first and os.readlink(f"/proc/{entry}/ns/pid") == space:
                    name = Path(f"/proc/{entry}/comm").read_text().strip()
                    found[name if name.startswith("faild-") else "faild" if name.startswith("python") else name] = int(entry)
        return found

    def send(self, number: signal.Signals, *names: str) -> None:
        """In this order, at once."""
        for pid in [self.pid(name) for name in names]:
            os.kill(pid, number)

    def say(self, word: str) -> None:
        assert self.stand_in.process.stdin is not None
        self.stand_in.process.stdin.write(f"{word}\n")
        self.stand_in.process.stdin.flush()

    def until(self, truth: Callable[[], Any], what: str) -> Any:
        """And the machine is not reset before."""
        found = soon(lambda: truth() or self.is_reset, what)
        assert not self.is_reset, f"the machine is reset before: {what}"
        return found

    def until_down(self) -> None:
        self.until(lambda: not self.is_up, "the service is down")

    def until_reset(self) -> None:
        soon(lambda: self.is_reset or self._is_stopped(), "the machine is reset")
        assert self.is_reset, "the watchdog was stopped"

    def _is_stopped(self) -> bool:
        return self._device is not None and "stopped" in self._device.said()

    @property
    def complaints(self) -> str:
        return self.stand_in.complaints()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.first, signal.SIGKILL)
        self.stand_in.process.kill()
        self.stand_in.process.communicate()
        self.stand_in.errors.close()


def _child_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0
    return 0
