"""Each mutant in a fork of a process that has collected the tests already; only the tests that run the changed lines.

The plugin takes the place of pytest's own loop. First every test runs once, in a fork, and tells which lines it needs and
how long it takes; a test that fails then is left out. Then a fork for each mutant: first the tests that killed its neighbours,
then the quickest; the first failure ends it.
"""

import contextlib
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import coverage
import pytest

from tests.mutants.breeding import Mutant
from tests.mutants.grafting import Grafting
from tests.mutants.guarded import Traced, is_guard
from tests.mutants.world import own_world, put_over

KILLED, SURVIVED, UNCOVERED = "killed", "survived", "not covered"
CAUGHT, CLEAN, NO_GRAFT = 1, 0, 3
LIMIT_TIMES, LIMIT_S = 4, 10
"""A mutant that does not end is killed too: by processor time, since the machine may be busy, and in the end by the clock."""
CLOCK_TIMES = 30
GUARD_LIMIT_S = 180
LONGEST_S = 3
"""A test that takes longer is not used: days in virtual time."""
MEMORY_BYTES = 3 << 30
START_S = 0.002
"""What pytest itself takes for a test."""


@dataclass
class Footprint:
    """What one test needs."""

    seconds: float
    lines: dict[str, list[int]]


@dataclass
class Fate:
    mutant: Mutant
    fate: str
    by: str
    seconds: float

    def told(self) -> dict[str, Any]:
        mutant = self.mutant
        told = {"name": mutant.name, "file": mutant.file, "line": mutant.first, "fate": self.fate, "by": self.by}
        return {**told, "seconds": round(self.seconds, 2)}


