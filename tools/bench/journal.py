"""How long a claim takes until it is durable, beside a bare fsync of as many bytes on the same disk, in turns.

    python -m tools.bench.journal [FOLDER]
    figures = asyncio.run(measure(Path("/var/lib/failover")))       # figures.ratio is the one with a limit: 3

A claim here is what it is in the daemon: an event built and encoded, `Journal.append`, and the wait for its future:
signed, committed with synchronous=FULL and known to the event loop. Encoding counts; deciding does not.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.kinds import Kind
from protocol.signing import Identity
from store.journal import Journal

ROUNDS = 400
WARM = 40
BODY = {"epoch": 7, "rule": "holder-dead", "reason": "genesis is dead: silent for 503 ms on lan and direct", "passed_over": []}


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians and 99th percentiles in microseconds."""

    fsync_us: int
    fsync_p99_us: int
    claim_us: int
    claim_p99_us: int
    rounds: int

    @property
    def ratio(self) -> float:
        return self.claim_us / self.fsync_us


async def measure(folder: Path, rounds: int = ROUNDS) -> Figures:
    """In a fresh folder inside `folder`, removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as inside:
        identity = Identity.fresh("lukretia")
        journal = await Journal.open(Path(inside), "lukretia", identity)
        descriptor = os.open(Path(inside) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            return await _turns(journal, descriptor, rounds)
        finally:
            os.close(descriptor)
            await journal.close()


async def _turns(journal: Journal, descriptor: int, rounds: int) -> Figures:
    bare: list[int] = []
    claims: list[int] = []
    entry: Entry | None = None
    for _ in range(WARM + rounds):
        began = time.perf_counter_ns()
        entry = _claim(entry)
        await journal.append([entry])
        claims.append(time.perf_counter_ns() - began)
        began = time.perf_counter_ns()
        os.write(descriptor, entry.raw)
        os.fsync(descriptor)
        bare.append(time.perf_counter_ns() - began)
    return Figures(*_summary(bare[WARM:]), *_summary(claims[WARM:]), rounds)


def after_idling(folder: Path, rounds: int = 7) -> list[tuple[float, float]]:
    """Microseconds of two bare syncs, 4 ms apart, after half a second without any: a take-over finds no busy disk."""
    found = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as inside:
        descriptor = os.open(Path(inside) / "bare", os.O_RDWR | os.O_CREAT)
        try:
            os.pwrite(descriptor, bytes(1 << 20), 0)
            os.fsync(descriptor)
            for number in range(rounds):
                time.sleep(0.5)
                first = _sync_us(descriptor, number * 16384)
                time.sleep(0.004)
                found.append((first, _sync_us(descriptor, number * 16384 + 8192)))
        finally:
            os.close(descriptor)
    return found


def _sync_us(descriptor: int, offset: int) -> float:
    """Two pages over old ones, and until they are on the disk: what one commit writes."""
    began = time.perf_counter_ns()
    os.pwrite(descriptor, os.urandom(8192), offset)
    os.fdatasync(descriptor)
    return (time.perf_counter_ns() - began) / 1000


def _claim(before: Entry | None) -> Entry:
    number, previous = (before.event.number + 1, before.id) if before else (1, NO_PREVIOUS)
    wall_ms = time.time_ns() // 1_000_000
    return Entry.of(
        Event(bytes(32), "lukretia", 1, number, previous, wall_ms, wall_ms, Kind.CLAIM.value, "web", BODY, (), ())
    )


def _summary(durations_ns: list[int]) -> tuple[int, int]:
    ordered = sorted(durations_ns)
    return round(statistics.median(ordered) / 1000), round(ordered[len(ordered) * 99 // 100] / 1000)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    figures = asyncio.run(measure(folder))
    print(f"bare fsync        {figures.fsync_us:6d} us   p99 {figures.fsync_p99_us:6d} us")
    print(f"claim to durable  {figures.claim_us:6d} us   p99 {figures.claim_p99_us:6d} us")
    print(f"ratio             {figures.ratio:6.2f}      (at most 3)")


if __name__ == "__main__":
    main()
