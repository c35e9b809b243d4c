"""What an exploration has found so far: the keys of all states, and the paths from which it is to go on.

    kept = Kept(about, first)                   # in memory alone
    kept = Kept(about, first, Path("found"))    # raises OtherExploration where the folder has another one
    kept.add(found); kept.close_level(); kept.save()

A folder has `about.json` (what is explored), `keys` (16 bytes each), a file `level-NN` of paths for each depth, and
`progress.json`, which is replaced as a whole and says how much of the others counts: what stands behind that is of a run
that was stopped in between, and is cut off.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.explore.scene import Found

KEY_BYTES = 16


class OtherExploration(ValueError):
    """The folder has what another exploration has found."""


class Kept:
    def __init__(self, about: Mapping[str, Any], first: bytes, folder: Path | None = None) -> None:
        self.about, self._folder = about, folder
        self.keys = {first}
        self.depth = 0
        """How long the paths of the level are that is being expanded."""
        self.level: list[bytes] = [b""]
        self.next: list[bytes] = []
        self.done = 0
        """How many paths of the level are expanded."""
        self.steps = 0
        self.spent_s = 0.0
        self._new_keys: list[bytes] = [first]
        self._written = {"keys": 0, "next": 0}
        if folder is not None:
            self._open(folder)

    def add(self, found: Iterable[Found]) -> None:
        for each in found:
            if each.key not in self.keys:
                self.keys.add(each.key)
                self._new_keys.append(each.key)
                self.next.append(each.path)

    def close_level(self) -> None:
        self.save()
        self.depth, self.level, self.next, self.done = self.depth + 1, self.next, [], 0
        self._written["next"] = 0
        self.save()

    # --- the folder -----------------------------------------------------------------------------------------------

    def save(self) -> None:
        folder = self._folder
        if folder is None:
            self._new_keys.clear()
            return
        self._append(folder, "keys", b"".join(self._new_keys), self._written["keys"] * KEY_BYTES)
        self._written["keys"] += len(self._new_keys)
        self._new_keys.clear()
        size = self.depth + 1
        self._append(folder, f"level-{size:02d}", b"".join(self.next[self._written["next"] :]), self._written["next"] * size)
        self._written["next"] = len(self.next)
        counts = {"depth": self.depth, "done": self.done, "steps": self.steps, "spent_s": round(self.spent_s, 1)}
        self._replace(folder, "progress.json", {**counts, **self._written})

    def _append(self, folder: Path, name: str, data: bytes, at: int) -> None:
        with open(folder / name, "ab") as file:
            file.truncate(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _replace(self, folder: Path, name: str, value: Mapping[str, Any]) -> None:
        new = folder / f"{name}.new"
        new.write_text(json.dumps(value, indent=1) + "\n")
        new.replace(folder / name)

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / "about.json"
        if not about.exists():
            self._replace(folder, "about.json", self.about)
            return
        if (theirs := json.loads(about.read_text())) != self.about:
            raise OtherExploration(f"{folder} has another exploration, {theirs}: name another folder")
        if (folder / "progress.json").exists():
            self._read(folder, json.loads((folder / "progress.json").read_text()))

    def _read(self, folder: Path, progress: Mapping[str, Any]) -> None:
        self.depth, self.done, self.steps = progress["depth"], progress["done"], progress["steps"]
        self.spent_s = progress["spent_s"]
        self._written = {"keys": progress["keys"], "next": progress["next"]}
        keys = (folder / "keys").read_bytes()[: progress["keys"] * KEY_BYTES]
        self.keys = {keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)}
        self._new_keys = []
        self.level = _paths(folder / f"level-{self.depth:02d}", self.depth) if self.depth else [b""]
        self.next = _paths(folder / f"level-{self.depth + 1:02d}", self.depth + 1)[: progress["next"]]


def _paths(file: Path, size: int) -> list[bytes]:
    data = file.read_bytes() if file.exists() else b""
    return [data[at : at + size] for at in range(0, len(data) - len(data) % size, size)]
