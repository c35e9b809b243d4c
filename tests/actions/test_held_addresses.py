"""Addresses that the executor brings up, takes down and puts back."""

import asyncio

from coordinator.core.effects import Run
from coordinator.core.inputs import ActionEnding, Outcome, StepFinished
from coordinator.policy import ActionPolicy
from protocol.messages import LastWord
from tests.actions.lab import Lan, in_namespace, inside, ip, until
from tests.actions.stage import address, both, policy, run, stage


def test_an_address_is_brought_up_with_its_times(lan: Lan) -> None:
    async def work() -> tuple[ActionEnding, set[str], ActionEnding]:
        async with stage(policy(address("10.77.0.111/24"))) as it:
            it.executor.run(run(1, "up"))
            up = await it.finished(1)
            there = lan.ips(lan.one)
            it.executor.run(run(2, "down"))
            return up, there, await it.finished(2)

    up, there, down = inside(lan.one, work)
    assert up.outcome is down.outcome is Outcome.DONE
    assert "10.77.0.111" in there
    assert 0 < up.announce_us <= up.took_us


def test_a_service_may_have_hundreds_of_addresses(lan: Lan) -> None:
    """More than the socket's buffer has room for answers to requests in one system call."""
    texts = [f"10.66.{n}.{m}/32" for n in range(4) for m in range(80)] + [f"fd66::{n}/128" for n in range(1, 81)]
    held, said = range(len(texts)), list[LastWord]()
    word = LastWord(bytes(32), "one", bytes(8), "web", 7)

    async def work() -> list[StepFinished]:
        async with stage(policy(*map(address, texts))) as it:
            it.executor._say = said.append
            it.executor.run(Run(1, "web", tuple(held), "up", 7, "a test"))
            up, there = await it.step(1), lan.addresses(lan.one)
            assert set(texts) <= set(there)
            it.executor.run(Run(2, "web", tuple(reversed(held)), "down", 7, "a test", word))
            return [up, await it.step(2)]

    up, down = inside(lan.one, work)
    assert {ending.outcome for ending in (*up.endings, *down.endings)} == {Outcome.DONE}
    assert said == [word]
    assert not set(texts) & set(lan.addresses(lan.one))


def test_two_addresses_go_up_and_down_before_run_returns(lan: Lan) -> None:
    """No turn of the event loop lies between them, nor before the last word."""
    four, six = "10.77.0.113/24", "fd77::113/64"
    said: list[LastWord] = []
    word = LastWord(bytes(32), "one", bytes(8), "web", 7)

    async def work() -> list[StepFinished]:
        async with stage(policy(address(four), address(six))) as it:
            it.executor._say = said.append
            it.executor.run(both(1, "up"))
            assert {ip(four), ip(six)} <= lan.ips(lan.one)
            it.executor.run(both(2, "down", word))
            assert not {ip(four), ip(six)} & lan.ips(lan.one)
            return [each for each in it.inbox if isinstance(each, StepFinished)]

    up, down = inside(lan.one, work)
    assert [ending.outcome for ending in (*up.endings, *down.endings)] == [Outcome.DONE] * 4
    assert all(0 < ending.announce_us <= ending.took_us for ending in up.endings)
    assert (up.said, down.said, said) == (False, True, [word])


def test_one_address_of_two_that_cannot_come_up_is_told_by_itself(lan: Lan) -> None:
    four, six = "10.77.0.114/24", "fd77::114/64"
    missing = ActionPolicy("address", {"address": six, "interface": "eth9"}, 5000)

    async def work() -> tuple[StepFinished, set[str], StepFinished]:
        async with stage(policy(address(four), missing)) as it:
            it.executor.run(both(1, "up"))
            up, there = await it.step(1), lan.ips(lan.one)
            it.executor.run(both(2, "down"))
            return up, there, await it.step(2)

    up, there, down = inside(lan.one, work)
    assert [ending.outcome for ending in up.endings] == [Outcome.DONE, Outcome.FAILED]
    assert "there is no interface eth9" in up.endings[1].text
    assert ip(four) in there
    assert [ending.outcome for ending in down.endings] == [Outcome.DONE, Outcome.DONE]
    assert ip(four) not in lan.ips(lan.one)


