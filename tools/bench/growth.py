"""What a long history costs: `failaudit verify` over it, and what a starting node does with it before it joins.

python -m tools.bench.growth open FOLDER        # opens FOLDER/lukretia, folds it; prints seconds, KiB
make bench ARGS="--only growth"
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coordinator.config import read
from coordinator.core.core import Core
from coordinator.daemon.clock import read_clocks
from coordinator.daemon.own_history import Past, Reading
from store.journal import Journal
from tools.bench.figures import Figure
from tools.bench.history import ME, write_history
from tools.bench.rig import QUICK, Plan
from tools.simulator.keys import Keys

EVENTS, EVENTS_QUICK = 100_000, 2_000


def growth(plan: Plan) -> list[Figure]:
    """Processor seconds and memory, each of a process of its own."""
    events = EVENTS_QUICK if plan == QUICK else EVENTS
    with tempfile.TemporaryDirectory() as folder:
        long, empty = Path(folder) / "long", Path(folder) / "empty"
        count = asyncio.run(write_history(long, events))
        asyncio.run(write_history(empty, 1))
        verify_s, verify_kib = verified(long)
        opened_s, opened_kib = _opened(long)
        _, empty_kib = _opened(empty)
    what = f"{count} events: "
    return [
        Figure(f"{what}verify, processor time", "s", (verify_s,), None),
        Figure(f"{what}verify, peak memory", "MiB", (verify_kib / 1024,), None),
        Figure(f"{what}log opened and folded, processor time", "s", (opened_s,), 3),
        Figure(f"{what}resident memory above that of an empty log", "MiB", ((opened_kib - empty_kib) / 1024,), 40),
    ]


VERIFYING = """
from pathlib import Path
from tools.audit.main import main
try:
    main()
finally:
    Path({out!r}).write_text(Path("/proc/self/status").read_text())
"""


def verified(folder: Path) -> tuple[float, int]:
    """Processor seconds and peak memory in KiB of `failaudit verify`.

    The peak is what the process itself sees when it ends: its `ru_maxrss` is never less than what this process had when it
    started the other one, and this one may have played the history.
    """
    out = folder / "status"
    command = [sys.executable, "-c", VERIFYING.format(out=str(out)), "verify", "--json", str(folder / ME)]
    child = subprocess.Popen([*command, "--config", str(folder / "failover.toml")], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, "a history of the core's own making is sound"
    peak = next(line for line in out.read_text().splitlines() if line.startswith("VmHWM:"))
    return used.ru_utime + used.ru_stime, int(peak.split()[1])


def _opened(folder: Path) -> tuple[float, int]:
    command = [sys.executable, "-m", "tools.bench.growth", "open", str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, kib = told.stdout.split()
    return float(seconds), int(kib)


async def _open(folder: Path) -> None:
    policy = read(folder / "failover.toml", files=False)
    began = time.process_time()
    reading = Reading(ME, policy)
    journal = await Journal.open(
        folder / ME, ME, Keys([ME], real=True).signer(ME), keyring=reading.keyring, cluster=policy.cluster_id,
        notice=reading.past,
    )  # fmt: skip
    past: Past = journal.noticed
    core = Core(ME, policy, bytes(8), past.folded or journal.entries(), read_clocks(), ran=past.ran())
    took = time.process_time() - began
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    print(f"{took:.2f} {resident}")
    assert core.context.feeds.heads, "it has read its feeds"
    await journal.close()


if __name__ == "__main__":
    asyncio.run(_open(Path(sys.argv[2])))
