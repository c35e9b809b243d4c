"""The link to the guard: one that dies, stands still or does not confirm is replaced, and told everything again."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from actions.guard import programs
from actions.guard.leases import boottime_ms
from coordinator.core.effects import Renew
from coordinator.core.inputs import GuardChanged, Guarded, Input
from coordinator.guarding.guard_link import AGAIN_S, GuardLink
from coordinator.guarding.guard_process import GuardProcess
from coordinator.guarding.state_lock import StateBusy, StateLock
from coordinator.policy import ActionPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.transport.ack_timeout import TURN_S, TURNS
from protocol.invariant import InvariantBroken
from protocol.messages import LastWord, Verified
from tests.actions.guard.killed import FOUR, Peer, address, script, wait_for
from tests.actions.lab import Lan, ip, until
from tests.actions.test_script import alive, write_script


def link_alone(folder: Path) -> tuple[GuardLink, list[Input]]:
    """A link of this process, without peers, and what it posts."""
    inbox: list[Input] = []
    nodes = {"one": NodePolicy("one", bytes(32), {})}
    return GuardLink("one", Policy("demo", bytes(32), Timing(), nodes, {}), folder, inbox.append), inbox


def hold(link: GuardLink, service: ServicePolicy) -> None:
    word = LastWord(bytes(32), "one", bytes(8), service.name, 7)
    link.hold(Verified(word, word.encode(), bytes(64)), service)


async def test_a_guard_that_does_not_confirm_is_replaced(tmp_path: Path) -> None:
    """It stands still: nothing tells that it is not there, and a claim would wait for it for ever."""
    link, inbox = link_alone(tmp_path)
    await link.start()
    first = link.pid
    assert first > 1
    try:
        os.kill(first, signal.SIGSTOP)
        hold(link, ServicePolicy("web", ("one",)))
        await until(lambda: len(inbox) == 4, "a new guard has confirmed")
        assert inbox == [GuardChanged(True), GuardChanged(False), GuardChanged(True), Guarded("web", 7)]
        assert link.pid != first
        assert not alive(first)
    finally:
        link.release("web", 7)
        await link.close()


async def test_a_guard_is_not_blamed_for_the_time_in_which_we_stood_still(tmp_path: Path) -> None:
    """A machine that was frozen freezes both; the answer of the guard comes after we look at the clock again."""
    link, inbox = link_alone(tmp_path)
    await link.start()
    first = link.pid
    try:
        os.kill(first, signal.SIGSTOP)
        hold(link, ServicePolicy("web", ("one",)))
        stand_still(2 * TURN_S * TURNS)
        asyncio.get_running_loop().call_soon(os.kill, first, signal.SIGCONT)
        await until(lambda: len(inbox) == 2, "it has confirmed")
        assert inbox == [GuardChanged(True), Guarded("web", 7)]
        assert link.pid == first
    finally:
        link.release("web", 7)
        await link.close()


async def test_what_is_longer_than_the_socket_takes_at_once_is_said_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty scripts with a long PATH, and more such services: together many times the socket's buffer."""
    monkeypatch.setenv("PATH", ":".join(["/usr/bin"] * 500))
    scripts = tuple(ActionPolicy("script", {"path": f"/bin/script-{number}"}, 20_000) for number in range(60))
    names = [f"web-{number}" for number in range(5)]
    link, inbox = link_alone(tmp_path)
    await link.start()
    try:
        for name in names:
            hold(link, ServicePolicy(name, ("one",), scripts))
        await until(lambda: len(inbox) > len(names), "all are confirmed")
        assert inbox == [GuardChanged(True), *(Guarded(name, 7) for name in names)]
    finally:
        for name in names:
            link.release(name, 7)
        await link.close()


async def test_a_guard_that_stands_still_at_the_end_does_not_keep_the_state_folder(tmp_path: Path) -> None:
    """It holds nothing any more; with its lock the next faild would wait for two minutes."""
    link, inbox = link_alone(tmp_path)
    await link.start()
    pid = link.pid
    hold(link, ServicePolicy("web", ("one",)))
    await until(lambda: len(inbox) == 2, "it has confirmed")
    os.kill(pid, signal.SIGSTOP)
    link.release("web", 7)
    await link.close()
    assert not alive(pid)
    (await StateLock.take(tmp_path, patience_s=0.0)).close()


