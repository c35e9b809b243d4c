"""The board in a running node: it looks once a second, in small steps, and only where something may have changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from coordinator.alarms.board import Alarm
from coordinator.alarms.conditions import sweep
from coordinator.alarms.names import AlarmName
from coordinator.config import parse
from coordinator.daemon import alarming
from coordinator.daemon.alarming import Alarming
from coordinator.state.model import NodeState, State
from tests.alarms.test_conditions import STUCK, UP, Quiet
from tests.config.sound import TEXT
from tests.control.test_status import ALIVE

MANY = 50


def view() -> Quiet:
    """lukretia is stuck with each of many services."""
    more = "".join(
        f'[services.s{number}]\nnodes = ["lukretia", "genesis"]\n[[services.s{number}.actions]]\nscript = "/bin/true"\n'
        for number in range(MANY)
    )
    policy = parse(TEXT + more, "f")
    column = NodeState("lukretia", services=dict.fromkeys(policy.services, STUCK))
    return Quiet(ALIVE, State({"lukretia": column}), policy=policy)


@contextlib.asynccontextmanager
async def running(standing: Quiet, told: list[tuple[Any, bool]], troubles: Any = None) -> AsyncIterator[Alarming]:
    def tell(alarm: Alarm, begins: bool) -> None:
        if alarm.key.name is AlarmName.STUCK:  # the others have patience, and a busy machine may try it
            told.append((alarm.key, begins))

    one = Alarming(standing, {AlarmName.ADDRESS_MISSING: lambda: troubles or []}, lambda: None, tell)
    one.start()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarming, "EVERY_S", 0.01)
    monkeypatch.setattr(alarming, "PAUSE_S", 0.0)


async def until(truth: Any) -> None:
    async with asyncio.timeout(30):
        while not truth():
            await asyncio.sleep(0.001)


async def test_a_look_at_many_services_is_many_turns_of_the_loop_and_finds_them_all(quick, monkeypatch):
    monkeypatch.setattr(alarming, "SLICE_S", 0.0)
    turns: list[int] = []
    step = Alarming._step

    def counted(self: Alarming, *words: Any) -> None:
        turns.append(len(words[1]))
        step(self, *words)

    monkeypatch.setattr(Alarming, "_step", counted)
    async with running(view(), []) as one:
        await until(lambda: one.standing)
        assert len([alarm for alarm in one.standing if alarm.key.name is AlarmName.STUCK]) == MANY + 1
        assert len(turns) >= MANY


async def test_what_begins_and_what_is_over_is_told_once_each(quick):
    standing, told = view(), []
    async with running(standing, told) as one:
        await until(lambda: len(told) == MANY + 1)
        standing.state = State({"lukretia": NodeState("lukretia")})
        await until(lambda: len(told) == 2 * (MANY + 1))
        assert {begins for _, begins in told[: MANY + 1]} == {True}
        assert {begins for _, begins in told[MANY + 1 :]} == {False}
        assert not [alarm for alarm in one.standing if alarm.key.name is AlarmName.STUCK]


async def test_several_addresses_of_one_service_are_one_alarm(quick):
    troubles: list[tuple[str, str]] = []
    async with running(view(), [], troubles) as one:
        await until(lambda: one.standing)
        troubles += [("web", "10.77.0.100 is gone"), ("web", "10.77.0.101 is gone")]
        one._troubles = {AlarmName.ADDRESS_MISSING: lambda: troubles}
        await until(lambda: any(alarm.key.name is AlarmName.ADDRESS_MISSING for alarm in one.standing))
        (alarm,) = [alarm for alarm in one.standing if alarm.key.name is AlarmName.ADDRESS_MISSING]
        assert (alarm.key.service, alarm.text) == ("web", "10.77.0.100 is gone; 10.77.0.101 is gone")


async def test_an_event_about_one_service_is_no_reason_to_look_at_all_of_them(quick, monkeypatch):
    """Nor is time: what was found is looked at again and again, and nothing else."""
    looked: list[list[str]] = []

    def swept(view: Any, names: Any) -> Any:
        looked.append(sorted(names))
        return sweep(view, names)

    monkeypatch.setattr(alarming, "sweep", swept)
    standing = view()
    calm = dict.fromkeys(standing.policy.services, UP)
    standing.state = replace(standing.state, columns={"lukretia": NodeState("lukretia", services=calm)})
    async with running(standing, []):
        await until(lambda: looked)
        assert looked == [sorted(standing.policy.services)]
        looked.clear()
        stuck = standing.state.column("lukretia").with_service("s7", STUCK)
        standing.state = standing.state.with_column(stuck)
        await until(lambda: len(looked) > 2)
        assert {tuple(names) for names in looked} == {("s7",)}
