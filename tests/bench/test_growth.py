"""What the instrument says of a process is that process's own."""

import asyncio
from pathlib import Path

from tools.bench.growth import verified
from tools.bench.history import write_history

HELD_BYTES = 512 << 20


def test_the_memory_of_verify_is_not_that_of_the_process_that_measures_it(tmp_path: Path) -> None:
    """The benchmark plays the history itself, and is large then: a child that does nothing seemed to have as much."""
    asyncio.run(write_history(tmp_path / "long", 100))
    held = bytearray(HELD_BYTES)
    held[::4096] = b"x" * len(held[::4096])
    _, peak_kib = verified(tmp_path / "long")
    assert peak_kib << 10 < len(held) // 2
