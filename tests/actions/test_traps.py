"""Notifications as Debian's snmptrapd receives and prints them."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actions.trap import read_secret
from coordinator.alarms.board import Alarm, Key
from coordinator.alarms.names import AlarmName
from coordinator.core.inputs import Input
from coordinator.daemon.traps import Traps, engine_id
from coordinator.policy import ActionPolicy, Policy, ServicePolicy, Timing, TrapPolicy
from coordinator.services.executor import Executor
from tests.actions.lab import until
from tests.actions.test_script import Ledger
from tools.lab.pytest_plugin import left_out

AUTH, PRIV = "a long password", "another password"
MIBS = Path(__file__).parents[2] / "packaging" / "mibs"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def policy(port: int, secret: Path | None, *versions: str) -> Policy:
    kinds = {
        "2c": TrapPolicy("127.0.0.1", port, "2c", {"community": "public"}),
        "3": TrapPolicy(
            "127.0.0.1", port, "3", {"user": "failover", "auth": "sha256", "priv": "aes128", "secret_file": str(secret)}
        ),
    }
    web = ServicePolicy("web", ("one",), (ActionPolicy("notify", {"path": "/bin/true"}),))
    return Policy("demo", bytes(32), Timing(), {}, {"web": web}, traps=tuple(kinds[version] for version in versions))


class Receiver:
    def __init__(self, folder: Path, engine: bytes) -> None:
        self.port, self._folder = free_port(), folder
        (folder / "snmptrapd.conf").write_text(
            "disableAuthorization no\nauthCommunity log public\nauthUser log failover priv\n"
            f'createUser -e 0x{engine.hex()} failover SHA-256 "{AUTH}" AES "{PRIV}"\n'
            r'format2 %V|%P|%v\n' "\n"
        )
        environment = {"SNMP_PERSISTENT_DIR": str(folder / "kept"), "TMPDIR": str(folder), "PATH": os.environ["PATH"]}
        words = ["snmptrapd", "-f", "-n", "-Lo", "-On", "-m", "", "-C", "-c", str(folder / "snmptrapd.conf")]
        self._out = open(folder / "received", "wb")  # noqa: SIM115  closed with the process
        self.process = subprocess.Popen(
            [*words, f"udp:127.0.0.1:{self.port}"], stdout=self._out, stderr=subprocess.STDOUT, env=environment
        )

    def text(self) -> str:
        return (self._folder / "received").read_text(errors="replace")

    def states(self, version: str) -> list[int]:
        """The states received so far, by the protocol that brought them ("TRAP2" and who said it)."""
        lines = [line for line in self.text().splitlines() if ".1.3.6.1.4.1.32473.1291.0.1" in line and version in line]
        return [int(re.findall(r"1291\.1\.4\.0 = INTEGER: (\d+)", line)[0]) for line in lines]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._out.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    left_out(None if shutil.which("snmptrapd") else "snmptrapd is not installed; apt install snmptrapd")
    receiver = Receiver(tmp_path, engine_id(policy(1, None), "one"))
    yield receiver
    receiver.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{AUTH}\n{PRIV}\n")
    path.chmod(0o600)
    return path


@contextlib.asynccontextmanager
async def running(policy: Policy, state: Path):  # type: ignore[no-untyped-def]
    traps = Traps("one", policy, state)
    await traps.start()
    try:
        yield traps
    finally:
        await traps.close()


async def test_every_change_of_state_reaches_both_receivers(receiver: Receiver, secret: Path, tmp_path: Path) -> None:
    """Through the executor, as the daemon tells it; version 3 authenticated and encrypted."""
    it = policy(receiver.port, secret, "2c", "3")
    inbox: list[Input] = []
    async with running(it, tmp_path / "state") as traps:
        executor = Executor("one", it, inbox.append, Ledger(), traps.tell)
        await executor.start()
        for state, epoch in (("RECOVER", 0), ("STARTING", 7), ("UP", 7)):
            executor.changed("web", state, epoch, "lukretia is dead")
        await until(lambda: len(receiver.states("TRAP2")) == 6, f"six notifications: {receiver.text()}", 20)
        await executor.close()
    assert receiver.states("community public") == [1, 2, 3]
    assert receiver.states("user failover") == [1, 2, 3]
    assert receiver.states("user failover, context ") == [1, 2, 3]
    for name, value in (("1", '"demo"'), ("2", '"web"'), ("3", '"one"'), ("5", "Counter64: 7"), ("6", '"lukretia is dead"')):
        assert re.search(rf"1291\.1\.{name}\.0 = [^|]*{value}", receiver.text().splitlines()[-1]), receiver.text()


async def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(receiver: Receiver, secret: Path, tmp_path: Path) -> None:
    it = policy(receiver.port, secret, "2c", "3")
    alarm = Alarm(Key(AlarmName.STUCK, "web", "two"), "a down action of web failed on two", 0)
    async with running(it, tmp_path / "state") as traps:
        for begins in (True, False):
            traps.alarmed(alarm, begins)
        found = "1291.0.[23]"
        await until(lambda: len(re.findall(found, receiver.text())) == 4, f"four notifications: {receiver.text()}", 20)
    begins, ends = [line for line in receiver.text().splitlines() if "1291.0." in line and "community" in line]
    assert "1291.0.2" in begins
    assert "1291.0.3" in ends
    says = (("1", '"demo"'), ("2", '"web"'), ("3", '"one"'), ("7", '"stuck"'), ("8", '"two"'), ("9", '"a down action'))
    for line in (begins, ends):
        for name, value in says:
            assert re.search(rf"1291\.1\.{name}\.0 = [^|]*{value}", line), line


async def test_nothing_of_version_3_leaves_in_clear(receiver: Receiver, secret: Path, tmp_path: Path) -> None:
    """Two receivers at two ports: each is told once, in its own way."""
    other = free_port()
    it = policy(receiver.port, secret, "3")
    clear = TrapPolicy("127.0.0.1", other, "2c", {"community": "elsewhere"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", other))
        listener.setblocking(False)
        both = Policy("demo", bytes(32), Timing(), {}, it.services, traps=(*it.traps, clear))
        async with running(both, tmp_path / "state") as traps:
            for state in ("STARTING", "UP"):
                traps.tell("web", state, 7, "a test")
            await until(lambda: receiver.states("user failover") == [2, 3], "the private one has both", 20)
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(listener.recv(2000))
    assert len(heard) == 2
    assert all(b"elsewhere" in data for data in heard)
    assert "community" not in receiver.text()


async def test_a_receiver_still_believes_us_after_a_restart(receiver: Receiver, secret: Path, tmp_path: Path) -> None:
    """The engine counts its restarts on disk: a receiver drops everything from one that seems to go back in time."""
    it = policy(receiver.port, secret, "3")
    for round_ in (1, 2):
        async with running(it, tmp_path / "state") as traps:
            traps.tell("web", "UP", round_, "a test")
            await until(lambda count=round_: len(receiver.states("user failover")) == count, "it is received", 20)
    boots = [int(path.read_text()) for path in (tmp_path / "state").glob("snmp/__pysnmp/*/boots")]
    assert len(boots) == 1
    assert boots[0] >= 2
    assert (tmp_path / "state" / "snmp").stat().st_mode & 0o777 == 0o700


async def test_a_sender_that_dies_is_started_again(receiver: Receiver, tmp_path: Path) -> None:
    async with running(policy(receiver.port, None, "2c"), tmp_path / "state") as traps:
        first = traps._process.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: traps._process and traps._process.pid != first, "another one runs")
        traps.tell("web", "FAIL", 7, "a test")
        await until(lambda: receiver.states("community public") == [6], "it is received", 20)


async def test_without_receivers_nothing_runs(tmp_path: Path) -> None:
    async with running(policy(1, None), tmp_path / "state") as traps:
        traps.tell("web", "UP", 7, "a test")
        assert traps._process is None
    assert not (tmp_path / "state").exists()


async def test_the_sender_keeps_no_capability(receiver: Receiver, tmp_path: Path) -> None:
    async with running(policy(receiver.port, None, "2c"), tmp_path / "state") as traps:
        status = Path(f"/proc/{traps._process.pid}/status")
        await until(lambda: re.search(r"^CapEff:\s+0+$", status.read_text(), re.M), "it has given them up", 20)
        assert re.search(r"^CapPrm:\s+0+$", status.read_text(), re.M)


def test_a_secret_file_needs_passwords_of_eight_letters(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("one long enough\n\n")
    assert read_secret(path) == ("one long enough", "one long enough")
    for text in ("", "short\n", "one long enough\nshort\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="8 letters"):
            read_secret(path)


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Path]:
    """The hosts file of this process and its children, in a mount namespace of their own."""
    left_out(None if os.geteuid() == 0 else "only root may give a process a hosts file of its own; run the tests as root")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    return hosts


async def test_a_receiver_without_a_name_is_asked_for_again_and_is_an_alarm_until_then(
    receiver: Receiver, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power failure the name server comes back later than the nodes."""
    wrapped = tmp_path / "python"
    wrapped.write_text(
        f'#!/bin/sh\nexec unshare --mount sh -c \'mount --bind {names} /etc/hosts && exec "$@"\' sh {sys.executable} "$@"\n'
    )
    wrapped.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapped))
    trap = TrapPolicy("netwatcher.invalid", receiver.port, "2c", {"community": "public"})
    it = Policy("demo", bytes(32), Timing(), {}, policy(receiver.port, None).services, traps=(trap,))
    said: list[str] = []
    traps = Traps("one", it, tmp_path / "state", said.append)
    await traps.start()
    try:
        await until(lambda: said, "it says that one is not told", 30)
        assert f"netwatcher.invalid:{receiver.port}" in said[0]
        names.write_text("127.0.0.1 localhost netwatcher.invalid\n")
        await until(lambda: said[-1] == "", "all are told", 60)
        traps.tell("web", "UP", 7, "a test")
        await until(lambda: receiver.states("community public") == [3], "it is received", 20)
    finally:
        await traps.close()
