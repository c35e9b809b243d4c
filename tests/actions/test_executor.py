"""The executor with real programs and real addresses: order, outcomes, the sweep at the start, hooks and words."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest

from actions.action import Order
from actions.process import Exited, Programs
from coordinator.core.effects import Cut, Run, Watch
from coordinator.core.inputs import ActionEnding, CarrierChanged, CheckFinished, Input, Outcome, StepFinished
from coordinator.daemon.clock import read_clocks
from coordinator.policy import ActionPolicy, CheckPolicy, Policy, ServicePolicy, Timing
from coordinator.services.carrier import CarrierWatch
from coordinator.services.check_runs import CheckRounds
from coordinator.services.executor import Executor, StillUp
from protocol.messages import LastWord
from tests.actions.lab import Lan, in_namespace, inside, ip, sh, until
from tests.actions.test_script import Ledger, alive, write_script


def script(path: str, timeout_ms: int = 5000) -> ActionPolicy:
    return ActionPolicy("script", {"path": path}, timeout_ms)


def notify(path: str) -> ActionPolicy:
    return ActionPolicy("notify", {"path": path}, 5000)


def address(text: str, interface: str = "eth0") -> ActionPolicy:
    return ActionPolicy("address", {"address": text, "interface": interface})


def policy(*actions: ActionPolicy, checks: tuple[CheckPolicy, ...] = (), **more: Any) -> Policy:
    web = ServicePolicy("web", ("one", "two"), actions, checks, **more)
    return Policy("demo", bytes(32), Timing(), {}, {"web": web})


@dataclasses.dataclass
class Stage:
    executor: Executor
    inbox: list[Input]

    async def finished(self, ticket: int) -> ActionEnding:
        """The result of an order for one action."""
        (ending,) = (await self.step(ticket)).endings
        return ending

    async def step(self, ticket: int) -> StepFinished:
        def found() -> list[StepFinished]:
            return [it for it in self.inbox if isinstance(it, StepFinished) and it.ticket == ticket]

        return (await until(found, f"order {ticket} is over"))[0]


@contextlib.asynccontextmanager
async def stage(policy: Policy) -> AsyncIterator[Stage]:
    inbox: list[Input] = []
    executor = Executor("one", policy, inbox.append, Ledger())
    await executor.start()
    try:
        yield Stage(executor, inbox)
    finally:
        await executor.close()


def run(ticket: int, word: str, action: int = 0) -> Run:
    return Run(ticket, "web", (action,), word, 7, "a test")


async def test_orders_of_one_service_are_done_in_order(tmp_path: Path) -> None:
    path = write_script(tmp_path, "sleep 0.05; echo $1 >> $log")
    async with stage(policy(script(path))) as it:
        for ticket, word in enumerate(("up", "reclaim", "up"), start=1):
            it.executor.run(run(ticket, word))
        assert [(await it.finished(ticket)).outcome for ticket in (1, 2, 3)] == [Outcome.DONE] * 3
    assert (tmp_path / "log").read_text().split() == ["start", "reclaim", "start"]


async def test_a_down_does_not_wait_for_an_up(tmp_path: Path) -> None:
    """To release needs nothing: not the patience for a script that hangs."""
    body = f"echo $1 >> $log; case $1 in start) touch {tmp_path}/begun; sleep 600;; status) exit 3;; esac"
    async with stage(policy(script(write_script(tmp_path, body), 60_000))) as it:
        it.executor.run(run(1, "up"))
        it.executor.run(run(2, "reclaim"))
        await until((tmp_path / "begun").exists, "start hangs")
        it.executor.run(run(3, "down"))
        assert (await it.finished(2)).outcome is Outcome.FAILED
        assert (await it.finished(1)).outcome is Outcome.UNKNOWN
        assert (await it.finished(3)).outcome is Outcome.DONE
    assert (tmp_path / "log").read_text().split() == ["start", "stop"]


async def test_an_order_is_ended_whether_it_runs_or_waits_and_no_other_is(tmp_path: Path) -> None:
    body = f"echo $1 >> $log; case $1 in start) touch {tmp_path}/begun; sleep 600;; status) exit 3;; esac"
    async with stage(policy(script(write_script(tmp_path, body), 60_000))) as it:
        it.executor.run(run(1, "up"))
        it.executor.run(run(2, "reclaim"))
        it.executor.run(run(3, "reclaim"))
        await until((tmp_path / "begun").exists, "start hangs")
        it.executor.cut(Cut("web", 9))
        it.executor.cut(Cut("web", 2))
        assert (await it.finished(2)).outcome is Outcome.FAILED
        it.executor.cut(Cut("web", 1))
        assert (await it.finished(1)).outcome is Outcome.UNKNOWN
        assert (await it.finished(3)).outcome is Outcome.DONE
    assert (tmp_path / "log").read_text().split() == ["start", "reclaim"]


async def test_an_order_for_an_action_that_the_configuration_has_not_fails(tmp_path: Path) -> None:
    async with stage(policy()) as it:
        it.executor.run(run(1, "up", 3))
        assert (await it.finished(1)).outcome is Outcome.FAILED


async def test_the_last_word_goes_out_with_the_last_step_where_all_of_it_is_down(tmp_path: Path) -> None:
    """The successor acts on it at once: it must be true of every part."""
    good = script(write_script(tmp_path, "exit 0"))
    bad = script(write_script(tmp_path, "case $1 in status) exit 0;; *) exit 1;; esac", "bad"))
    said: list[LastWord] = []
    word = LastWord(bytes(32), "one", bytes(8), "web", 7)
    async with stage(policy(good, bad)) as it:
        it.executor._say = said.append
        it.executor.run(Run(1, "web", (1, 0), "down", 7, "a test", word))
        lost = await it.step(1)
        assert ([ending.outcome for ending in lost.endings], lost.said, said) == ([Outcome.FAILED, Outcome.DONE], False, [])
        it.executor.run(Run(2, "web", (0,), "down", 7, "a test", word))
        assert ((await it.step(2)).said, said) == (True, [word])


async def test_an_order_that_breaks_faild_itself_ends_as_unknown(tmp_path: Path) -> None:
    """An order whose end is not heard of would leave the service where it is for ever."""
    async with stage(policy(script(write_script(tmp_path, "exit 0")))) as it:
        it.executor._deeds["web"] = dataclasses.replace(it.executor._deeds["web"], actions=("no action",))  # type: ignore[arg-type]
        it.executor.run(run(1, "down"))
        ending = await it.finished(1)
        assert (ending.outcome, "a bug in faild: AttributeError" in ending.text) == (Outcome.UNKNOWN, True)


async def test_a_notify_action_has_nothing_to_bring_up(tmp_path: Path) -> None:
    async with stage(policy(notify(str(tmp_path / "absent")))) as it:
        it.executor.run(run(1, "up"))
        assert (await it.finished(1)).outcome is Outcome.DONE


async def test_hooks_hear_every_state_in_order_and_scripts_their_words(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 0.0$(( $3 % 3 )); echo "$1 $3" >> $log.hook', "hook")
    web = write_script(tmp_path, "echo $1 >> $log.web")
    history = ["RECOVER", "STARTING", "UP", "RECLAIM", "UP", "STOPPING", "FAIL", "RECOVER"]
    told: list[tuple[str, str, int, str]] = []
    async with stage(policy(script(web), notify(hook))) as it:
        it.executor._tell = lambda *words: told.append(words)
        for epoch, state in enumerate(history, start=1):
            it.executor.changed("web", state, epoch, "a test")
        await until(lambda: _count(tmp_path / "log.hook") == 8 and _count(tmp_path / "log.web") == 5, "all is told")
    assert (tmp_path / "log.hook").read_text().splitlines() == [f"{state} {n}" for n, state in enumerate(history, start=1)]
    assert (tmp_path / "log.web").read_text().split() == ["recover", "up", "down", "fail", "recover"]
    assert [words[1] for words in told] == history


async def test_a_hanging_hook_holds_no_order_up(tmp_path: Path) -> None:
    hook = write_script(tmp_path, f"touch {tmp_path}/begun; sleep 600", "hook")
    async with stage(policy(script(write_script(tmp_path, "exit 0")), notify(hook))) as it:
        it.executor.changed("web", "STARTING", 7, "a test")
        await until((tmp_path / "begun").exists, "the hook hangs")
        it.executor.run(run(1, "up"))
        assert (await it.finished(1)).outcome is Outcome.DONE


async def test_who_closes_tells_first_and_waits_for_nobody_longer_than_its_timeout(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 0.1; echo "$1" >> $log', "hook")
    hanging = write_script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600", "hanging")
    async with stage(policy(notify(hook))) as it:
        for state in ("UP", "STOPPING", "RECOVER"):
            it.executor.changed("web", state, 7, "a test")
    assert (tmp_path / "log").read_text().split() == ["UP", "STOPPING", "RECOVER"]
    async with stage(policy(ActionPolicy("notify", {"path": hanging}, 300))) as it:
        it.executor.changed("web", "RECOVER", 7, "a test")
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the hook hangs")
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_a_hook_that_needs_longer_than_a_stop_used_to_wait_hears_the_last_state(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 2.3; echo "$1" >> $log', "hook")
    async with stage(policy(notify(hook))) as it:
        it.executor.changed("web", "RECOVER", 7, "a test")
    assert (tmp_path / "log").read_text().split() == ["RECOVER"]


async def test_a_hook_that_hangs_delays_no_other_and_is_told_the_newest_state_next(tmp_path: Path) -> None:
    """What it has missed in the meantime is not told one by one, each with a timeout of its own."""
    hangs_at_up = f"echo $1 >> {tmp_path}/first.log; [ $1 != UP ] || sleep 600"
    first = ActionPolicy("notify", {"path": write_script(tmp_path, hangs_at_up, "first")}, 600)
    second = notify(write_script(tmp_path, f"echo $1 >> {tmp_path}/second.log", "second"))
    web = script(write_script(tmp_path, f"echo $1 >> {tmp_path}/web.log", "web"))
    history = ["UP", "STOPPING", "RECOVER", "STARTING", "UP", "STOPPING", "FAIL"]
    async with stage(policy(first, web, second)) as it:
        for state in history:
            it.executor.changed("web", state, 7, "a test")
        await until(lambda: _count(tmp_path / "second.log") == len(history), "the other hook has heard everything")
        assert (tmp_path / "first.log").read_text().split() == ["UP"], "while the first one still hangs"
        await until(lambda: _count(tmp_path / "web.log") == 6, "and so has the script")
        await until(lambda: _count(tmp_path / "first.log") == 2, "the one that hung hears what is true now")
    assert (tmp_path / "second.log").read_text().split() == history
    assert (tmp_path / "first.log").read_text().split() == ["UP", "FAIL"]


async def test_a_check_that_cannot_be_killed_fails_in_its_time_and_is_not_begun_again(tmp_path: Path) -> None:
    """As one that sleeps in the kernel: the signal is sent, and nothing ends. What it means is known all the same."""

    class AsleepInTheKernel(Programs):
        begun = 0
        back = asyncio.Event()

        async def run(self, argv: Sequence[str], environment: Mapping[str, str]) -> Exited:
            AsleepInTheKernel.begun += 1
            while not self.back.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.back.wait()
            return Exited(-9, "", b"")

    check = CheckPolicy("exec", {"argv": ["/usr/local/bin/ask"]}, 20, 50, fall=3)
    found: list[CheckFinished] = []
    programs = AsleepInTheKernel(Ledger())
    rounds = CheckRounds(policy(checks=(check,)).services["web"], Order("web", "one", 7, "check"), programs, found.append)
    await until(lambda: len(found) == 3, "it has failed as often as counts")
    assert [result.passed for result in found] == [False] * 3
    assert "no end after 50 ms" in found[0].text
    assert "its last run is killed, and does not end" in found[1].text
    assert programs.begun == 1
    programs.back.set()
    await rounds.close()


async def test_checks_are_reported_run_by_run_until_they_are_called_off(tmp_path: Path) -> None:
    sick = tmp_path / "sick"
    check = CheckPolicy("exec", {"argv": ["/bin/sh", "-c", f"[ ! -e {sick} ] || {{ echo ill; exit 1; }}"]}, 20, 5000)
    async with stage(policy(checks=(check,))) as it:
        it.executor.watch(Watch("web", True))
        await until(lambda: CheckFinished("web", 0, True, "", check) in it.inbox, "it passes")
        sick.touch()
        await until(lambda: CheckFinished("web", 0, False, "/bin/sh: exit 1: ill", check) in it.inbox, "it fails")
        it.executor.watch(Watch("web", False))
        count, deadline = len(it.inbox), time.monotonic() + 0.2
        while time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert len(it.inbox) == count


async def test_the_sweep_takes_down_in_reverse_what_is_not_certainly_down(tmp_path: Path) -> None:
    up = write_script(tmp_path, 'echo "up $1" >> $log; [ $1 = status ] || exit 0', "up")
    down = write_script(tmp_path, 'echo "down $1" >> $log; [ $1 != status ] || exit 3', "down")
    old = write_script(tmp_path, 'echo "old $1" >> $log; [ $1 = stop ] || exit 64', "old")
    async with stage(policy(script(up), script(down), script(old))) as it:
        lines = await it.executor.sweep()
    assert (tmp_path / "log").read_text().splitlines() == ["old status", "old stop", "down status", "up status", "up stop"]
    assert len(lines) == 2
    assert "up at the start" in lines[1]


async def test_what_is_up_and_stays_up_keeps_us_from_starting(tmp_path: Path) -> None:
    stuck = write_script(tmp_path, "[ $1 = status ]")
    async with stage(policy(script(stuck))) as it:
        with pytest.raises(StillUp, match="by hand"):
            await it.executor.sweep()


async def test_what_nobody_can_tell_is_said_and_no_more(tmp_path: Path) -> None:
    async with stage(policy(script(str(tmp_path / "absent")))) as it:
        (line,) = await it.executor.sweep()
    assert "cannot be told" in line


def test_the_sweep_removes_addresses_of_an_earlier_life(lan: Lan) -> None:
    four, six = "10.77.0.110/24", "fd77::110/64"
    for text in (four, six):
        in_namespace(lan.one, "ip", "address", "add", text, "dev", "eth0")

    async def work() -> list[str]:
        async with stage(policy(address(four), address(six))) as it:
            return await it.executor.sweep()

    assert len(inside(lan.one, work)) == 2
    assert not {ip(four), ip(six)} & lan.ips(lan.one)


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


def both(ticket: int, word: str, last_word: LastWord | None = None) -> Run:
    return Run(ticket, "web", (1, 0) if word == "down" else (0, 1), word, 7, "a test", last_word)


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
            assert not it.executor._keeper._held
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
            it.executor._keeper._keep = lambda held: looks.append(ip(stays) in lan.ips(lan.one))
            it.executor.run(run(2, "down", 1))
            await it.finished(2)
            await it.executor._workshop.netlink.table.settled()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            in_namespace(lan.one, "ip", "address", "del", stays, "dev", "eth0")
            await until(lambda: looks, "it is looked at")

    inside(lan.one, work)
    assert looks == [False], "the look came when it was gone, and not before"


OLD_MAC = "02:00:00:00:00:01"
"""What a client remembers, until an owner announces."""


def service_card(lan: Lan) -> None:
    """A second interface of node one, on the same switch."""
    sh("ip", "-n", lan.switch, "link", "add", "p9", "type", "veth", "peer", "svc0", "netns", lan.one)
    in_namespace(lan.switch, "ip", "link", "set", "p9", "master", "br0", "up")


def remember_wrongly(lan: Lan, address: str) -> None:
    in_namespace(lan.client, "ip", "neigh", "replace", address, "lladdr", OLD_MAC, "dev", "eth0", "nud", "reachable")


@contextlib.asynccontextmanager
async def watched(it: Stage, *interfaces: str) -> AsyncIterator[None]:
    """As in `faild`: what the carrier watch sees, the executor is told."""

    def seen(change: CarrierChanged) -> None:
        it.inbox.append(change)
        it.executor.carrier_changed(change)

    watch = CarrierWatch(interfaces, seen, lambda: read_clocks().mono_ms)
    await watch.start()
    try:
        yield
    finally:
        await watch.close()


@pytest.mark.parametrize("ip", ["10.77.0.116", "fd77::116"])
def test_a_held_address_is_announced_again_when_the_carrier_is_back(lan: Lan, ip: str) -> None:
    """The switch has forgotten its port, and a client that asked meanwhile has no answer."""
    text = f"{ip}/{24 if '.' in ip else 64}"

    async def work() -> None:
        async with stage(policy(address(text))) as it, watched(it, "eth0"):
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.switch, "ip", "link", "set", "p1", "down")
            remember_wrongly(lan, ip)
            await until(lambda: CarrierChanged("eth0", False) in it.inbox, "the loss is seen")
            it.executor._workshop.announcer.hush("eth0", ip_interface(text))  # else a repeat of the first one may tell it
            in_namespace(lan.switch, "ip", "link", "set", "p1", "up")
            await until(lambda: lan.neighbour(lan.client, ip) == lan.mac(lan.one), "it is announced")
            assert it.executor.troubles == []
            it.executor.run(run(2, "down"))
            await it.finished(2)

    inside(lan.one, work)


@pytest.mark.parametrize("ip", ["10.77.0.118", "fd77::118"])
def test_a_held_address_is_announced_again_when_asked(lan: Lan, ip: str) -> None:
    """Another node may have announced it in a split: a neighbour knows that one's hardware address."""
    text = f"{ip}/{24 if '.' in ip else 64}"

    async def work() -> None:
        async with stage(policy(address(text))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            it.executor._workshop.announcer.hush("eth0", ip_interface(text))  # else a repeat of the first one may tell it
            remember_wrongly(lan, ip)
            it.executor.announce("web")
            await until(lambda: lan.neighbour(lan.client, ip) == lan.mac(lan.one), "it is announced")
            it.executor.run(run(2, "down"))
            await it.finished(2)

    inside(lan.one, work)


def test_an_address_whose_interface_is_made_anew_is_put_back_and_announced_and_is_an_alarm_until_then(lan: Lan) -> None:
    """A new interface has a new hardware address, and at first it is switched off: no neighbour can be told."""
    ip, rung = "10.77.0.117", list[str]()

    async def work() -> None:
        async with stage(policy(address(f"{ip}/24", "svc0"))) as it, watched(it, "svc0"):
            it.executor._keeper._alarmed = lambda: rung.append("")
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "del", "svc0")
            await until(lambda: it.executor.troubles, "the trouble is told")
            ((_, gone),) = it.executor.troubles
            lost = "that faild did not remove is gone and cannot be put back: 10.77.0.117/24 on svc0"
            assert f"{lost}: there is no interface svc0" in gone
            assert rung
            service_card(lan)
            await until(lambda: ip in lan.ips(lan.one, "svc0"), "it is put back")
            unheard = "web: 10.77.0.117/24 on svc0 cannot be announced: Network is down"
            await until(lambda: it.executor.troubles == [("web", unheard)], "no neighbour hears of it")
            remember_wrongly(lan, ip)
            in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
            mac = in_namespace(lan.one, "ip", "-brief", "link", "show", "svc0").split()[2]
            await until(lambda: lan.neighbour(lan.client, ip) == mac, "it is announced")
            await until(lambda: not it.executor.troubles, "the alarm is over")
            it.executor.run(run(2, "down"))
            await it.finished(2)

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")


