"""Level by level: all worlds that are one choice away from those of the last level, each once.

    search = Search(START["owned"], Bounds(depth=6, accidents=2), Kept(...), workers=1)
    end = search.run(tell)                      # `End`: how many there are, how deep, and the first fault with its path

With two workers each expands a part of a level, and both remember what their own cores did.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tools.explore.kept import Kept
from tools.explore.scene import Found, Scene
from tools.explore.starts import START

PORTION = 200
"""Paths that one worker expands at a time."""

SAVE_S = 20.0


class Bounds(NamedTuple):
    depth: int
    accidents: int
    states: int = 0
    """Enough; 0: no such bound."""
    seconds: float = 0
    """Of this run; 0: no such bound."""


class End(NamedTuple):
    states: int
    depth: int
    """All worlds that are so many choices away are known."""
    whole: bool
    """The stated depth was reached, or there is nothing further."""
    fault: Found | None = None


Expanded = tuple[list[Found], int]
"""What is new, as far as the process knows that found it, and by how many steps."""

Expand = Callable[[Iterator[Sequence[bytes]]], Iterator[Expanded]]
"""Portions of paths, and what comes of each, in their order."""


class Expander:
    """One process's part: what it has found once it does not report again."""

    def __init__(self, start: str, accidents: int) -> None:
        self.scene = Scene(START[start], accidents)
        self._met: set[bytes] = set()

    def __call__(self, paths: Sequence[bytes]) -> Expanded:
        fresh, steps = list[Found](), 0
        for path in paths:
            for found in self.scene.expand(path):
                steps += 1
                if found.fault or found.key not in self._met:
                    self._met.add(found.key)
                    fresh.append(found)
        return fresh, steps


WORKER: list[Expander] = []


def _begin(start: str, accidents: int) -> None:
    WORKER.append(Expander(start, accidents))


def _expand(paths: Sequence[bytes]) -> Expanded:
    return WORKER[-1](paths)


@contextmanager
def expanding(start: str, accidents: int, workers: int) -> Iterator[Expand]:
    if workers == 1:
        expand = Expander(start, accidents)
        yield lambda portions: map(expand, portions)
        return
    with multiprocessing.get_context("fork").Pool(workers, _begin, (start, accidents)) as pool:
        yield lambda portions: pool.imap(_expand, portions)


class Search:
    def __init__(self, start: str, bounds: Bounds, kept: Kept, workers: int = 1) -> None:
        self.start, self.bounds, self.kept, self.workers = start, bounds, kept, workers
        self._began_s = self._saved_s = time.monotonic()

    def run(self, tell: Callable[[Kept], None]) -> End:
        kept = self.kept
        with expanding(self.start, self.bounds.accidents, self.workers) as expand:
            while kept.depth < self.bounds.depth and kept.level:
                fault = self._level(expand)
                if fault is not None or self._enough():
                    kept.save()
                    return End(len(kept.keys), kept.depth, False, fault)
                kept.close_level()
                tell(kept)
        return End(len(kept.keys), kept.depth, True)

    def _level(self, expand: Expand) -> Found | None:
        kept = self.kept
        for found, steps in expand(self._portions()):
            fault = next((each for each in found if each.fault), None)
            if fault is not None:
                return fault
            kept.add(found)
            kept.steps += steps
            kept.done = min(kept.done + PORTION, len(kept.level))
            self._count_time()
            if self._enough():
                return None
        return None

    def _portions(self) -> Iterator[Sequence[bytes]]:
        level = self.kept.level
        for at in range(self.kept.done, len(level), PORTION):
            yield level[at : at + PORTION]

    def _count_time(self) -> None:
        now_s = time.monotonic()
        if now_s - self._saved_s >= SAVE_S:
            self.kept.spent_s += now_s - self._saved_s
            self._saved_s = now_s
            self.kept.save()

    def _enough(self) -> bool:
        states, seconds = self.bounds.states, self.bounds.seconds
        return bool(states and len(self.kept.keys) >= states) or bool(seconds and time.monotonic() - self._began_s >= seconds)
