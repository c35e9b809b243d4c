"""The prober and the bystander at work: start them, stop them, read what they have seen so far."""

from bisect import bisect_left
from pathlib import Path

from tools.lab import outage
from tools.lab.addresses import INTERFACES, SERVICE_V4, SERVICE_V6
from tools.lab.place import LabError, Place
from tools.lab.programs import module
from tools.lab.wire import RECORD

FAMILIES = (4, 6)
BEFORE_NS = 1_000_000_000
"""A window's first gap may have begun before it."""


class Watcher:
    """One of the two programs in its place. `every_ms` is how often it asks each address."""

    def __init__(self, place: Place, program: str, every_us: int, folder: Path, *own: str):
        self._place, self._program, self._own = place, program, own
        self.every_ms = every_us / 1000
        self.records = folder / f"{program}.records"
        self._log = folder / f"{program}.log"
        self._pid: int | None = None
        self._seen: list[outage.Answer] = []
        self._read_to = 0

    def start(self) -> None:
        every_us = str(round(self.every_ms * 1000))
        arguments = [str(self.records), INTERFACES["lan"], every_us, *self._own, SERVICE_V4, SERVICE_V6]
        self._pid = self._place.start([*module(f"tools.lab.{self._program}"), *arguments], self._log)

    def answers(self, since_ns: int = 0) -> list[outage.Answer]:
        """The records from a little before `since_ns` on. Raises LabError where the program has died: that is no silence."""
        if self._pid is None or self._place.exit_code(self._pid) is not None:
            words = self._log.read_text().strip()[-500:] if self._log.exists() else "it was not started"
            raise LabError(f"the {self._program} does not run: {words}")
        self._take(outage.read(self.records, self._read_to))
        return self._seen[bisect_left(self._seen, since_ns - BEFORE_NS, key=lambda answer: answer.received_ns) :]

    def _take(self, fresh: list[outage.Answer]) -> None:
        self._read_to += len(fresh) * RECORD.size
        ordered = not self._seen or not fresh or self._seen[-1].received_ns <= fresh[0].received_ns
        self._seen += fresh
        if not ordered:
            self._seen.sort()

    def forget(self) -> None:
        """Drop what was read so far: a long run need not keep it all."""
        self.answers()
        self._seen.clear()
