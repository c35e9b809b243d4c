"""The executor with real programs: the order of what it is told, outcomes, checks, words."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from actions.action import Order
from actions.process import Exited, Programs
from coordinator.core.effects import Cut, Run, Watch
from coordinator.core.inputs import CheckFinished, Outcome
from coordinator.policy import CheckPolicy
from coordinator.services.check_runs import CheckRounds
from protocol.messages import LastWord
from tests.actions.lab import until
from tests.actions.stage import notify, policy, run, script, stage
from tests.actions.test_script import Ledger, write_script


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


async def test_a_down_has_a_limit_of_its_own(tmp_path: Path) -> None:
    body = "case $1 in start) sleep 0.4;; stop) sleep 30;; status) exit 0;; esac"
    slow = dataclasses.replace(script(write_script(tmp_path, body), 60_000), down_timeout_ms=200)
    async with stage(policy(slow)) as it:
        it.executor.run(run(1, "up"))
        assert (await it.finished(1)).outcome is Outcome.DONE
        it.executor.run(run(2, "down"))
        late = await it.finished(2)
        assert (late.outcome, "no end after 200 ms" in late.text) == (Outcome.FAILED, True), late


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


async def test_checks_of_one_interval_do_not_all_run_at_once() -> None:
    """`jitter` spreads them: a hundred checks of one server in the same millisecond are a load of their own."""

    class Clocked(Programs):
        async def run(self, argv: Sequence[str], environment: Mapping[str, str], given: bytes = b"") -> Exited:
            begun_s.append(time.monotonic())
            return Exited(0, "", b"")

    begun_s: list[float] = []
    found: list[CheckFinished] = []
    check = CheckPolicy("exec", {"argv": ["/usr/local/bin/ask"]}, 60_000, 5000, jitter_ms=1000)
    ours = policy(checks=(check,) * 30).services["web"]
    rounds = CheckRounds(ours, Order("web", "one", 7, "check"), Clocked(Ledger()), found.append)
    await until(lambda: len(found) == 30, "each has run")
    await rounds.close()
    assert max(begun_s) - min(begun_s) > 0.3


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
