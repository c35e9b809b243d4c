"""A power strip with one plug, and the fence agent that asks it: `off` ends every process of its node, as a loss of power does.

    strip = PowerStrip(lab, "lukretia")
    lab.init(lambda text: text + strip.level)       # the node's [[nodes.lukretia.fence]]
    strip.log()                                     # what the agent was asked and told, a line each
    strip.close()

It stands outside of all nodes and is asked by two pipes, as a device is by its network. One agent at a time is served.
"""

import errno
import os
import threading
import time
from pathlib import Path

from tools.lab.lab import Lab

AGENT = """#!/bin/sh
action=$(sed -n 's/^action=//p' | tail -1)
exec 9> {folder}/plug-{node}
flock 9
echo "$action" > {folder}/ask-{node}
read -r said < {folder}/answer-{node}
echo "$(date +%T.%3N) asked for $action: $said" >> {folder}/fence-{node}.log
echo "$said"
case "$said" in
"Status: OFF") exit 2 ;;
broken) exit 4 ;;
esac
"""
GIVE_UP_S = 2.0
"""For so long an agent is waited for that has asked and does not listen: its node may have lost its own power meanwhile."""


def now_ms() -> int:
    """By the clock that stands in every event: all nodes of the laboratory have one kernel."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class PowerStrip:
    """`broken`: every question is answered by an error."""

    def __init__(self, lab: Lab, node: str) -> None:
        self.lab, self.node, self.broken = lab, node, False
        self.asked: list[str] = []
        self.told_ms = self.off_ms = 0
        """When it was told `off`, and when the node's namespaces were gone."""
        self._ask, self._answered = lab.folder / f"ask-{node}", lab.folder / f"answer-{node}"
        self._log = lab.folder / f"fence-{node}.log"
        for pipe in (self._ask, self._answered):
            os.mkfifo(pipe)
        self.agent = lab.folder / f"fence_{node}"
        self.agent.write_text(AGENT.format(folder=lab.folder, node=node))
        self.agent.chmod(0o755)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def level(self) -> str:
        return f'\n[[nodes.{self.node}.fence]]\nagent = "{self.agent}"\noptions = {{ plug = 1 }}\ntimeout = "10s"\n'

    def log(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _serve(self) -> None:
        while (action := self._ask.read_text().strip()) != "end":
            if action:
                self.asked.append(action)
                _tell(self._answered, f"{self._answer(action)}\n")

    def _answer(self, action: str) -> str:
        if self.broken:
            return "broken"
        if action == "off" and self.lab.nodes[self.node].place is not None:
            self.told_ms = now_ms()
            self.lab.power_off(self.node)
            self.off_ms = now_ms()
        if action == "status":
            return "Status: OFF" if self.lab.nodes[self.node].place is None else "Status: ON"
        return "done"

    def close(self) -> None:
        self._ask.write_text("end\n")
        self._thread.join(10)


def _tell(pipe: Path, words: str) -> None:
    """Into the pipe, if somebody reads there within some time."""
    until = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until:
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.002)
            continue
        with os.fdopen(descriptor, "w") as file:
            file.write(words)
        return
