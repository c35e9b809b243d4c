"""A node's watchdog: a file of FUSE, mounted where only that node sees it, whose reset ends the node's process namespace.

    watchdog = Watchdog(lab.nodes["lukretia"], "/run/watchdog", folder)
    watchdog.struck
    watchdog.close()

It belongs to one time of power: a node that has lost its power gets a new one with its next. What it does: `fuse_watchdog.py`.
"""

import contextlib
import subprocess
import sys
from pathlib import Path

from tools.lab.node import Node
from tools.lab.place import LabError
from tools.lab.programs import ROOT

CLOSE_S = 20


class Watchdog:
    """`path`: the device as the node sees it, a file that is there. `folder` keeps what was done with it, node by node."""

    def __init__(self, node: Node, path: str, folder: Path):
        machine = node.running.pid
        self.log, victim = folder / f"watchdog-{node.name}.log", folder / f"victim-{node.name}"
        victim.write_text(str(machine))
        self.log.touch()
        enter = ["nsenter", f"--mount=/proc/{machine}/ns/mnt", f"--wd={ROOT}"]
        words = [sys.executable, "-m", "tools.lab.fuse_watchdog", path, str(self.log), str(victim)]
        self._process = subprocess.Popen([*enter, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.close()
            raise LabError(f"{node.name} has no watchdog: this machine has no FUSE")

    @property
    def struck(self) -> bool:
        return "strike" in self.log.read_text()

    def close(self) -> None:
        """It takes itself away when its input ends."""
        with contextlib.suppress(OSError):
            self._process.communicate(timeout=CLOSE_S)
