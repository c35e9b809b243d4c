"""Fence devices that are asked whether they would do: agents as real programs, and what becomes known of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from actions.process import Programs
from coordinator.policy import FencePolicy, NodePolicy, Policy, Timing
from coordinator.services import fence_watch
from coordinator.services.fence_watch import FenceWatch
from tests.actions.fence_agents import agent, alive, calls
from tests.actions.lab import until
from tests.actions.test_fencing import Unwatched

REFUSES = "echo 'no such user' >&2; exit 3"


class Watched:
    """A watch of lukretia, and what it has told of each node: the newest last."""

    def __init__(self, programs: Programs) -> None:
        self.told: list[tuple[str, str]] = []
        self.watch = FenceWatch("lukretia", lambda: programs, lambda node, text: self.told.append((node, text)))

    def begin(self, **programs: list[str]) -> None:
        self.watch.configure(policy(**programs))

    def wrong(self, node: str) -> str:
        return next((text for name, text in reversed(self.told) if name == node), "")

    async def aclose(self) -> None:
        await self.watch.close()


def policy(**programs: list[str]) -> Policy:
    """Node to the agents of its levels."""
    levels = {
        node: tuple(FencePolicy(path, ({"plug": "1"},), timeout_ms=10_000, monitor_ms=50) for path in paths)
        for node, paths in programs.items()
    }
    nodes = {name: NodePolicy(name, bytes(32), {}, fence=found) for name, found in levels.items()}
    return Policy("demo", bytes(32), Timing(), {"lukretia": NodePolicy("lukretia", bytes(32), {}), **nodes}, {})


@pytest_asyncio.fixture
async def it(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(fence_watch, "APART_S", 0.0)
    programs = Programs(Unwatched())
    async with aclosing(Watched(programs)) as watched:  # type: ignore[type-var]
        yield watched
    programs.close()


def asked(folder: Path, word: str, times: int = 1) -> Callable[[], bool]:
    return lambda: calls(folder).count(word) >= times


async def test_each_device_of_each_level_is_asked_again_and_again_and_nothing_is_switched(it: Watched, tmp_path: Path) -> None:
    one, two = agent(tmp_path, "fence_one").program, agent(tmp_path, "fence_two").program
    it.begin(genesis=[one, two], carthage=[two])
    await until(
        lambda: asked(tmp_path, "fence_one monitor", 3)() and asked(tmp_path, "fence_two monitor", 6)(), "all are asked"
    )
    assert {line.split()[1] for line in calls(tmp_path)} == {"monitor"}
    assert [it.watch.found(node).ok for node in ("genesis", "carthage")] == [True, True]
    assert it.watch.found("lukretia") is None, "no node asks after what switches itself off"
    assert not [text for _, text in it.told if text]


async def test_a_broken_device_is_told_with_the_agents_last_words_and_over_when_it_answers_again(
    it: Watched, tmp_path: Path
) -> None:
    one, two = agent(tmp_path, "fence_one"), agent(tmp_path, "fence_two", monitor=REFUSES, status=REFUSES)
    it.begin(genesis=[one.program, two.program])
    await until(lambda: it.wrong("genesis"), "it is told")
    assert it.wrong("genesis") == "level 2 (fence_two): exit 3, the device refuses the login: no such user"
    found = it.watch.found("genesis")
    assert found is not None
    assert (found.ok, found.text, found.asked_ms is not None) == (False, it.wrong("genesis"), True)
    agent(tmp_path, "fence_two")
    so_often = sum(line.startswith("fence_two monitor") for line in calls(tmp_path))
    await until(asked(tmp_path, "fence_two monitor", so_often + 3), "it has answered since, and was asked again")
    assert not it.wrong("genesis"), "it is over"
    assert it.watch.found("genesis").ok, "and shown"


async def test_it_is_told_once_and_not_at_every_look(it: Watched, tmp_path: Path) -> None:
    it.begin(genesis=[agent(tmp_path, "fence_one", monitor=REFUSES, status=REFUSES).program])
    await until(asked(tmp_path, "fence_one monitor", 4), "it is asked again and again")
    assert len([text for _, text in it.told if text]) == 1


async def test_an_agent_that_does_not_know_monitor_is_asked_for_its_status(it: Watched, tmp_path: Path) -> None:
    it.begin(genesis=[agent(tmp_path, "fence_one", monitor="echo 'no such action'; exit 1").program])
    await until(asked(tmp_path, "fence_one status", 2), "it is asked for its status")
    await until(lambda: it.watch.found("genesis").ok, "that will do")
    assert not it.wrong("genesis")


async def test_an_agent_that_is_not_there_is_broken(it: Watched, tmp_path: Path) -> None:
    it.begin(genesis=[str(tmp_path / "fence_gone")])
    await until(lambda: it.wrong("genesis"), "it is told")
    assert it.wrong("genesis") == f"level 1 (fence_gone): there is no {tmp_path}/fence_gone"


async def test_an_agent_that_hangs_is_broken_and_holds_others_up_for_its_time_only(it: Watched, tmp_path: Path) -> None:
    slow, one = agent(tmp_path, "fence_slow", monitor="sleep 600", status="sleep 600"), agent(tmp_path, "fence_one")
    hanging = FencePolicy(slow.program, ({"plug": "1"},), timeout_ms=200, monitor_ms=50)
    known = policy(genesis=[], carthage=[one.program])
    nodes = {**known.nodes, "genesis": NodePolicy("genesis", bytes(32), {}, fence=(hanging,))}
    it.watch.configure(Policy("demo", bytes(32), Timing(), nodes, {}))
    await until(lambda: it.wrong("genesis"), "it is told")
    assert it.wrong("genesis") == "level 1 (fence_slow): no end after 200 ms, and it was killed"
    await until(lambda: it.watch.found("carthage").ok, "the other is asked")


async def test_one_device_is_asked_at_a_time(it: Watched, tmp_path: Path) -> None:
    """A board that manages power takes one login at a time."""
    look = f'mkdir "{tmp_path}/busy" || touch "{tmp_path}/met"; sleep 0.05; rmdir "{tmp_path}/busy"'
    one, two = (agent(tmp_path, name, monitor=look).program for name in ("fence_one", "fence_two"))
    it.begin(genesis=[one, two], carthage=[one, two])
    await until(asked(tmp_path, "fence_two monitor", 4), "all are asked")
    assert not (tmp_path / "met").exists()


async def test_while_a_node_is_fenced_its_devices_are_asked_nothing(it: Watched, tmp_path: Path) -> None:
    """What is being asked is ended: the fencing would wait for the device, and the service for the fencing."""
    pid = tmp_path / "pid"
    it.begin(genesis=[agent(tmp_path, "fence_one", monitor=f'echo $$ > "{pid}"; exec sleep 600').program])
    await until(lambda: pid.exists() and pid.read_text().strip(), "its device is being asked")
    it.watch.stand_aside("genesis")
    await until(lambda: not alive(int(pid.read_text())), "the agent is ended")
    agent(tmp_path, "fence_one")
    before = len(calls(tmp_path))
    it.begin(genesis=[str(tmp_path / "fence_one")], carthage=[agent(tmp_path, "fence_two").program])
    await until(asked(tmp_path, "fence_two monitor", 3), "others are asked")
    assert calls(tmp_path)[before:].count("fence_one monitor") == 0
    it.watch.come_back("genesis")
    await until(lambda: "fence_one monitor" in calls(tmp_path)[before:], "it is asked again")


async def test_a_node_that_is_configured_away_leaves_no_alarm_behind(it: Watched, tmp_path: Path) -> None:
    it.begin(genesis=[agent(tmp_path, "fence_one", monitor=REFUSES, status=REFUSES).program])
    await until(lambda: it.wrong("genesis"), "it is told")
    it.begin(genesis=[])
    assert (it.wrong("genesis"), it.watch.found("genesis")) == ("", None)


async def test_a_secret_that_cannot_be_read_is_told(it: Watched, tmp_path: Path) -> None:
    """It was there at the start, and another file is applied when it is not."""
    device = {"plug": "1", "password_file": str(tmp_path / "gone.pw")}
    nodes = {"genesis": NodePolicy("genesis", bytes(32), {}, fence=(FencePolicy("/bin/true", (device,)),))}
    it.watch.configure(Policy("demo", bytes(32), Timing(), nodes, {}))
    assert "its secret cannot be read: [Errno 2] No such file" in it.wrong("genesis")


async def test_no_node_asks_after_what_switches_itself_off(it: Watched, tmp_path: Path) -> None:
    """It reads no secret of its own devices, and will never run them."""
    one, two = agent(tmp_path, "fence_one").program, agent(tmp_path, "fence_two").program
    it.begin(lukretia=[one], genesis=[two])
    await until(asked(tmp_path, "fence_two monitor", 3), "the other's device is asked")
    assert "fence_one monitor" not in calls(tmp_path)
    assert it.watch.found("lukretia") is None
