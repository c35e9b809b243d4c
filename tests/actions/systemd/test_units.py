"""The action and the check `systemd`, against a real systemd that is process 1 of a namespace."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actions.action import Ending, Order, Result, Seen
from actions.checks.kind import Found, Unasked
from actions.run_action import look, perform
from actions.unit_action import UnitAction
from actions.unit_check import UnitCheck
from actions.units import Units
from tests.actions.guard.conftest import peer, stand_in  # noqa: F401  the same fixtures
from tests.actions.guard.killed import Peer, wait_for
from tests.actions.lab import Lan, until
from tests.actions.systemd.machine import Machine
from tools.lab.pytest_plugin import left_out
from tools.lab.systemd import cannot_boot

ORDER = Order("web", "one", 7, "a test")

SLEEPS = "[Service]\nExecStart=/bin/sleep 600"


@pytest.fixture(scope="module")
def booted() -> Iterator[Machine]:
    left_out(cannot_boot())
    machine = Machine.boot()
    yield machine
    machine.remove()


@pytest.fixture
def machine(booted: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", booted.bus)
    return booted


@pytest.fixture
async def units(machine: Machine) -> AsyncIterator[Units]:
    units = Units()
    yield units
    units.close()


async def told(units: Units, unit: str, *words: str, timeout_s: float = 30) -> list[Result]:
    action = UnitAction(f"{unit}.service", units)
    return [await perform(action, word, ORDER, timeout_s) for word in words]


async def endings(units: Units, unit: str, *words: str) -> list[Ending]:
    return [result.ending for result in await told(units, unit, *words)]


async def seen(units: Units, unit: str) -> Seen:
    return await look(UnitAction(f"{unit}.service", units), ORDER)


async def test_a_unit_is_up_and_down_as_often_as_it_is_told(machine: Machine, units: Units) -> None:
    machine.unit("web", SLEEPS)
    assert await seen(units, "web") is Seen.DOWN
    assert await endings(units, "web", "down", "up", "up", "reclaim") == [Ending.DONE] * 4
    assert (machine.state("web"), await seen(units, "web")) == ("active", Seen.UP)
    assert await endings(units, "web", "down", "down") == [Ending.DONE] * 2
    assert (machine.state("web"), await seen(units, "web")) == ("inactive", Seen.DOWN)


async def test_up_waits_until_the_unit_says_that_it_is_ready(machine: Machine, units: Units) -> None:
    start, ready = "sleep 0.3; touch /run/ready; exec sleep 600", "until [ -e /run/ready ]; do :; done"
    machine.unit("slow", f"[Service]\nExecStart=/bin/sh -c '{start}'\nExecStartPost=/bin/sh -c '{ready}'")
    assert await endings(units, "slow", "up") == [Ending.DONE]
    assert (machine.folder / "run" / "ready").exists()
    assert await endings(units, "slow", "down") == [Ending.DONE]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("fails", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/false", "it is failed (failed): exit-code"),
        ("absent", "[Service]\nType=exec\nExecStart=/nowhere/at/all", "it is failed (failed): exit-code"),
        ("ends", "[Service]\nType=oneshot\nExecStart=/bin/true", "the start job is done, and it is inactive (dead)"),
        ("hangs", "[Service]\nType=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep 600", "failed (failed): timeout"),
    ],
)
async def test_a_unit_that_does_not_become_active_has_failed(
    machine: Machine, units: Units, name: str, text: str, said: str
) -> None:
    machine.unit(name, text)
    (up,) = await told(units, name, "up")
    assert up.ending is Ending.FAILED
    assert said in up.text
    assert await seen(units, name) is Seen.DOWN
    assert await endings(units, name, "down") == [Ending.DONE]


async def test_one_that_systemd_starts_again_and_again_is_unknown_until_it_is_taken_down(
    machine: Machine, units: Units
) -> None:
    restarts = "Restart=always\nRestartSec=100ms\n[Unit]\nStartLimitIntervalSec=0"
    machine.unit("again", f"[Service]\nType=exec\nExecStart=/nowhere/at/all\n{restarts}")
    (up,) = await told(units, "again", "up")
    assert up.ending is Ending.UNKNOWN, up
    assert await endings(units, "again", "down") == [Ending.DONE]
    assert machine.state("again") in ("inactive", "failed")


async def test_masked_and_missing_units_are_refused_with_their_state(machine: Machine, units: Units) -> None:
    (machine.folder / "units" / "masked.service").symlink_to("/dev/null")
    machine.unit("web", SLEEPS)
    for name, state in (("masked", "masked"), ("nobody", "not-found")):
        up, down = await told(units, name, "up", "down")
        assert (up.ending, up.text) == (Ending.FAILED, f"{name}.service cannot be started: {state}")
        assert down.ending is Ending.DONE


async def test_what_was_started_by_hand_is_found_and_taken_down(machine: Machine, units: Units) -> None:
    machine.unit("hand", SLEEPS)
    machine.by_hand("StartUnit", "hand")
    await until(lambda: machine.state("hand") == "active", "it was started by hand")
    assert await seen(units, "hand") is Seen.UP
    assert await endings(units, "hand", "down") == [Ending.DONE]
    assert machine.state("hand") == "inactive"


async def test_a_stop_that_needs_a_kill_is_down_and_says_so(machine: Machine, units: Units) -> None:
    deaf = "trap : TERM; touch /run/deaf; while :; do sleep 600 & wait; done"
    machine.unit("deaf", f"[Service]\nTimeoutStopSec=300ms\nExecStart=/bin/sh -c '{deaf}'")
    assert await endings(units, "deaf", "up") == [Ending.DONE]
    await until((machine.folder / "run" / "deaf").exists, "it ignores SIGTERM from here on")
    (down,) = await told(units, "deaf", "down")
    assert down.ending is Ending.DONE
    assert down.text.endswith("it is failed (failed): timeout")


async def test_a_stop_that_does_not_end_in_time_is_unknown_and_not_down(machine: Machine, units: Units) -> None:
    machine.unit("stuck", "[Service]\nTimeoutStopSec=90s\nKillMode=process\nExecStart=/bin/sleep 600\nExecStop=/bin/sleep 600")
    assert await endings(units, "stuck", "up") == [Ending.DONE]
    (down,) = await told(units, "stuck", "down", timeout_s=0.3)
    assert (down.ending, down.text) == (Ending.UNKNOWN, "down: no end after 300 ms; a probe could not tell")


async def test_a_start_that_takes_too_long_is_replaced_by_the_stop_that_follows(machine: Machine, units: Units) -> None:
    machine.unit("late", "[Service]\nType=notify\nExecStart=/bin/sleep 600")
    (up,) = await told(units, "late", "up", timeout_s=0.3)
    assert up.ending is Ending.UNKNOWN
    assert await endings(units, "late", "down") == [Ending.DONE]
    assert machine.state("late") in ("inactive", "failed")


async def test_many_jobs_at_once_are_told_apart(machine: Machine, units: Units) -> None:
    names = [f"many{number}" for number in range(20)]
    for name in names[:-1]:
        machine.unit(name, SLEEPS)
    machine.unit(names[-1], "[Service]\nType=exec\nExecStart=/nowhere/at/all")
    found = await asyncio.gather(*(endings(units, name, "up") for name in names))
    assert found == [[Ending.DONE]] * 19 + [[Ending.FAILED]]
    assert await asyncio.gather(*(endings(units, name, "down") for name in names)) == [[Ending.DONE]] * 20


async def test_the_end_of_another_job_ends_no_waiting(machine: Machine, units: Units) -> None:
    machine.unit("web", SLEEPS)
    machine.unit("never", "[Service]\nType=notify\nExecStart=/bin/sleep 600")
    waiting = asyncio.create_task(told(units, "never", "up", timeout_s=3))
    await until(lambda: machine.state("never") == "activating", "it is being started")
    assert await endings(units, "web", "up", "down") == [Ending.DONE] * 2
    (late,) = await waiting
    assert late.ending is Ending.UNKNOWN, "it waits for its own job, to the end of its time"


async def test_a_bus_that_is_gone_and_comes_back_is_asked_anew(machine: Machine, units: Units) -> None:
    machine.unit("web", SLEEPS)
    machine.unit("never", "[Service]\nType=notify\nExecStart=/bin/sleep 600")
    check = UnitCheck("web.service")
    assert await endings(units, "web", "up") == [Ending.DONE]
    assert (await check.run({}, 30)).passed
    waiting = asyncio.create_task(told(units, "never", "up", timeout_s=60))
    await until(lambda: machine.state("never") == "activating", "it is being started")
    machine.off()
    (lost,) = await waiting
    assert lost.ending is Ending.UNKNOWN
    with pytest.raises(Unasked, match="systemd cannot be asked"):
        await check.run({}, 30)
    assert await seen(units, "web") is Seen.UNKNOWN
    machine.on()
    assert await seen(units, "web") is Seen.DOWN
    assert (await check.run({}, 30)).text == "web.service is inactive (dead)"
    assert await endings(units, "web", "up", "down") == [Ending.DONE] * 2
    await check.close()


async def test_the_check_passes_while_the_unit_is_active_and_says_what_it_is_else(machine: Machine, units: Units) -> None:
    machine.unit("web", "[Service]\nExecStart=/bin/sh -c 'until [ -e /run/end ]; do sleep 0.01; done; exit 3'")
    check = UnitCheck("web.service")
    assert (await check.run({}, 30)).text == "web.service is inactive (dead)"
    assert await endings(units, "web", "up") == [Ending.DONE]
    assert await check.run({}, 30) == Found(True)
    (machine.folder / "run" / "end").touch()
    await until(lambda: machine.state("web") == "failed", "it has ended by itself")
    assert (await check.run({}, 30)).text == "web.service is failed (failed): exit-code"
    assert (await UnitCheck("nobody.service").run({}, 30)).text == "nobody.service is not-found, inactive"
    await check.close()


async def test_without_a_bus_nothing_is_said_of_the_service(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    units = Units()
    (up,) = await told(units, "web", "up")
    assert up.ending is Ending.UNKNOWN
    with pytest.raises(Unasked):
        await UnitCheck("web.service").run({}, 30)
    units.close()


def test_the_guard_stops_the_unit_after_kill_9_and_says_the_last_word(
    machine: Machine,
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
) -> None:
    machine.unit("guarded", SLEEPS)
    # Its private socket wants to see the process that asks, which is in another namespace here: so by the bus.
    by_bus = f"mount --bind {machine.folder}/run /run && mount --bind /dev/null /run/systemd/private"
    there = ("unshare", "--mount", "sh", "-c", f'{by_bus} && exec "$@"', "sh")
    it = stand_in({"web": [["systemd", {"systemd": "guarded.service"}, 20_000]]}, prefix=there)
    it.hear("up")
    assert machine.state("guarded") == "active"
    it.kill()
    wait_for(lambda: machine.state("guarded") == "inactive", "it is stopped")
    assert peer.word(peer.four).service == "web", it.complaints()
    assert machine.state("guarded") == "inactive"
    it.guard_ended()
