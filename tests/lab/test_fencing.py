"""A node that is cut off is switched off before its service is taken over: real daemons, and a device outside of all nodes."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lab.lab import Lab
from tools.lab.pytest_plugin import MASTER, SLAVE, Cluster

AGENT = """#!/bin/sh
action=$(sed -n 's/^action=//p' | tail -1)
echo "$action" > {folder}/ask
read -r said < {folder}/answer
echo "$said"
case "$said" in
"Status: OFF") exit 2 ;;
broken) exit 4 ;;
esac
"""


def now_ms() -> int:
    """By the clock that stands in every event: all nodes of the laboratory have one kernel."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class PowerStrip:
    """It has one plug, and is asked by two pipes, as a device is by its network. `off` ends every process of the node."""

    def __init__(self, lab: Lab, node: str) -> None:
        self.lab, self.node, self.broken = lab, node, False
        self.asked: list[str] = []
        self.told_ms = self.off_ms = 0
        """When it was told `off`, and when the node's namespaces were gone."""
        for pipe in ("ask", "answer"):
            os.mkfifo(lab.folder / pipe)
        self.agent = lab.folder / "fence_strip"
        self.agent.write_text(AGENT.format(folder=lab.folder))
        self.agent.chmod(0o755)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while (action := (self.lab.folder / "ask").read_text().strip()) != "end":
            self.asked.append(action)
            (self.lab.folder / "answer").write_text(f"{self._answer(action)}\n")

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
        Path(self.lab.folder / "ask").write_text("end\n")
        self._thread.join(10)


@pytest.fixture
def strip(make_lab) -> Iterator[PowerStrip]:
    """The slave's way to switch the master off."""
    lab = make_lab(MASTER, SLAVE)
    strip = PowerStrip(lab, MASTER)
    level = f'\n[[nodes.{MASTER}.fence]]\nagent = "{strip.agent}"\noptions = {{ plug = 1 }}\ntimeout = "10s"\n'
    lab.init(lambda text: text + level)
    yield strip
    strip.close()


def test_a_node_that_is_cut_off_is_off_before_its_service_is_claimed(strip: PowerStrip) -> None:
    """By the kernel's times: the namespaces of the master are gone before the slave's claim begins."""
    lab, cluster = strip.lab, Cluster(strip.lab)
    lab.cut(MASTER)
    cluster.until_serves(SLAVE)
    (request,), (result,) = (cluster.events(kind, SLAVE) for kind in ("fence-requested", "fence-result"))
    (claim,) = cluster.events("claim", SLAVE)
    assert (result.body["ok"], result.body["level"]) == (True, 1)
    assert request.boot_ms <= strip.told_ms <= strip.off_ms <= result.boot_ms <= claim.boot_ms
    assert result.ref in claim.causes
    assert strip.asked[-2:] == ["off", "status"]
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


def test_while_the_device_is_broken_no_node_takes_over_until_an_operator_says_that_it_is_off(strip: PowerStrip) -> None:
    lab, cluster = strip.lab, Cluster(strip.lab)
    lab.wait_until(lambda: "monitor" in strip.asked, "the device is asked whether it would do", 30)
    strip.broken = True
    lab.power_off(MASTER)
    lab.wait_until(lambda: any(alarm["name"] == "fence-failed" for alarm in lab.alarms(SLAVE)), "the alarm", 30)
    assert cluster.claimants() == []
    assert "it waits until lukretia is switched off" in lab.service(SLAVE)["reason"]
    lab.failc(SLAVE, "fence", MASTER, "--confirmed", "--reason", "I have pulled its plug")
    cluster.until_serves(SLAVE)
    lab.wait_until(lambda: "fence-failed" not in {alarm["name"] for alarm in lab.alarms(SLAVE)}, "the alarm is over", 30)
    assert cluster.claimants() == [SLAVE]
    assert "an operator said that lukretia is off" in lab.service(SLAVE)["reason"]
