"""The client `writing.py` at work: start it, and read which rows were acknowledged, and when."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tools.lab.place import LabError, Place
from tools.lab.programs import module


class Row(NamedTuple):
    """`told_ns`: when its answer came. `word` is `ok`, or begins with - and says why there was none."""

    told_ns: int
    number: str
    word: str


class Writer:
    def __init__(self, place: Place, conninfo: str, table: str, folder: Path):
        self._place, self._records, self._log = place, folder / "writing.records", folder / "writing.log"
        arguments = [str(self._records), conninfo, table]
        self._pid = place.start([*module("tools.cases.writing"), *arguments], self._log)

    def rows(self) -> list[Row]:
        """Those whose answer is known. Raises LabError where the client has died."""
        if self._place.exit_code(self._pid) is not None:
            raise LabError(f"the client does not run: {self._log.read_text()[-500:]}")
        if not self._records.exists():
            return []
        lines = [line.split(" ", 2) for line in self._records.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [Row(int(told), number, word.strip()) for told, number, word in lines]

    def acknowledged(self, since_ns: int = 0) -> list[Row]:
        return [it for it in self.rows() if it.word == "ok" and it.told_ns >= since_ns]

    def gap_ms(self, began_ns: int) -> float:
        """The longest time without an acknowledged row, from the last one before `began_ns` on."""
        times = [it.told_ns for it in self.acknowledged()]
        return max(((after - before) / 1e6 for before, after in pairwise(times) if after > began_ns), default=0.0)

    def last_words(self) -> str:
        found = self.rows()
        return found[-1].word.removeprefix("-") if found else "nothing was written"
