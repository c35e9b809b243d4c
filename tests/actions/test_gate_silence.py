"""A holder whose processes do not run falls silent by its lease's end: real processes, and a client that asks in every way.

Asserted is no duration of ours: the kernel must not answer a question that was asked after the lease's end.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.actions.lab import Lan, in_namespace, inside, until
from tests.actions.questions import KINDS, Questions, now_ms

ROOT = Path(__file__).parents[2]
TIMES = int(os.environ.get("TIMES", "5"))
"""TIMES=20 for the figure of docs/leases.md; each round takes a second."""
EVERY_MS, LEASE_MS = 30, 200
TICK_MS = 10
"""Of the slowest kernel, 100 Hz."""

WATCHED_MS = 60
"""How long after the lease's end the client goes on asking, some twenty questions of each kind."""

pytestmark = pytest.mark.usefixtures("packet_filter")


class Holder:
    """The process, and what it has said."""

    def __init__(self, lan: Lan, folder: Path, *more: str) -> None:
        words = [sys.executable, "-m", "tests.actions.gate_holder", str(folder), str(EVERY_MS), str(LEASE_MS), *more]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lan.one, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )  # `ip netns exec` becomes the program: the number is its own
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._rest = b""
        self.said: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    def hear(self) -> list[dict[str, Any]]:
        """Everything that it has said so far."""
        assert self.process.stdout is not None
        while data := self.process.stdout.read():
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.said += map(json.loads, lines)
        return self.said

    def last(self, what: str) -> Any:
        return next((said[what] for said in reversed(self.hear()) if what in said), None)

    def tell(self, order: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order)
        self.process.stdin.flush()

    def stands_still(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()[0] == "T"

    def close(self) -> None:
        for pid in {self.pid, self.last("guard") or self.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def holder(lan: Lan, tmp_path: Path) -> Iterator[Callable[..., Holder]]:
    with contextlib.ExitStack() as stack:
        stack.callback(clean, lan)

        def start(*more: str) -> Holder:
            begun = Holder(lan, tmp_path, *more)
            stack.callback(begun.close)
            return begun

        yield start


def clean(lan: Lan) -> None:
    for words in ("table inet failover", "table arp failover"):
        subprocess.run(["ip", "netns", "exec", lan.one, "nft", "delete", *words.split()], capture_output=True)
    for address in ("10.77.0.100/24", "fd77::100/64"):
        subprocess.run(["ip", "netns", "exec", lan.one, "ip", "address", "del", address, "dev", "eth0"], capture_output=True)


class Client:
    """Asks without end, in the client's namespace."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions

    async def until(self, truth: Callable[[], Any], what: str) -> Any:
        """Ask, until it holds."""

        def asked() -> Any:
            self.questions.ask()
            self.questions.read()
            return truth()

        return await until(asked, what)

    async def until_answered(self) -> None:
        """In every way, by what is asked from now on."""
        self.questions.forget()
        since_ms = now_ms()
        await self.until(lambda: min(self.questions.last().values()) > since_ms, f"answers to all of {KINDS}")

    async def until_silent(self, it: "Holder") -> None:
        """It is stopped now, at whatever it does."""
        os.kill(it.pid, signal.SIGSTOP)
        await self.until(it.stands_still, "it stands still")
        await self.silent_from(it.last("ends_ms"))

    async def silent_from(self, ends_ms: float) -> None:
        """No question that is asked later than this is answered."""
        await self.until(lambda: now_ms() > ends_ms + TICK_MS + WATCHED_MS, "a while after the lease's end")
        self.questions.read()
        late = {kind: round(asked - ends_ms, 1) for kind, asked in self.questions.last().items() if asked > ends_ms + TICK_MS}
        assert late == {}, f"answered although asked so many ms after the lease's end: {late}"


def with_client(lan: Lan, round: Callable[[Client], Awaitable[None]], times: int = TIMES) -> None:
    holder_mac = bytes.fromhex(lan.mac(lan.one).replace(":", ""))

    async def asking() -> None:
        questions = Questions("eth0", holder_mac, "10.77.0.100", "fd77::100")
        try:
            for _ in range(times):
                await round(Client(questions))
        finally:
            questions.close()

    inside(lan.client, asking)


def test_a_stopped_holder_falls_silent_by_its_leases_end_and_reopens_nothing(lan: Lan, holder: Callable[..., Holder]) -> None:
    """SIGSTOP at any moment. Woken, it refreshes what has run out: that is refused, until the core says `open`."""
    it = holder()

    async def round(client: Client) -> None:
        await client.until_answered()
        await client.until_silent(it)
        asleep = len(it.hear())
        os.kill(it.pid, signal.SIGCONT)
        await client.until(lambda: {"refreshed": "LAPSED"} in it.hear()[asleep:], "its refresh is refused")
        woken_ms = now_ms()
        await client.until(lambda: len(it.hear()) > asleep + 6, "it goes on refreshing")
        assert max(client.questions.last().values()) < woken_ms, "a refresh has reopened the gate"
        it.tell(b"open\n")

    with_client(lan, round)


def test_a_holder_that_is_killed_with_its_guard_falls_silent_by_its_leases_end(lan: Lan, holder: Callable[..., Holder]) -> None:
    """Nothing of ours is left that could take the address down, and it is still there. Then another life finds the table."""

    async def round(client: Client) -> None:
        it = holder("guarded")
        guard = await client.until(lambda: it.last("guard"), "it holds, and has a guard")
        await client.until_answered()
        for name in (signal.SIGSTOP, signal.SIGKILL):  # neither sees the other end
            os.kill(guard, name)
            os.kill(it.pid, name)
        await client.until(lambda: it.process.poll() is not None, "it is gone")
        await client.silent_from(it.last("ends_ms"))
        assert {"10.77.0.100", "fd77::100"} <= lan.ips(lan.one), "the guard has acted after all"
        assert "gated4" in in_namespace(lan.one, "nft", "list", "table", "inet", "failover")

    with_client(lan, round)


def test_a_starved_holder_falls_silent_by_the_lease_of_its_last_tick(lan: Lan, holder: Callable[..., Holder]) -> None:
    """It gets the processor for some milliseconds now and then, as in a control group without quota. Whenever it has not run
    for a lease, nothing answers, also where it is stopped in the middle of what it does."""
    it = holder()

    async def round(client: Client) -> None:
        if it.last("opened") is None:
            await client.until_answered()
        await client.until_silent(it)
        heard = len(it.hear())
        os.kill(it.pid, signal.SIGCONT)
        if heard % 2:
            it.tell(b"open\n")
        await client.until(lambda: len(it.hear()) > heard, "it runs for a moment")

    with_client(lan, round)
    assert {"refreshed": "LAPSED"} in it.hear()


def test_it_answers_as_long_as_it_is_refreshed(lan: Lan, holder: Callable[..., Holder]) -> None:
    """Over many leases no question of a client goes unanswered for the length of one."""
    it = holder()

    async def work(client: Client) -> None:
        await client.until_answered()
        said = len(it.hear())
        begin_ms = now_ms()
        await client.until(lambda: len(it.hear()) > said + 60, "sixty ticks")
        if any("refreshed" in words for words in it.said[said:]):
            return  # this machine stood still for a lease: then the gate had to shut
        for kind, asked in client.questions.answered.items():
            after = [begin_ms, *asked, now_ms()]
            gap = max(later - earlier for earlier, later in pairwise(after))
            assert gap < LEASE_MS, f"{kind}: no answer for {gap:.0f} ms"

    with_client(lan, work, times=1)
