"""A real systemd as process 1 of a namespace, with a real bus and units of the test alone.

    machine = Machine.boot()
    machine.unit("web", "[Service]\\nExecStart=/bin/sleep 600")
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = machine.bus
    machine.off()                   # its process 1 is killed, and all that it started with it

Its /run is a folder here, so that its bus can be reached from outside. It has only our units: those of the distribution would
tidy up the /tmp that it shares with this machine.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tools.lab.systemd import BOOT, BUS, OWN, SPACES, UNIFIED, UNITS

APART = """
set -e
echo $$ > "$1/cgroup.procs"
shift
exec "$@"
"""
"""Moves into a control group of its own first: two machines with one would take each other's units for their own."""

class Machine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "run" / "dbus" / "system_bus_socket"
        self.bus = f"unix:path={self.socket}"
        self.group = (UNIFIED if UNIFIED.is_dir() else UNIFIED.parent) / folder.name

    @classmethod
    def boot(cls) -> "Machine":
        machine = cls(Path(tempfile.mkdtemp(prefix="fo-", dir="/tmp")))  # short: the path of a socket has 107 bytes
        (machine.folder / "units").mkdir()
        (machine.folder / "bus.conf").write_text(BUS)
        for name, text in UNITS.items():
            (machine.folder / "units" / name).write_text(text.format(folder=machine.folder))
        machine.on()
        return machine

    def on(self) -> None:
        shutil.rmtree(self.folder / "run", ignore_errors=True)  # as the file system in memory that it usually is
        (self.folder / "run").mkdir()
        self.group.mkdir()
        with (self.folder / "log").open("a") as log:
            apart = ["sh", "-c", APART, "sh", str(self.group)]
            words = [*apart, "unshare", *SPACES, "sh", "-c", BOOT, "sh", str(self.folder)]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self.ask("org.freedesktop.systemd1.Manager", "Subscribe").returncode:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def off(self) -> None:
        """The power goes: process 1 is killed."""
        self._process.kill()
        self._process.wait()
        for group in sorted(self.group.rglob("*/"), reverse=True):
            self._emptied(group)
        self._emptied(self.group)

    def _emptied(self, group: Path) -> None:
        """Its processes are killed by the end of their process 1, and are gone a moment later."""
        deadline = time.monotonic() + 30
        while group.is_dir():
            try:
                group.rmdir()
            except OSError:
                assert time.monotonic() < deadline, f"{group} is still in use"
                time.sleep(0.01)

    def remove(self) -> None:
        self.off()
        shutil.rmtree(self.folder, ignore_errors=True)

    def unit(self, name: str, text: str) -> None:
        (self.folder / "units" / f"{name}.service").write_text(f"{OWN}{text}\n")
        assert not self.ask("org.freedesktop.systemd1.Manager", "Reload").returncode

    def state(self, name: str) -> str:
        asked = self.ask("org.freedesktop.systemd1.Manager", "ListUnitsByNames", "as", "1", f"{name}.service")
        return asked.stdout.split('"')[7]

    def by_hand(self, method: str, name: str) -> None:
        """As an operator would, by systemctl."""
        assert not self.ask("org.freedesktop.systemd1.Manager", method, "ss", f"{name}.service", "replace").returncode

    def ask(self, interface: str, method: str, *words: str) -> "subprocess.CompletedProcess[str]":
        systemd = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", interface, method]
        asking = ["busctl", f"--address={self.bus}", "call", *systemd, *words]
        return subprocess.run(asking, capture_output=True, text=True, timeout=30)
