"""Fixtures for tests with real nodes. Where no namespaces can be made the tests are skipped, loudly; under CI=true they fail.

def test_...(lab):          two nodes, configured, nothing started yet
def test_...(cluster):      the same two, started, the master serving, client and bystander asking
def test_...(make_lab):     make_lab("lukretia", "genesis", witnesses=["umpire"])
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.event import Event
from tools.lab.lab import Lab
from tools.lab.measure import Measure
from tools.lab.place import has_packet_filter, reason_against

MakeLab = Callable[..., Lab]
MASTER, SLAVE = "lukretia", "genesis"
A_WHILE_QUESTIONS = 750
"""So many answered questions of the client (of 500 a second) are the time in which a wrong move would have come."""


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Ask for this where a test makes namespaces itself."""
    left_out(reason_against())


@pytest.fixture(scope="session")
def packet_filter() -> None:
    """Ask for this where a switch is to drop something: one direction of a link, or a share of all frames."""
    left_out(None if has_packet_filter() else "nft is not installed; apt install nftables")


def left_out(reason: str | None) -> None:
    """With a reason, what was asked for is not tested here: said loudly at the end, and under CI=true a failure."""
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"NOT TESTED: {reason}")
    pytest.skip(f"NOT TESTED: {reason}")


@pytest.fixture
def make_lab(namespaces: None, tmp_path: Path) -> Iterator[MakeLab]:
    """Builds laboratories that end with the test."""
    with ExitStack() as stack:
        yield lambda *nodes, **more: stack.enter_context(Lab(nodes, folder=tmp_path, **more))


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    """Two nodes on two links with one service of both addresses; configured, not started."""
    lab = make_lab(MASTER, SLAVE)
    lab.init()
    return lab


class Cluster:
    """A laboratory that runs, with what the tests ask of it again and again: facts, never times."""

    def __init__(self, lab: Lab):
        self.lab = lab
        lab.prober.start()
        lab.asker.start()
        lab.start()
        self.until_serves(MASTER)
        self.mark = lab.feeds.mark()
        self.began_ns = time.monotonic_ns()

    def until_serves(self, name: str) -> None:
        """Until this node alone answers the client on both addresses, and both nodes say that it owns the service."""
        Measure(self.lab).until_answered_by(name, 30)
        asked = [node.name for node in self.lab.nodes.values() if node.pid is not None]
        self.lab.wait_until(lambda: all(self._is_up(name, one) for one in asked), f"{asked} say that {name} is UP", 30)

    def _is_up(self, name: str, asked: str) -> bool:
        service = self.lab.service(asked)
        return bool(service["owners"] == [name] and service["states"][name] == "UP")

    def for_a_while(self, name: str = MASTER) -> None:
        """Until the client was answered by this node so often that whatever should not happen would have happened."""
        began_ns, mac = time.monotonic_ns(), self.lab.nodes[name].mac

        def enough() -> bool:
            answers = self.lab.prober.answers(began_ns)
            return sum(a.asked_ns >= began_ns and a.mac == mac and a.family == 4 for a in answers) >= A_WHILE_QUESTIONS

        self.lab.wait_until(enough, f"{name} answers the client for a while", 30)

    def events(self, kind: str, node: str | None = None) -> list[Event]:
        """What was written since the cluster stood."""
        return self.lab.feeds.since(self.mark, kind, node)

    def until_written(self, kind: str, node: str) -> Event:
        self.lab.wait_until(lambda: self.events(kind, node), f"{node} writes {kind}", 30)
        return self.events(kind, node)[0]

    def claimants(self) -> list[str]:
        """Who claimed or reclaimed since the cluster stood, in order."""
        self.lab.feeds.fresh()
        return [event.node for event in self.lab.feeds.seen[self.mark :] if event.kind in ("claim", "reclaim")]

    def two_owners_ms(self) -> dict[int, float]:
        """By family, what the bystander saw since the cluster stood."""
        seen = Measure(self.lab).seen(since_ns=self.began_ns)
        return {family: of.two_owners_ms for family, of in seen.items()}

    def holds_address(self, name: str) -> bool:
        shown = self.lab.nodes[name].running.run("ip", "-brief", "addr", "show", "dev", "eth0")
        return "10.77.0.100/" in shown or "fd77::100/" in shown

    def is_sound(self) -> None:
        """Every node holds every feed, the auditor finds nothing, and every node's copy tells one story. What is written
        between two questions makes two answers, and is in both copies at the next."""
        self.lab.wait_until(self.lab.feeds.same_everywhere, "every node holds every feed", 20)
        states = [str(node.state) for node in self.lab.nodes.values()]
        assert json.loads(self.lab.audit("verify", *states, "--json"))["findings"] == []
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.lab.wait_until(lambda: self._agree("who", states, now), "every copy answers `who` alike", 20)
        self.lab.wait_until(lambda: self._agree("why", states, now), "every copy answers `why` alike", 20)

    def _agree(self, question: str, states: list[str], at: str) -> bool:
        return len({self.lab.audit(question, "web", state, "--at", at, "--json") for state in states}) == 1


@pytest.fixture
def cluster(lab: Lab) -> Cluster:
    return Cluster(lab)
