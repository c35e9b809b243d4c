"""What is up under a lease goes down at its end, or its machine is reset: with real processes, whatever stands still.

The watchdog is a file of FUSE that answers as Linux's watchdogs do (`tools/lab/fuse_watchdog.py`); what it resets is a
namespace of processes.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actions.guard.leases import boottime_ms
from actions.guard.watchdog import RESET_AT_ONCE, Sysrq, Unusable, armed
from tests.actions.guard.killed import Peer, program, wait_for
from tests.actions.guard.machine import Device, Machine, soon
from tests.actions.lab import Lan
from tests.actions.test_script import alive

HANGS = "sleep 600"
AT_ONCE_S = 3.0
FED_MAX = 80
"""In the half second in which it is still fed it gets ten, in the next four seconds would be as many as this."""


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    yield made
    made.close()


@pytest.fixture
def machine(lan: Lan, peer: Peer, tmp_path: Path) -> Iterator[Any]:
    made: list[Machine] = []

    def make(**more: Any) -> Machine:
        made.append(Machine(lan, tmp_path, peer, **more))
        return made[-1]

    yield make
    for it in made:
        it.close()


def up(it: Machine) -> Machine:
    it.stand_in.hear("up")
    assert it.is_up
    return it


def test_a_faild_that_stands_still_is_ended_with_its_lease_and_what_it_held_goes_down(
    machine: Any, device: Device, peer: Peer
) -> None:
    """No machine is reset for it: the guard has the time of the stops, and the peers hear that all is down."""
    it = up(machine(device=device))
    it.send(signal.SIGSTOP, "faild")
    it.until_down()
    assert peer.word(peer.four).service == "db"
    device.until_stopped("nothing is held there any more")
    assert "strike" not in device.said()
    assert "faild stands still" in it.complaints


def test_a_stop_that_hangs_resets_the_machine(machine: Any, device: Device, peer: Peer) -> None:
    it = up(machine(device=device, stop=HANGS))
    it.send(signal.SIGSTOP, "faild")
    it.until_reset()
    assert "strike" in device.said()
    assert peer.silent(), "nobody has said that it is down"


def test_a_stop_that_fails_resets_the_machine(machine: Any, device: Device, peer: Peer) -> None:
    it = up(machine(device=device, stop="exit 1"))
    it.send(signal.SIGSTOP, "faild")
    it.until_reset()
    assert peer.silent()


def test_everything_stands_still_but_the_guard(machine: Any, device: Device, peer: Peer) -> None:
    """Also what starts programs, with whatever it was told: it is gone with faild, and begins nothing when it goes on."""
    it = up(machine(device=device))
    starter = it.pid("faild-starter")
    it.send(signal.SIGSTOP, "faild-starter", "faild", "sleep")
    it.until_down()
    assert peer.word(peer.four).service == "db"
    wait_for(lambda: not alive(starter), "the starter is gone", AT_ONCE_S)
    assert "strike" not in device.said()


def test_everything_stands_still(machine: Any, device: Device) -> None:
    """The guard as well: nothing feeds the watchdog."""
    it = up(machine(device=device))
    it.send(signal.SIGSTOP, "faild", "faild-guard", "faild-starter")
    it.until_reset()


def test_faild_and_its_guard_are_killed_together(machine: Any, device: Device) -> None:
    """The descriptor of the watchdog closes with its process, and no word says that it may stop."""
    it = up(machine(device=device))
    it.send(signal.SIGKILL, "faild-guard", "faild")
    it.until_reset()
    assert "stopped" not in device.said()


def test_a_faild_that_runs_is_waited_for_until_its_stops_must_have_ended(machine: Any, device: Device) -> None:
    """It takes down by itself what has lost its lease, and runs, as its heartbeats tell. Here it does not take it down."""
    it = up(machine(device=device))
    it.say("over")
    fed = device.said().count("feed")
    soon(lambda: it.is_reset or device.said().count("feed") > fed + FED_MAX, "the machine is reset")
    assert it.is_reset, "the watchdog is fed on and on"
    assert it.is_up, "the guard has left it to faild"
    assert "up for too long after the end of its lease" in it.complaints
    assert "stands still" not in it.complaints


def test_what_is_down_needs_no_reset(machine: Any, device: Device) -> None:
    it = up(machine(device=device))
    it.say("release")
    device.until_stopped("it is disarmed")
    assert device.said()[-2:] == ["close", "stopped"]


def test_a_new_guard_takes_the_place_of_a_dead_one(machine: Any, device: Device, peer: Peer) -> None:
    """It opens the watchdog, which nobody has stopped, before that strikes; and it knows the lease."""
    it = up(machine(device=device, reset_ms=5_000))
    dead = it.pid("faild-guard")
    os.kill(dead, signal.SIGKILL)
    it.until(lambda: it.pid("faild-guard") != dead and device.said().count("open") == 2, "another one has opened it")
    while not it.stand_in.hear("GuardChanged")["alive"]:
        """It is told everything."""
    it.send(signal.SIGSTOP, "faild")
    it.until_down()
    assert peer.word(peer.four).service == "db"
    assert "strike" not in device.said()


def test_the_first_word_to_a_new_guard_says_when_each_lease_ends(alone: Any, device: Device) -> None:
    """`faild` stands still behind that word: how to take it down was not said, so only a reset ends what is up."""
    guard = alone(stderr=subprocess.PIPE, text=True)
    ends_ms = boottime_ms() + 200
    lease = {"service": "db", "epoch": 7, "down_ms": 2_100, "patience_ms": 100, "watchdog": [str(device.path), 1000]}
    guard.say(say="promised", leases=[{**lease, "ends_ms": ends_ms}])
    soon(lambda: guard.faild.poll() is not None, "faild is ended")
    assert boottime_ms() >= ends_ms
    assert guard.process.wait(60) == 0
    assert "db: not down after the end of faild" in guard.process.stderr.read()
    soon(lambda: device.said()[-1] == "strike", "the machine is reset")


def test_what_a_new_guard_is_told_to_hold_has_the_end_that_it_was_promised(alone: Any, device: Device, tmp_path: Path) -> None:
    guard = alone()
    lease = {"down_ms": 2_100, "patience_ms": 100, "watchdog": [str(device.path), 1000]}
    guard.say(say="promised", leases=[{**lease, "service": "db", "epoch": 7, "ends_ms": boottime_ms() + 200}])
    down = program("touch", str(tmp_path / "down"))
    guard.say(say="hold", service="db", epoch=7, downs=[down], word="d29yZA==", gate="", peers=[], lease=lease)
    assert guard.heard() == {"held": "db", "epoch": 7}
    assert guard.process.wait(60) == 0
    assert (tmp_path / "down").exists()
    device.until_stopped("nothing is held any more")


def test_a_new_guard_stops_what_a_dead_one_has_armed_where_all_is_down_by_now(machine: Any, device: Device) -> None:
    """The service went down while there was no guard: nothing is held, and the watchdog would reset the machine."""
    it = up(machine(device=device, reset_ms=5_000))
    it.send(signal.SIGSTOP, "faild")
    it.send(signal.SIGKILL, "faild-guard")
    it.say("down")
    it.send(signal.SIGCONT, "faild")
    device.until_stopped("another guard has stopped it")


def test_a_guard_that_stands_still_is_replaced_though_nothing_is_asked_of_it(machine: Any, device: Device) -> None:
    it = up(machine(device=device, reset_ms=5_000))
    mute = it.pid("faild-guard")
    os.kill(mute, signal.SIGSTOP)
    it.until(lambda: it.pid("faild-guard") != mute, "another one is there")
    assert it.is_up


def test_where_nothing_resets_the_machine_the_peers_must_fence_it(machine: Any, peer: Peer) -> None:
    it = up(machine(stop=HANGS))
    it.send(signal.SIGSTOP, "faild")
    it.until(lambda: "its peers must fence it" in it.complaints, "the guard says so")
    assert it.is_up
    assert peer.silent()


# --- what is no watchdog -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--options", "128"], "would stop when the guard is killed"),
        (["--shortest", "5"], "takes no timeout of 1 s: it resets after 5 s"),
    ],
)
def test_a_watchdog_that_cannot_be_relied_on_is_refused_and_stopped(tmp_path: Path, more: list[str], said: str) -> None:
    device = Device(tmp_path, *more)
    try:
        with pytest.raises(Unusable, match=said):
            armed(str(device.path), 1000)
        device.until_stopped("it does not strike")
    finally:
        device.close()


def test_what_cannot_be_opened_or_is_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be opened: No such file"):
        armed(str(tmp_path / "none"), 1000)
    (tmp_path / "file").write_text("of somebody")
    with pytest.raises(Unusable, match="is no watchdog: Inappropriate ioctl"):
        armed(str(tmp_path / "file"), 1000)
    assert (tmp_path / "file").read_text() == "of somebody", "a wrong path may be a disk"
    with pytest.raises(Unusable, match="cannot be opened"):
        Sysrq(str(tmp_path / "none"))


def test_nothing_comes_up_where_its_machine_could_not_be_reset(machine: Any, tmp_path: Path) -> None:
    """The guard says why, and confirms nothing."""
    it = machine(device=str(tmp_path / "none"))
    it.until(lambda: it.is_up or f"db cannot be held here: {tmp_path}/none cannot be opened" in it.complaints, "it is refused")
    assert not it.is_up


def test_sysrq_is_told_once_and_at_once(tmp_path: Path) -> None:
    trigger = tmp_path / "sysrq-trigger"
    trigger.touch()
    key = Sysrq(str(trigger))
    key.feed()
    assert trigger.read_bytes() == b""
    key.strike()
    assert trigger.read_bytes() == RESET_AT_ONCE
    key.disarm()
