"""The turns of the event loop are measured always: a long one is counted and named, one above a heartbeat is an alarm."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from coordinator.daemon.loop_timing import LONG_MS, Turns
from tests.daemon.cluster import Cluster

ROOT = Path(__file__).parents[2]


def stand_still_for(ms: int) -> None:
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        pass


async def turns_of(late_ms: int, *stands_ms: int) -> tuple[Turns, list[str]]:
    turns, late = Turns.here(), list[str]()
    await asyncio.sleep(0)
    stand_still_for(3 * LONG_MS)  # before `begin`: that keeps no peer waiting
    turns.begin(lambda: late_ms, late.append)
    for ms in stands_ms:
        await asyncio.sleep(0.001)
        stand_still_for(ms)
    await asyncio.sleep(0.001)
    return turns, late


def test_a_long_turn_is_counted_and_named_and_a_short_one_is_not():
    with asyncio.Runner(loop_factory=Turns.loop) as runner:
        turns, late = runner.run(turns_of(200, 1, 2 * LONG_MS, 250, 1))
    assert turns.longest_ms >= 250
    assert turns.longest_at_ms > 0
    assert turns.long == 2
    assert "turns_of > stand_still_for (tests/daemon/test_turns.py:" in turns.longest_text
    (text,) = late
    assert text.startswith("the loop of faild stood still for 25")
    assert "stand_still_for" in text


STANDS_STILL = """
import asyncio, sys, time
from coordinator.daemon import notices
measured = notices.Notices._measured
def then_stand_still(self):
    measured(self)
    asyncio.get_running_loop().call_later(0.2, time.sleep, 0.3)
notices.Notices._measured = then_stand_still
from coordinator.daemon.main import main
sys.argv[0] = "faild"
main()
"""


def test_a_loop_that_stands_still_is_an_alarm_in_every_window(make):
    """A real faild in which something sleeps on the loop's thread."""
    cluster: Cluster = make()
    cluster.start("genesis")
    lukretia = cluster.nodes["lukretia"]
    command = [sys.executable, "-c", STANDS_STILL, "--config", str(cluster.config), "--node", "lukretia"]
    secrets = cluster.folder / "demo" / "lukretia"
    with lukretia.log.open("ab") as log:
        lukretia.process = subprocess.Popen(
            [*command, "--state", str(lukretia.state), "--secrets", str(secrets)], stdout=log, stderr=log, cwd=ROOT
        )
    cluster.until_ready("lukretia")
    cluster.until(lambda: "loop-late" in [alarm["name"] for alarm in cluster.status("lukretia")["alarms"]], "the alarm stands")
    (alarm,) = [alarm for alarm in cluster.status("lukretia")["alarms"] if alarm["name"] == "loop-late"]
    assert "the loop of faild stood still for 3" in alarm["text"]
    loop = cluster.socket("lukretia").get("/timings")["loop"]
    assert loop["longest_turn_ms"] >= 300
    assert loop["turns_above_20_ms"] >= 1
    shown = cluster.failc("timings").out
    assert "longest turn" in shown
    assert 'failover_alarm{name="loop-late"' in page(cluster)
    assert "failover_loop_longest_turn_seconds 0.3" in page(cluster)


def page(cluster: Cluster) -> str:
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", str(cluster.nodes["lukretia"].own_state / "control.sock"), "http://faild/metrics"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout

