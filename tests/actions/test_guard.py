"""The guard, with a stand-in for faild that is really killed: addresses in a namespace, scripts, last words on the wire."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actions import guard
from actions.process import kill_group
from coordinator.core.inputs import GuardChanged, Guarded, Input
from coordinator.guarding.guard_link import AGAIN_S, GuardLink
from coordinator.guarding.state_lock import StateBusy, StateLock
from coordinator.policy import ActionPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.transport.ack_timeout import TURN_S, TURNS
from protocol.bodies import read_signed
from protocol.datagram import check_outside, last_word_body
from protocol.messages import LastWord, Verified
from tests.actions.lab import Lan, enter, in_namespace, ip, until
from tests.actions.test_script import alive, write_script

FOUR, SIX = "10.77.0.120/24", "fd77::120/64"
ROOT = Path(__file__).parents[2]


def wait_for(truth: Any, what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := truth()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.001)
    return found


RIGHTS = "+net_admin,+net_raw,+kill"
UNPRIVILEGED = ("setpriv", "--securebits=+noroot", f"--inh-caps={RIGHTS}", f"--ambient-caps={RIGHTS}")
"""With `noroot` the kernel gives user 0 no more than any other: capabilities come by inheritance only."""


class StandIn:
    """The process, and what it says."""

    def __init__(self, namespace: str, folder: Path, prefix: tuple[str, ...] = (), **plan: Any) -> None:
        self.folder = folder
        (folder / "plan.json").write_text(json.dumps(plan))
        words = ["ip", "netns", "exec", namespace, *prefix, sys.executable, "-m", "tests.actions.stand_in", str(folder)]
        self.errors = open(folder / "errors", "a+")  # noqa: SIM115  closed with the process
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.guards: set[int] = set()

    def hear(self, what: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            self.guards.add(told.get("guard") or 0)
            if told["what"] == what:
                return told
        raise AssertionError(f"it ended before it said {what}: {(self.folder / 'errors').read_text()}")

    def guard(self) -> int:
        """Its process id, once all is up: never 0, which would mean ourselves in a kill."""
        pid = int(self.hear("up")["guard"])
        assert pid > 1
        return pid

    def kill(self) -> float:
        """kill -9; the time just before."""
        at = time.monotonic()
        self.process.kill()
        return at

    def guard_ended(self) -> None:
        for pid in self.guards - {0}:
            wait_for(lambda pid=pid: not alive(pid), "the guard has ended")

    def complaints(self) -> str:
        return (self.folder / "errors").read_text()

    def close(self) -> None:
        for pid in (self.guards - {0}) if self.process.poll() is None else set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()
        self.errors.close()


class Peer:
    """Where the last words of `one` arrive, in the namespace `two`: one socket on IPv4 and one on IPv6."""

    def __init__(self, lan: Lan) -> None:
        self.four, self.six = self._in(lan, socket.AF_INET, "10.77.0.2"), self._in(lan, socket.AF_INET6, "fd77::2")
        self.links = {"lan": self.four.getsockname()[:2], "direct": self.six.getsockname()[:2]}

    def _in(self, lan: Lan, family: int, host: str) -> socket.socket:
        made: list[socket.socket] = []

        def make() -> None:
            enter(lan.two)
            made.append(socket.socket(family, socket.SOCK_DGRAM))
            made[0].bind((host, 0))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def word(self, listener: socket.socket) -> LastWord:
        listener.settimeout(10)
        data = listener.recv(2000)
        assert not check_outside(data)
        return LastWord.decode(read_signed(last_word_body(data))[0])

    def silent(self) -> bool:
        """Nothing has arrived so far."""
        for listener in (self.four, self.six):
            listener.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                listener.recv(2000)
                return False
        return True

    def close(self) -> None:
        self.four.close()
        self.six.close()


@pytest.fixture
def peer(lan: Lan) -> Iterator[Peer]:
    peer = Peer(lan)
    yield peer
    peer.close()


@pytest.fixture
def stand_in(lan: Lan, peer: Peer, tmp_path: Path) -> Iterator[Any]:
    made: list[StandIn] = []

    def make(services: dict[str, list[Any]], **more: Any) -> StandIn:
        nodes = {"one": {"lan": ("10.77.0.1", 1291), "direct": ("fd77::1", 1291)}, "two": peer.links}
        made.append(StandIn(lan.one, tmp_path, me="one", nodes=nodes, services=services, **more))
        return made[-1]

    yield make
    for it in made:
        it.close()
    for address in (FOUR, SIX):
        subprocess.run(["ip", "-n", lan.one, "address", "del", address, "dev", "eth0"], capture_output=True)


def address(text: str) -> list[Any]:
    return ["address", {"address": text, "interface": "eth0"}, 20_000]


def script(path: str, timeout_ms: int = 20_000) -> list[Any]:
    return ["script", {"path": path}, timeout_ms]


def test_a_killed_faild_leaves_nothing_and_the_peers_hear_it(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    """Two addresses and a script: all down, in reverse order, and the last word on both links."""
    count = "ip -o address show dev eth0 | grep -c .120"
    path = write_script(tmp_path, f'echo "$1 $FAILOVER_EPOCH $FAILOVER_REASON $({count})" >> $log')
    it = stand_in({"web": [address(FOUR), address(SIX), script(path)]})
    it.hear("up")
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one)
    it.kill()
    for listener in (peer.four, peer.six):
        word = peer.word(listener)
        assert (word.node, word.service, word.epoch) == ("one", "web", 7)
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one)
    assert (tmp_path / "log").read_text().splitlines()[-1] == "stop 7 faild has ended 2"
    it.guard_ended()


@pytest.fixture
def renamed(lan: Lan) -> Iterator[Any]:
    """Gives the interface another name, and its own back at the end."""
    in_namespace(lan.one, "ip", "link", "property", "add", "dev", "eth0", "altname", "first0")
    yield lambda: in_namespace(lan.one, "ip", "link", "set", "dev", "first0", "name", "ethX")
    in_namespace(lan.one, "ip", "link", "set", "dev", "first0", "name", "eth0")
    in_namespace(lan.one, "ip", "link", "property", "del", "dev", "eth0", "altname", "first0")


def test_an_address_goes_with_us_under_whatever_name_its_interface_has(
    lan: Lan, peer: Peer, stand_in: Any, renamed: Any
) -> None:
    it = stand_in({"web": [address(FOUR), address(SIX)]})
    it.hear("up")
    it.process.send_signal(signal.SIGSTOP)
    renamed()
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one, "ethX")
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one, "ethX")
    it.guard_ended()


def test_an_address_that_is_here_a_second_time_goes_too_but_not_from_lo(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """With another prefix on the same interface, with any on another; on `lo` it is there on purpose."""
    four, six = FOUR.replace("/24", "/32"), SIX.replace("/64", "/128")
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")
    try:
        it = stand_in({"web": [address(FOUR), address(SIX)]})
        it.hear("up")
        it.process.send_signal(signal.SIGSTOP)
        for text, interface in ((four, "eth0"), (four, "spare0"), (six, "spare0"), (four, "lo"), (six, "lo")):
            in_namespace(lan.one, "ip", "address", "add", text, "dev", interface)
        it.kill()
        assert peer.word(peer.four).service == "web"
        left = in_namespace(lan.one, "ip", "-o", "address").split()
        assert sorted(text for text in left if text in (FOUR, SIX, four, six)) == [four, six]
        assert {ip(four), ip(six)} <= lan.ips(lan.one, "lo")
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")
        for text in (four, six):
            in_namespace(lan.one, "ip", "address", "del", text, "dev", "lo")


def test_a_stop_that_fails_leaves_no_last_word(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    """Where something may still run, no peer must be told that it does not; all the rest goes all the same."""
    first = write_script(tmp_path, f"[ $1 != stop ] || touch {tmp_path}/stopped", "first")
    it = stand_in({"web": [address(FOUR), script(first), script(write_script(tmp_path, "[ $1 != stop ]"))]})
    it.hear("up")
    it.kill()
    it.guard_ended()
    assert (tmp_path / "stopped").exists()
    assert ip(FOUR) not in lan.ips(lan.one)
    assert peer.silent()
    assert "no last word" in it.complaints()


def test_a_stop_that_hangs_is_killed_and_leaves_no_last_word(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    path = write_script(tmp_path, f"[ $1 = stop ] || exit 0; echo $$ > {tmp_path}/pid; sleep 600")
    it = stand_in({"web": [address(FOUR), script(path, 300)]})
    it.hear("up")
    it.kill()
    it.guard_ended()
    assert peer.silent()
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())), "the script is killed")
    assert ip(FOUR) not in lan.ips(lan.one)


def test_one_service_does_not_wait_for_another(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    path = write_script(tmp_path, f"[ $1 = start ] || until [ -e {tmp_path}/go ]; do sleep 0.01; done")
    it = stand_in({"slow": [script(path)], "web": [address(FOUR)]})
    it.hear("up")
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert ip(FOUR) not in lan.ips(lan.one)
    (tmp_path / "go").touch()
    wait_for(lambda: peer.word(peer.four).service == "slow", "the slow one says its own")


def test_a_child_that_inherited_our_descriptors_does_not_hold_the_guard_up(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]}, leak=True)
    child = it.hear("child")["pid"]
    try:
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_thread_that_cannot_die_does_not_hold_the_guard_up(lan: Lan, stand_in: Any, peer: Peer) -> None:
    """The disk hangs under the log's thread while faild is killed: the process is not gone, but it decides nothing any more."""
    it = stand_in({"web": [address(FOUR)]}, half_dead=True)
    it.hear("up")
    assert peer.word(peer.four).service == "web"
    assert it.process.poll() is None
    assert ip(FOUR) not in lan.ips(lan.one)


def test_the_last_word_is_said_three_times_on_each_link(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.kill()
    words = [peer.word(listener) for listener in (peer.four, peer.six) for _ in range(3)]
    assert len(set(words)) == 1
    it.guard_ended()
    assert peer.silent()


def test_an_old_release_does_not_let_go_of_a_newer_claim() -> None:
    """The words cross: epoch 8 was claimed and told when the release of 7 was still on its way."""
    book = guard.Book()
    for epoch in (7, 8):
        assert book.hear({"say": "hold", "service": "web", "epoch": epoch}) == {"held": "web", "epoch": epoch}
    book.hear({"say": "release", "service": "web", "epoch": 7})
    assert book.held["web"]["epoch"] == 8
    book.hear({"say": "release", "service": "db", "epoch": 9})
    book.hear({"say": "release", "service": "web", "epoch": 8})
    assert not book.held


def test_what_was_said_just_before_the_end_still_counts() -> None:
    """faild released and was killed in the same moment: both are readable at once, and the release is heard first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        book = guard.Book()
        for message in (
            {"say": "hold", "service": "web", "epoch": 7},
            {"say": "began", "ticket": "0123-1"},
            {"say": "began", "ticket": "0123-2"},
            {"say": "ended", "ticket": "0123-1"},
            {"say": "release", "service": "web", "epoch": 7},
        ):
            ours.send(json.dumps(message).encode())
        ours.close()
        assert guard.listen(theirs, book) == "closed"
        assert (book.held, book.programs) == ({}, {"0123-2": None})


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


def test_a_message_in_pieces_counts_when_it_is_whole() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        book = guard.Book()
        ours.send(b'+{"say": "hold", "service": ')
        assert guard.listen(theirs, book) == ""
        assert not book.held
        ours.send(b'+"web", "epo')
        ours.send(b'ch": 7}')
        ours.send(b'{"say": "began", "ticket": "0123-1"}')
        assert guard.listen(theirs, book) == ""
        assert (book.held["web"]["epoch"], book.programs) == (7, {"0123-1": None})


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
        wait_for(lambda: guard.state_of(second) == "S" and comm(second) == "faild-guard", "it is ready")
        os.kill(second, signal.SIGKILL)
        wait_for(lambda: guard.state_of(second) == "Z", "it has ended")
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
    return [pid for pid in pids if guard.state_of(pid) not in ("", "Z") and "guard.py" in cmdline(pid)]


def cmdline(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_the_group_of_a_running_action_is_killed(lan: Lan, stand_in: Any, tmp_path: Path, peer: Peer) -> None:
    """Also its child: were it to go on, it could bring the service up again after it was taken down."""
    path = write_script(tmp_path, f"[ $1 = reclaim ] || exit 0; sleep 600 & echo $! > {tmp_path}/pid; wait")
    it = stand_in({"web": [script(path)]}, hang="web")
    it.hear("up")
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the action runs")
    it.kill()
    it.guard_ended()
    assert not alive(int((tmp_path / "pid").read_text()))


def test_after_a_release_there_is_nothing_to_take_down_and_nothing_to_say(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.process.communicate("release\n")
    it.guard_ended()
    assert ip(FOUR) in lan.ips(lan.one)
    assert peer.silent()


def test_a_faild_that_ends_while_it_holds_is_cleaned_up_after(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.process.communicate("end\n")
    assert peer.word(peer.four).epoch == 7
    assert ip(FOUR) not in lan.ips(lan.one)


def test_a_guard_that_dies_is_replaced_and_told_again(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    os.kill(it.guard(), signal.SIGKILL)
    assert it.hear("GuardChanged")["alive"] is False
    assert it.hear("GuardChanged")["alive"] is True
    assert len(it.guards - {0}) == 2
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert ip(FOUR) not in lan.ips(lan.one)


def test_a_stopped_faild_has_not_ended(lan: Lan, stand_in: Any, peer: Peer) -> None:
    """The guard is there for the end of faild; a node that is merely slow is judged by its peers."""
    it = stand_in({"web": [address(FOUR)]})
    pid = it.guard()
    it.process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        assert ip(FOUR) in lan.ips(lan.one)
    assert alive(pid)


def test_signals_to_everybody_do_not_end_the_guard_before_faild(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    pid = it.guard()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(pid, number)
    assert ip(FOUR) in lan.ips(lan.one)
    assert alive(pid)
    it.kill()
    assert peer.word(peer.four).service == "web"


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


def test_the_guard_is_small(lan: Lan, stand_in: Any, peer: Peer) -> None:
    pid = stand_in({"web": [address(FOUR)]}).guard()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own_kb = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private"))
    assert own_kb < 12_000
    assert Path(f"/proc/{pid}/comm").read_text().strip() == "faild-guard"
    assert os.getsid(pid) == pid


@pytest.fixture
def sleeper() -> Iterator[Any]:
    """Starts programs in groups of their own, and ends them. Tests of killing look only at these."""
    made: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        made.append(subprocess.Popen(["/bin/sleep", "600"], env=environment, start_new_session=True))
        wait_for(lambda: guard.environment_of(made[-1].pid), "its environment is there")
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def test_a_program_whose_number_never_reached_the_guard_is_found(sleeper: Any) -> None:
    """faild was killed between starting a script and telling its group: its ticket was told before."""
    lost, other = sleeper({"FAILOVER_TICKET": "0123456789ab-1"}), sleeper({"FAILOVER_TICKET": "0123456789ab-11"})
    assert guard.lost_groups({"0123456789ab-1"}) == {lost.pid}
    guard.kill_programs({"0123456789ab-1": None})
    assert lost.wait(10) == -signal.SIGKILL
    assert other.poll() is None


@pytest.mark.parametrize("ticket", ["", "a", "PATH", "0123456789ab", "89ab-1", "FAILOVER_TICKET=0123456789ab-1"])
def test_a_ticket_is_never_found_in_part_of_an_environment(sleeper: Any, ticket: str) -> None:
    """A guard that looked for a ticket as a part of anything has killed every process of a machine. Nothing is killed here."""
    sleeper({"FAILOVER_TICKET": "0123456789ab-1", "PATH": "/a", "OTHER": "a"})
    assert guard.lost_groups({ticket}) == set()


def test_a_group_number_that_is_somebody_elses_by_now_is_left_alone(sleeper: Any) -> None:
    ours, stranger = sleeper({"FAILOVER_TICKET": "0123456789ab-1"}), sleeper({"SOMEBODY": "else"})
    program = guard.Program(ours.pid)
    ours.kill()
    ours.wait()
    program.group = stranger.pid  # as if the kernel had given the number again
    guard.kill_programs({"0123456789ab-1": program})
    assert stranger.poll() is None


def test_a_program_that_cleared_its_environment_is_killed_all_the_same(sleeper: Any) -> None:
    process = sleeper({"NOTHING": "of ours"})
    guard.kill_programs({"0123456789ab-1": guard.Program(process.pid)})
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("group", [-1, 0, 1])
def test_no_number_that_means_everybody_is_ever_taken(group: int) -> None:
    with pytest.raises(ValueError, match="process group"):
        guard.Program(group)
    with pytest.raises(ValueError, match="process group"):
        kill_group(group)


def test_an_ordinary_user_with_two_capabilities_is_enough_and_scripts_get_none(
    lan: Lan, stand_in: Any, peer: Peer, tmp_path: Path
) -> None:
    """The unit gives net_admin and net_raw; a script of the service must not be able to reconfigure the network."""
    path = write_script(tmp_path, "grep CapEff /proc/self/status >> $log")
    it = stand_in({"web": [address(FOUR), address(SIX), script(path)]}, prefix=UNPRIVILEGED)
    pid = it.guard()
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one)
    assert (tmp_path / "log").read_text().split() == ["CapEff:", "0" * 16]
    assert int(re.findall(r"CapEff:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[0], 16) & 1 << 12
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one)
    assert (tmp_path / "log").read_text().split()[-1] == "0" * 16


def test_the_guard_takes_no_administrators_address_along(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """Ours was there first; with promote_secondaries = 0 the kernel removes what came after it in the same network."""
    in_namespace(lan.one, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=0")
    it = stand_in({"web": [address("10.94.0.120/24")]})
    it.hear("up")
    in_namespace(lan.one, "ip", "address", "add", "10.94.0.9/24", "dev", "eth0")
    try:
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert "10.94.0.120" not in lan.ips(lan.one)
        assert "10.94.0.9/24" in lan.addresses(lan.one)
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "address", "del", "10.94.0.9/24", "dev", "eth0")
        in_namespace(lan.one, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")


def test_a_link_local_address_of_two_interfaces_goes_from_both(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """It is another address on each: a service may have it on both."""
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "veth", "peer", "spare1")
    for name in ("spare0", "spare1"):
        in_namespace(lan.one, "ip", "link", "set", name, "up")
    try:
        both = [["address", {"address": "fe80::77/64", "interface": name}, 20_000] for name in ("eth0", "spare0")]
        it = stand_in({"web": both})
        it.hear("up")
        assert all("fe80::77" in lan.ips(lan.one, name) for name in ("eth0", "spare0"))
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert not any("fe80::77" in lan.ips(lan.one, name) for name in ("eth0", "spare0"))
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")