@dataclass(eq=False)
class Trials:
    root: Path
    files: tuple[str, ...]
    """All that footprints tell of, also where no mutant of this run is in one."""
    mutants: list[Mutant]
    budget_s: float
    tell: Callable[[Fate], None]
    fresh_tests: tuple[str, ...]
    kept: Path | None
    """Footprints of an earlier run, or where to keep those of this one."""
    side_by_side: int = 1
    footprints: dict[str, Footprint] = field(default_factory=dict)
    by_line: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    items: dict[str, pytest.Item] = field(default_factory=dict)
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many mutants a test killed, by function and by file."""
    failed: str = ""
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that forks or tells: no fork begins while another thread writes."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        session.config.option.tbstyle = "native"  # printing arguments takes longer than many a test
        files = sorted(self.files)
        self.footprints = self._in_fork(lambda: self._measure(files), any(map(is_guard, files)))
        wanted_s = sum(footprint.seconds for footprint in self.footprints.values())
        print(
            f"{len(self.footprints)} of {len(self.items)} tests pass and are used; all of them take {wanted_s:.0f} s",
            flush=True,
        )
        for name, footprint in self.footprints.items():
            for file, lines in footprint.lines.items():
                for line in lines:
                    self.by_line.setdefault(file, {}).setdefault(line, []).append(name)
        grafting = Grafting(self.root, files)
        gc.collect()
        gc.freeze()  # what is here now is looked through in no fork, and so not copied into each
        with ThreadPoolExecutor(self.side_by_side) as threads:
            list(threads.map(lambda mutant: self._tried(grafting, mutant), self.mutants))
        return True

    def _tried(self, grafting: Grafting, mutant: Mutant) -> None:
        began = time.monotonic()
        fate, by = self._try(grafting, mutant)
        with self.turn:
            self.kills.update([(mutant.place, by), (mutant.file, by)])
            self.tell(Fate(mutant, fate, by, time.monotonic() - began))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid

    def _run(self, item: pytest.Item) -> bool:
        """Whether it passed."""
        self.failed = ""
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failed

    def _measure(self, files: list[str]) -> dict[str, Any]:
        paths = {str((self.root / file).resolve()): file for file in files}
        guarded = any(map(is_guard, files))
        clock = time.monotonic if guarded else time.process_time  # the guard's tests wait for other processes
        with Traced(self.root, guarded) as guard:
            seen = coverage.Coverage(data_file=None, include=list(paths), config_file=False)
            kept = json.loads(self.kept.read_text()) if self.kept and self.kept.exists() else {}
            found = {
                name: footprint
                for name, footprint in kept.items()
                if name in self.items and footprint["lines"].keys() >= {*files}
            }
            new = {name: item for name, item in self.items.items() if name not in found}
            seen.start()
            for name, item in new.items():
                seen.switch_context(name)
                began = clock()
                if self._run(item):
                    lines = {file: sorted(numbers) for file, numbers in guard.lines().items()}
                    found[name] = {"seconds": clock() - began, "lines": lines}
                else:
                    print(f"left out, it fails: {name}")
            seen.stop()
            data = seen.get_data()
            for name in new.keys() & found.keys():
                footprint = found[name]
                data.set_query_context(name)
                for path, file in paths.items():
                    footprint["lines"][file] = sorted({*footprint["lines"].get(file, ()), *(data.lines(path) or ())})
            return found

    def _in_fork(self, work: Callable[[], dict[str, Any]], alone: bool) -> dict[str, Footprint]:
        told = self.root / "footprints.json"
        pid = os.fork()
        if pid == 0:
            try:
                if alone:
                    own_world()
                told.write_text(json.dumps(work()))
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        found = json.loads(told.read_text())
        if self.kept:
            self.kept.write_text(json.dumps(found))
        return {name: Footprint(**value) for name, value in found.items()}

    def _try(self, grafting: Grafting, mutant: Mutant) -> tuple[str, str]:
        try:
            grafting.compiled(mutant)
        except SyntaxError:
            return KILLED, "it is no Python"
        names = self._tests(mutant)
        code, by = self._forked(grafting, mutant, names) if names else (NO_GRAFT, "")
        if not is_guard(mutant.file) and (code == NO_GRAFT or (code == CLEAN and not mutant.function)):
            code, by = self._fresh(mutant)
        if code != CAUGHT and not names:
            return UNCOVERED, ""
        return (SURVIVED if code == CLEAN else KILLED), by

    def _tests(self, mutant: Mutant) -> list[str]:
        """The likeliest to kill it within a second first, as many as the budget allows."""
        hit = sorted(self._hit(mutant))
        hit.sort(key=lambda name: (-self._hope(mutant, name), name))
        if not mutant.function:  # read when it was imported, also by tests that run none of its lines
            rest = self.footprints.keys() - set(hit)
            hit += sorted(rest, key=lambda name: (self.footprints[name].seconds, name))
        chosen: list[str] = []
        spent = 0.0
        for name in hit:
            spent += self.footprints[name].seconds
            if not chosen or spent <= self.budget_s:
                chosen.append(name)
        return chosen

    def _hit(self, mutant: Mutant) -> set[str]:
        """The tests that run what is changed."""
        lines = self.by_line.get(mutant.file, {})
        touched = range(mutant.first, mutant.last + 1) if mutant.function else lines
        return {
            name
            for line in touched
            for name in lines.get(line, ())
            if self.footprints[name].seconds < LONGEST_S or is_guard(mutant.file)
        }

    def _hope(self, mutant: Mutant, name: str) -> float:
        killed = 0.1 + self.kills[mutant.place, name] + 0.1 * self.kills[mutant.file, name]
        return killed / (START_S + self.footprints[name].seconds)

    def _forked(self, grafting: Grafting, mutant: Mutant, names: list[str]) -> tuple[int, str]:
        read, write = os.pipe()
        expected_s = sum(self.footprints[name].seconds for name in names)
        with self.turn:
            pid = os.fork()
            if pid == 0:
                self._child(grafting, mutant, names, write, expected_s)
        os.close(write)
        limit_s = GUARD_LIMIT_S if is_guard(mutant.file) else 6 * LIMIT_S + expected_s * CLOCK_TIMES
        status = wait(pid, limit_s)
        told = b""
        while piece := os.read(read, 65536):
            told += piece
        os.close(read)
        return (
            (CAUGHT, "it does not end") if status is None or os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), told.decode())
        )

    def _child(self, grafting: Grafting, mutant: Mutant, names: list[str], tell: int, expected_s: float) -> NoReturn:
        code = CAUGHT
        try:
            os.setpgid(0, 0)
            if is_guard(mutant.file):
                self._alone(mutant)
            code = self._run_all(grafting, mutant, names, tell, expected_s)
        except BaseException as error:
            os.write(tell, f"{type(error).__name__} outside of a test".encode())
        finally:
            os._exit(code)

    def _alone(self, mutant: Mutant) -> None:
        """Where it can harm nothing, with the changed file in the place of the guard's own: it is started from there."""
        own_world()
        changed = self.root / f"guard.{threading.get_native_id()}.{id(mutant)}.py"
        changed.write_text(mutant.source)
        put_over(self.root / mutant.file, changed)

    def _run_all(self, grafting: Grafting, mutant: Mutant, names: list[str], tell: int, expected_s: float) -> int:
        limit_s = int(LIMIT_S + LIMIT_TIMES * expected_s)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        if not grafting.graft(mutant) and not is_guard(mutant.file):
            return NO_GRAFT
        for name in names:
            if not self._run(self.items[name]):
                os.write(tell, name.encode())
                return CAUGHT
        return CLEAN

    def _fresh(self, mutant: Mutant) -> tuple[int, str]:
        """In a process of its own, with the changed file: what stands in a class is read when it is imported."""
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *self.fresh_tests]
        with changed_file(self.root, mutant):
            try:
                ran = subprocess.run(words, cwd=self.root, capture_output=True, text=True, timeout=600)
            except subprocess.TimeoutExpired:
                return CAUGHT, "it does not end"
        return (CLEAN if ran.returncode == 0 else CAUGHT), "in a fresh process"


@contextlib.contextmanager
def changed_file(root: Path, mutant: Mutant) -> Iterator[None]:
    path = root / mutant.file
    plain = path.read_text()
    path.write_text(mutant.source)
    try:
        yield
    finally:
        path.write_text(plain)


def wait(pid: int, limit_s: float) -> int | None:
    """How it ended; None where it had to be ended, with all that it started."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