def stand_still(seconds: float) -> None:
    """This process looks like a frozen one: its loop does not turn."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        pass


async def test_a_guard_that_dies_as_soon_as_it_is_told_is_started_ever_more_slowly(tmp_path: Path) -> None:
    """One after the other at once would take the processor from everything else."""
    link, inbox = link_alone(tmp_path)
    await link.start()
    begun = time.monotonic()
    try:
        for deaths in range(1, 4):
            os.kill(link.pid, signal.SIGKILL)
            await until(lambda deaths=deaths: inbox.count(GuardChanged(True)) == deaths + 1, "a new guard stands")
        assert time.monotonic() - begun >= sum(AGAIN_S[1:4])
    finally:
        await link.close()


async def test_a_guard_that_dies_in_the_moment_in_which_it_is_ready_is_replaced(tmp_path: Path) -> None:
    """faild stands still meanwhile, and then hears that it is ready and that it has ended in one turn."""
    link, inbox = link_alone(tmp_path)
    await link.start()
    try:
        os.kill(link.pid, signal.SIGKILL)
        await until(lambda: inbox[1:] == [GuardChanged(False)] and children(), "another is being started")
        (second,) = children()
        wait_for(lambda: programs.state_of(second) == "S" and comm(second) == "faild-guard", "it is ready")
        os.kill(second, signal.SIGKILL)
        wait_for(lambda: programs.state_of(second) == "Z", "it has ended")
        await until(lambda: GuardChanged(True) in inbox[1:], "a third stands")
        assert alive(link.pid)
        assert children() == [link.pid]
    finally:
        await link.close()


def comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children() -> list[int]:
    """The children of this very thread, which starts the guards; those that have not ended."""
    pids = map(int, Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())
    return [pid for pid in pids if programs.state_of(pid) not in ("", "Z") and "actions/guard" in cmdline(pid)]


def cmdline(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def test_a_new_guard_is_told_first_when_the_leases_end_that_were_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind any word `faild` may stand still: what is up, and of what the guard knows no end, would stay up."""
    said: list[dict[str, Any]] = []
    say = GuardProcess.say
    monkeypatch.setattr(GuardProcess, "say", lambda guard, message: (said.append(message), say(guard, message)))
    link, inbox = link_alone(tmp_path)
    await link.start()
    try:
        actions = (ActionPolicy("script", {"path": "/bin/true"}, 20_000),)
        for name, partition in (("db", "majority"), ("mail", "majority"), ("web", "serve")):
            hold(link, ServicePolicy(name, ("one",), actions, partition=partition))
        db_ms, mail_ms = boottime_ms() + 60_000, boottime_ms() + 90_000
        link.renew(Renew((("db", 7, db_ms), ("mail", 7, 5))))
        link.renew(Renew((("mail", 7, mail_ms),)))
        said.clear()
        os.kill(link.pid, signal.SIGKILL)
        await until(lambda: GuardChanged(True) in inbox[1:], "a new guard stands")
        assert [(word["say"], word.get("service", "")) for word in said[:4]] == [
            ("promised", ""), ("hold", "db"), ("hold", "mail"), ("hold", "web")
        ]  # fmt: skip
        assert [(told["service"], told["epoch"], told["ends_ms"]) for told in said[0]["leases"]] == [
            ("db", 7, db_ms), ("mail", 7, mail_ms)
        ]  # fmt: skip
    finally:
        for name in ("db", "mail", "web"):
            link.release(name, 7)
        await link.close()


def test_a_guard_that_dies_is_replaced_and_told_again(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    os.kill(it.guard(), signal.SIGKILL)
    assert it.hear("GuardChanged")["alive"] is False
    assert it.hear("GuardChanged")["alive"] is True
    assert len(it.guards - {0}) == 2
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert ip(FOUR) not in lan.ips(lan.one)


async def test_a_new_faild_waits_until_the_guard_has_done_its_work(lan: Lan, stand_in: Any, peer: Peer, tmp_path: Path) -> None:
    path = write_script(tmp_path, f"[ $1 = start ] || until [ -e {tmp_path}/go ]; do sleep 0.01; done; echo $1 >> $log")
    it = stand_in({"web": [script(path)]})
    it.hear("up")
    with pytest.raises(StateBusy, match="stop it first"):
        await StateLock.take(tmp_path)
    it.kill()
    it.process.wait()
    with pytest.raises(StateBusy, match="still works"):
        await StateLock.take(tmp_path, patience_s=0.05)
    taking = asyncio.create_task(StateLock.take(tmp_path))
    (tmp_path / "go").touch()
    (await taking).close()
    assert (tmp_path / "log").read_text().split() == ["start", "stop"]


async def test_a_program_begins_once_and_before_it_has_a_group(tmp_path: Path) -> None:
    """A guard that is told otherwise would leave a program of ours running, or end another's."""
    link, _ = link_alone(tmp_path)
    with pytest.raises(InvariantBroken, match="program 7 has a group before"):
        link.group("7", 4711)
    link.began("7")
    with pytest.raises(InvariantBroken, match="program 7 begins, and has begun"):
        link.began("7")


async def test_the_guard_is_started_once_and_told_only_our_own_last_words(tmp_path: Path) -> None:
    link, _ = link_alone(tmp_path)
    await link.start()
    try:
        with pytest.raises(InvariantBroken, match="started once"):
            await link.start()
        word = LastWord(bytes(32), "another", bytes(8), "web", 7)
        with pytest.raises(InvariantBroken, match="the guard of one is told a last word of another"):
            link.hold(Verified(word, word.encode(), bytes(64)), ServicePolicy("web", ("one",), ()))
    finally:
        await link.close()
