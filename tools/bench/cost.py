"""What an idle owner costs: processor time and memory of `faild` and everything that it started (the guard)."""

import os
import time

from tools.bench.figures import Figure
from tools.lab.node import Node
from tools.lab.place import LabError

TICKS = os.sysconf("SC_CLK_TCK")


class Cost:
    """Begins to count when it is made. The same processes must still be there at the end: a restart would hide their cost."""

    def __init__(self, node: Node):
        self._node = node
        self._began_s = time.monotonic()
        self._pids = _ours(node)
        self._cpu_s = self._cpu()

    def _cpu(self) -> float:
        fields = [self._node.running.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split() for pid in self._pids]
        return sum(int(stat[11]) + int(stat[12]) for stat in fields) / TICKS

    def figures(self) -> list[Figure]:
        """CPU seconds a minute; PSS (shared pages divided among those who share them) and RSS (counted in full)."""
        if _ours(self._node) != self._pids:
            raise LabError(f"the processes of {self._node.name} changed while their cost was counted")
        minutes = (time.monotonic() - self._began_s) / 60
        cpu = (self._cpu() - self._cpu_s) / minutes
        pss, rss = (self._memory_mib(name) for name in ("Pss", "Rss"))
        remark = f"{len(self._pids)} processes"
        return [
            Figure("idle owner: CPU, seconds a minute", "s", (cpu,), 1, remark),
            Figure("idle owner: resident memory, RSS summed", "MiB", (rss,), 90, remark),
            Figure("idle owner: resident memory, PSS summed", "MiB", (pss,), None, "shared pages divided among two nodes"),
        ]

    def _memory_mib(self, name: str) -> float:
        rollups = [self._node.running.read(f"/proc/{pid}/smaps_rollup") for pid in self._pids]
        lines = [line.split() for text in rollups for line in text.splitlines()]
        return sum(int(words[1]) for words in lines if words[0] == f"{name}:") / 1024


def _ours(node: Node) -> list[int]:
    """Every process of the place but its first and the command that looks."""
    listed = node.running.run("sh", "-c", "echo $$; ls -d /proc/[0-9]*").split()
    shell, pids = int(listed[0]), {int(path.rsplit("/", 1)[1]) for path in listed[1:]}
    alive = {pid for pid in pids - {1, shell} if _exists(node, pid)}
    return sorted(alive)


def _exists(node: Node, pid: int) -> bool:
    try:
        node.running.read(f"/proc/{pid}/stat")
    except LabError:
        return False
    return True
