"""A slow disk under one `faild`: slow_disk.c makes each sync of its state folder wait, for as long as the test says.

    disk = slow_disk(cluster.nodes["genesis"])      # before it is started
    disk.takes(300)                                 # ms, each sync, from now on
    disk.takes(STANDS_STILL)
    disk.takes(0)
    node.plant("stop", disk.will_take(STANDS_STILL))    # from the moment in which its script runs

The whole way is real: SQLite calls fdatasync(2) and waits, in the thread that commits. Only how long it takes is ours.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.cluster import Node
from tools.lab.pytest_plugin import left_out

SOURCE = Path(__file__).with_suffix(".c")
STANDS_STILL = 3_600_000
"""Until it is told otherwise."""

SlowDisk = Callable[[Node], "Disk"]


class Disk:
    def __init__(self, node: Node, library: Path):
        self._file = node.state.with_suffix(".sync-ms")
        self.takes(0)
        node.before = ("env", f"LD_PRELOAD={library}", f"SLOW_DISK={node.state.resolve()}", f"SLOW_DISK_MS={self._file}")

    def takes(self, ms: int) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(ms))
        fresh.replace(self._file)

    def will_take(self, ms: int) -> str:
        """The same as a line for a shell: a script knows moments that a test comes too late for."""
        return f"echo {ms} > {self._file}.new; mv {self._file}.new {self._file}"


@pytest.fixture(scope="session")
def slow_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled once."""
    library = tmp_path_factory.mktemp("slow-disk") / "slow_disk.so"
    words = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(SOURCE), "-ldl"]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        left_out("there is no C compiler; apt install gcc libc6-dev")
    return library


@pytest.fixture
def slow_disk(slow_library: Path) -> SlowDisk:
    """Puts a node onto a disk that can be made slow; at full speed first."""
    return lambda node: Disk(node, slow_library)