def test_what_could_not_be_put_back_is_no_alarm_when_it_is_let_go_of(lan: Lan) -> None:
    async def work() -> None:
        async with stage(policy(address("10.77.0.118/24", "svc0"))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "del", "svc0")
            await until(lambda: it.executor.troubles, "it cannot be put back")
            it.executor.run(run(2, "down"))
            await it.finished(2)
            assert it.executor.troubles == []

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)


def test_a_reclaim_of_which_nobody_hears_is_announced_when_it_can_be(lan: Lan) -> None:
    """The address stays held, and is seen to further on."""
    ip = "10.77.0.119"

    async def work() -> None:
        async with stage(policy(address(f"{ip}/24", "svc0"))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "set", "svc0", "down")
            it.executor.run(run(2, "reclaim"))
            assert (await it.finished(2)).outcome is Outcome.FAILED
            await until(lambda: it.executor.troubles, "no neighbour hears of it")
            remember_wrongly(lan, ip)
            in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
            mac = in_namespace(lan.one, "ip", "-brief", "link", "show", "svc0").split()[2]
            await until(lambda: lan.neighbour(lan.client, ip) == mac, "it is announced")
            it.executor.run(run(3, "down"))
            await it.finished(3)

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")


def _count(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_what_carries_our_tag_and_is_not_configured_goes_at_the_start(lan: Lan) -> None:
    """State was lost, and the address changed meanwhile: nothing else would ever take the old one away."""
    old = ["10.77.0.160/24", "10.77.0.161/32", "fd77::160/64"]

    async def work() -> list[str]:
        async with stage(policy(*map(address, old))) as it:
            it.executor.run(Run(1, "web", (0, 1, 2), "up", 7, "a test"))
            await it.step(1)
        async with stage(policy(address("10.77.0.170/24"))) as it:
            return await it.executor.sweep()

    lines = inside(lan.one, work)
    assert len(lines) == 3
    assert all("belongs to no service of this configuration" in line for line in lines)
    assert not set(map(ip, old)) & lan.ips(lan.one)


def test_a_start_that_would_take_the_hosts_own_address_is_refused(lan: Lan) -> None:
    async def work() -> None:
        async with stage(policy(address("10.77.0.1/24"))) as it:
            with pytest.raises(StillUp, match=r"10\.77\.0\.1/24 on eth0 is this host's own"):
                await it.executor.sweep()

    inside(lan.one, work)
    assert "10.77.0.1/24" in lan.addresses(lan.one)


@pytest.mark.parametrize("promote", ["0", "1"])
def test_the_hosts_own_address_stays_its_first_and_its_source_when_the_interface_is_flushed(lan: Lan, promote: str) -> None:
    """A network service restarts: everything goes, ours is put back first, and then the host gets its own again."""
    texts = ["10.95.0.100/24", "10.95.0.101/24"]

    def lines() -> list[str]:
        return in_namespace(lan.one, "ip", "-o", "-4", "address", "show", "dev", "svc0").splitlines()

    def source() -> str:
        words = in_namespace(lan.one, "ip", "route", "get", "10.95.0.7").split()
        return words[words.index("src") + 1]

    async def work() -> None:
        async with stage(policy(*(address(text, "svc0") for text in texts))) as it:
            in_namespace(lan.one, "ip", "address", "add", "10.95.0.1/24", "dev", "svc0")
            it.executor.run(both(1, "up"))
            await it.step(1)
            assert {"10.95.0.1/24", *texts} == set(lan.addresses(lan.one, "svc0")) - {lan.addresses(lan.one, "svc0")[-1]}
            in_namespace(lan.one, "ip", "-4", "address", "flush", "dev", "svc0")
            await until(lambda: len(lines()) == 2, "they are put back")
            in_namespace(lan.one, "ip", "address", "add", "10.95.0.1/24", "dev", "svc0")
            assert source() == "10.95.0.1"
            wanted = ["10.95.0.1/24", *texts]
            await until(lambda: [line.split()[3] for line in lines()] == wanted, "the host's own is the first")
            assert "secondary" not in lines()[0]
            assert all("secondary" in line for line in lines()[1:])
            in_namespace(lan.one, "ip", "address", "del", "10.95.0.1/24", "dev", "svc0")
            await until(lambda: len(lines()) == 2 and all("scope link" in line for line in lines()), "none is a source")
            it.executor.run(both(2, "down"))
            await it.step(2)
            assert not lines()

    service_card(lan)
    in_namespace(lan.one, "sysctl", "-qw", f"net.ipv4.conf.svc0.promote_secondaries={promote}")
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")


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
