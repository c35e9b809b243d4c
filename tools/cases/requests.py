"""The client `asking.py`, or `inserting.py`, at work: start it, and read what came of its requests in a window of time."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tools.lab.place import LabError, Place
from tools.lab.programs import module

EVERY_MS = 5
STEADY = 20
"""So many requests in a row that one node answered: it has taken over."""


class Request(NamedTuple):
    """`word` is the first line of the answer, which begins with a name; one that begins with - says why there was none."""

    due_ns: int
    took_us: int
    late_us: int
    word: str

    @property
    def is_lost(self) -> bool:
        return self.word.startswith("-")


class Seen(NamedTuple):
    """`outage_ms`: the longest time between two requests that were answered, by when they were due; 5 without an outage."""

    outage_ms: float
    lost: list[Request]
    late_ms: float

    def reasons(self) -> str:
        return ", ".join(f"{count} times {word[1:]}" for word, count in Counter(it.word for it in self.lost).most_common())


class Requests:
    def __init__(self, place: Place, url: str, folder: Path):
        self.url, self._place = url, place
        self._records, self._log = folder / "requests.records", folder / "requests.log"
        self._pid: int | None = None

    def start(self) -> None:
        it = urlsplit(self.url)
        if it.scheme == "mysql":
            client, to = "tools.cases.inserting", [str(it.hostname), str(it.username), str(it.password)]
        else:
            client, to = "tools.cases.asking", [str(it.hostname), str(it.port or 80), it.path or "/", str(EVERY_MS), it.scheme]
        self._pid = self._place.start([*module(client), str(self._records), *to], self._log)

    def since(self, began_ns: int) -> list[Request]:
        """Requests that were due from then on, and whose end is known. Raises LabError where the client has died."""
        if self._pid is None or self._place.exit_code(self._pid) is not None:
            raise LabError(f"the client does not run: {self._log.read_text()[-500:]}")
        if not self._records.exists():
            return []
        lines = [line.split(" ", 3) for line in self._records.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [Request(int(due), int(took), int(late), word.strip()) for due, took, late, word in lines]
        return sorted(it for it in found if it.due_ns >= began_ns)

    def is_answered_by(self, name: str) -> bool:
        """Whether the last requests were all answered, and by this node."""
        last = self.since(0)[-STEADY:]
        return len(last) == STEADY and {it.word.split()[0] for it in last} == {name}

    def seen(self, began_ns: int) -> Seen:
        requests = self.since(began_ns)
        times = [began_ns, *(it.due_ns for it in requests if not it.is_lost)]
        outage_ms = max(((after - before) / 1e6 for before, after in pairwise(times)), default=0.0)
        return Seen(outage_ms, [it for it in requests if it.is_lost], max((it.late_us for it in requests), default=0) / 1000)

    def last_words(self) -> str:
        """Who answered last, or why nobody did."""
        found = self.since(0)
        return found[-1].word.removeprefix("-") if found else "nothing was asked"
