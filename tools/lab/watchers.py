"""The prober and the bystander at work: start them, stop them, read what they have seen so far."""

import sys
from pathlib import Path

from tools.lab import outage
from tools.lab.addresses import INTERFACES, SERVICE_V4, SERVICE_V6
from tools.lab.place import LabError, Place

FAMILIES = (4, 6)
ROOT = Path(__file__).resolve().parents[2]


class Watcher:
    """One of the two programs in its place. `every_ms` is how often it asks each address."""

    def __init__(self, place: Place, program: str, every_us: int, folder: Path, *own: str):
        self._place, self._program, self._own = place, program, own
        self.every_ms = every_us / 1000
        self.records = folder / f"{program}.records"
        self._log = folder / f"{program}.log"
        self._pid: int | None = None

    def start(self) -> None:
        every_us = str(round(self.every_ms * 1000))
        arguments = [str(self.records), INTERFACES["lan"], every_us, *self._own, SERVICE_V4, SERVICE_V6]
        program = [sys.executable, "-m", f"tools.lab.{self._program}"]
        self._pid = self._place.start(["env", f"PYTHONPATH={ROOT}", *program, *arguments], self._log)

    def answers(self) -> list[outage.Answer]:
        """All records so far. Raises LabError where the program has died: no answer must not look like silence."""
        if self._pid is None or self._place.exit_code(self._pid) is not None:
            words = self._log.read_text().strip()[-500:] if self._log.exists() else "it was not started"
            raise LabError(f"the {self._program} does not run: {words}")
        return outage.read(self.records)