def test_an_address_that_is_gone_already_does_not_keep_the_other_one_here(lan: Lan) -> None:
    """In one call or one by one: afterwards none of them is here, and that is certain."""
    four, six = "10.77.0.115/24", "fd77::115/64"
    word = LastWord(bytes(32), "one", bytes(8), "web", 7)

    async def work() -> StepFinished:
        async with stage(policy(address(four), address(six))) as it:
            it.executor.run(both(1, "up"))
            in_namespace(lan.one, "ip", "address", "del", six, "dev", "eth0")
            it.executor.run(both(2, "down", word))
            return await it.step(2)

    down = inside(lan.one, work)
    assert [ending.outcome for ending in down.endings] == [Outcome.DONE, Outcome.DONE]
    assert down.said
    assert not {ip(four), ip(six)} & lan.ips(lan.one)


def test_an_address_that_somebody_removes_is_put_back(lan: Lan) -> None:
    """By hand, or with the interface: the kernel forgets its IPv6 addresses when it is switched off."""
    four, six = "10.77.0.112/24", "fd77::112/64"

    async def work() -> None:
        async with stage(policy(address(four), address(six))) as it:
            for index in (0, 1):
                it.executor.run(run(index, "up", index))
                await it.finished(index)
            in_namespace(lan.one, "ip", "address", "del", four, "dev", "eth0")
            await until(lambda: ip(four) in lan.ips(lan.one), "it is put back")
            in_namespace(lan.one, "ip", "link", "set", "eth0", "down")
            assert ip(six) not in lan.ips(lan.one)
            in_namespace(lan.one, "ip", "link", "set", "eth0", "up")
            await until(lambda: {ip(four), ip(six)} <= lan.ips(lan.one), "both are there")
            for index in (1, 0):
                it.executor.run(run(10 + index, "down", index))
                await it.finished(10 + index)
            assert not it.executor._upkeep.monitor._held
            assert not {ip(four), ip(six)} & lan.ips(lan.one)

    inside(lan.one, work)
    in_namespace(lan.one, "ip", "address", "replace", "fd77::1/64", "dev", "eth0", "nodad")


TURNS = 10
"""Of the loop: from an event of the kernel, which is there before what it tells of is answered, to a look there are three."""


def test_what_we_take_away_ourselves_is_no_reason_to_look_at_what_is_held(lan: Lan) -> None:
    """Of a thousand services one moves: the others are not looked at for that, as they are when somebody removes one."""
    stays, goes = "10.77.0.112/24", "10.77.0.113/24"
    looks: list[bool] = []

    async def work() -> None:
        async with stage(policy(address(stays), address(goes))) as it:
            for index in (0, 1):
                it.executor.run(run(index, "up", index))
                await it.finished(index)
            it.executor._upkeep.monitor._keep = lambda held: looks.append(ip(stays) in lan.ips(lan.one))
            it.executor.run(run(2, "down", 1))
            await it.finished(2)
            await it.executor._workshop.netlink.table.settled()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            in_namespace(lan.one, "ip", "address", "del", stays, "dev", "eth0")
            await until(lambda: looks, "it is looked at")

    inside(lan.one, work)
    assert looks == [False], "the look came when it was gone, and not before"


def test_one_of_hundreds_that_goes_comes_back_and_nothing_else_is_asked_of_the_kernel(lan: Lan) -> None:
    texts = [f"10.66.{n}.{m}/32" for n in range(3) for m in range(100)]

    async def work() -> list[int]:
        async with stage(policy(*map(address, texts))) as it:
            it.executor.run(Run(1, "web", tuple(range(len(texts))), "up", 7, "a test"))
            await it.step(1)
            netlink, asked = it.executor._workshop.netlink, list[int]()
            await until(lambda: not netlink._untidy, "what came with the start is over")
            many = netlink._kernel.ask_all
            netlink._kernel.ask_all = lambda requests: (asked.append(len(requests)), many(requests))[1]
            netlink._beside.every_address = lambda: asked.append(-1)
            in_namespace(lan.one, "ip", "address", "del", texts[150], "dev", "eth0")
            await until(lambda: texts[150] in lan.addresses(lan.one), "it is put back")
            it.executor.run(Run(2, "web", tuple(reversed(range(len(texts)))), "down", 7, "a test"))
            await it.step(2)
            return asked

    asked = inside(lan.one, work)
    assert 1 <= sum(asked) <= 2, "one to put it back, and one to forget who had it"
    assert not set(texts) & set(lan.addresses(lan.one))
