"""What an idle owner costs: processor time and memory of `faild` and everything that it started (the guard)."""

import os
import time

from tools.bench.figures import Figure
from tools.lab.node import Node
from tools.lab.place import LabError

TICKS = os.sysconf("SC_CLK_TCK")


class Cost:
    """Counts from one look to the next. The same processes must be there all the time: a restart would hide their cost."""

    def __init__(self, node: Node):
        self._node = node
        self._pids = _ours(node)
        self._at_s, self._cpu_s = time.monotonic(), self._cpu()
        self._samples: dict[str, list[float]] = {"cpu": [], "Rss": [], "Pss": []}

    def look(self) -> None:
        """One sample: CPU seconds a minute since the last look, memory now."""
        if _ours(self._node) != self._pids:
            raise LabError(f"the processes of {self._node.name} changed while their cost was counted")
        now_s, cpu_s = time.monotonic(), self._cpu()
        self._samples["cpu"].append((cpu_s - self._cpu_s) / (now_s - self._at_s) * 60)
        self._at_s, self._cpu_s = now_s, cpu_s
        for name in ("Rss", "Pss"):
            self._samples[name].append(self._memory_mib(name))

    @property
    def cpu(self) -> tuple[float, ...]:
        """Seconds a minute, one for each look."""
        return tuple(self._samples["cpu"])

    def figures(self) -> list[Figure]:
        """RSS counts shared pages in full for each process, PSS divides them among those who share them."""
        remark, shared = f"{len(self._pids)} processes: faild and guard", "two nodes share pages here"
        cpu, rss, pss = (tuple(self._samples[name]) for name in ("cpu", "Rss", "Pss"))
        return [
            Figure("idle owner: CPU, seconds a minute", "s", cpu, 1, remark),
            Figure("idle owner: resident memory, RSS summed", "MiB", rss, 90, remark),
            Figure("idle owner: resident memory, PSS summed", "MiB", pss, None, shared),
        ]

    def _cpu(self) -> float:
        fields = [self._node.running.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split() for pid in self._pids]
        return sum(int(stat[11]) + int(stat[12]) for stat in fields) / TICKS

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
