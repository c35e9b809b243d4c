"""The action and the check `ocf`: agents of Debian's resource-agents with what they start, and agents that misbehave."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actions.action import Ending, Order, Result, Seen
from actions.checks import CHECKS
from actions.checks.kind import Check, Found
from actions.kinds import ACTIONS
from actions.kinds.kind import Odd
from actions.ocf.action import AgentAction
from actions.ocf.agent import ROOT, Agent
from actions.process import LINE_BYTES_MAX, Programs
from actions.run_action import look, perform
from coordinator.config.here import _Machine
from protocol.stored.table import Table
from tests.actions.checks.servers import CONFIGURATION, NGINX, accepts, free_port
from tests.actions.guard.conftest import peer, stand_in  # noqa: F401  the same fixtures
from tests.actions.guard.killed import Peer, wait_for
from tests.actions.lab import Lan, until
from tests.actions.test_script import Ledger, alive
from tools.lab.pytest_plugin import left_out

ORDER = Order("web", "one", 7, "a test")
PROVIDERS = Path(ROOT) / "resource.d"

META = """<resource-agent name="own"><parameters><parameter name="file" required="1"/></parameters><actions>
<action name="start" timeout="5"/><action name="stop" timeout="5s"/><action name="monitor" timeout="5s"/></actions>
</resource-agent>
"""


@pytest.fixture(autouse=True)
def agents() -> None:
    there = (PROVIDERS / "heartbeat" / "Dummy").exists() and os.geteuid() == 0
    left_out(None if there else "resource-agents is not installed, or this is not root; sh packaging/programs.sh")


@pytest.fixture
def own() -> Iterator[Callable[..., str]]:
    """Writes an agent of the test's own, a shell script; its name."""
    provider = f"failover-test-{os.getpid()}"
    folder = PROVIDERS / provider
    folder.mkdir()

    def write(text: str, kind: str = "own") -> str:
        (folder / kind).write_text(f"#!/bin/sh\n{text}\n")
        (folder / kind).chmod(0o755)
        return f"{provider}:{kind}"

    yield write
    shutil.rmtree(folder)


@pytest.fixture
async def programs() -> AsyncIterator[Programs]:
    made = Programs(Ledger())
    yield made
    made.close()


Told = Callable[..., Any]


async def told(programs: Programs, name: str, params: dict[str, str], *words: str, timeout_s: float = 60) -> list[Result]:
    action = AgentAction(Agent(name, tuple(params.items())), programs)
    return [await perform(action, word, ORDER, timeout_s) for word in words]


async def endings(programs: Programs, name: str, params: dict[str, str], *words: str) -> list[Ending]:
    return [result.ending for result in await told(programs, name, params, *words)]


async def seen(programs: Programs, name: str, params: dict[str, str]) -> Seen:
    return await look(AgentAction(Agent(name, tuple(params.items())), programs), ORDER)


def check_of(programs: Programs, name: str, params: dict[str, str]) -> Check:
    kind = CHECKS["ocf"]
    return kind.make(kind.read(Table({"ocf": name, "params": params})), programs)


async def test_the_agent_of_nginx_starts_it_watches_it_and_stops_it(programs: Programs, tmp_path: Path) -> None:
    left_out(None if NGINX else "nginx is not installed; sh packaging/programs.sh")
    port, file = free_port(), tmp_path / "nginx.conf"
    text = CONFIGURATION.format(folder=tmp_path, servers=f"server {{ listen 127.0.0.1:{port}; return 200; }}")
    file.write_text("\n".join(f"{part};" for part in text.replace("daemon off;", "").split(";", 4)[:4]) + text.split(";", 5)[5])
    params = {"configfile": str(file)}
    assert await seen(programs, "heartbeat:nginx", params) is Seen.DOWN
    assert await endings(programs, "heartbeat:nginx", params, "up", "up") == [Ending.DONE] * 2
    assert accepts(port)
    assert await seen(programs, "heartbeat:nginx", params) is Seen.UP
    check = check_of(programs, "heartbeat:nginx", params)
    assert await check.run(ORDER.environment(), 60) == Found(True)
    assert await endings(programs, "heartbeat:nginx", params, "down", "down") == [Ending.DONE] * 2
    assert not accepts(port)
    assert (await check.run(ORDER.environment(), 60)).text.startswith("heartbeat:nginx monitor: exit 7 (not running)")
    await check.close()


async def test_two_of_one_agent_in_a_service_are_told_apart(programs: Programs, tmp_path: Path) -> None:
    one, two = ({"target": "/dev/null", "link": str(tmp_path / name)} for name in ("one", "two"))
    assert await endings(programs, "heartbeat:symlink", one, "up") == [Ending.DONE]
    assert [await seen(programs, "heartbeat:symlink", link) for link in (one, two)] == [Seen.UP, Seen.DOWN]
    assert (tmp_path / "one").is_symlink()
    assert await endings(programs, "heartbeat:symlink", one, "down") == [Ending.DONE]
    dummies = [Agent("heartbeat:Dummy", (("fake", fake),)) for fake in ("one", "two")]
    actions = [AgentAction(agent, programs) for agent in dummies]
    assert (await perform(actions[0], "up", ORDER, 60)).ending is Ending.DONE
    assert [await look(action, ORDER) for action in actions] == [Seen.UP, Seen.DOWN]
    assert (await perform(actions[0], "down", ORDER, 60)).ending is Ending.DONE


@pytest.mark.parametrize(
    ("code", "monitor", "up", "down", "said"),
    [
        (1, 7, Ending.FAILED, Ending.DONE, "exit 1 (an error)"),
        (3, 7, Ending.FAILED, Ending.DONE, "exit 3 (it does not know that word)"),
        (5, 5, Ending.FAILED, Ending.DONE, "exit 5 (a program that it needs is not installed)"),
        (7, 7, Ending.FAILED, Ending.DONE, "exit 7 (not running)"),
        (1, 0, Ending.UNKNOWN, Ending.FAILED, "its monitor says that it runs"),
        (1, 190, Ending.UNKNOWN, Ending.FAILED, "its monitor says that it runs"),
        (6, 6, Ending.UNKNOWN, Ending.UNKNOWN, "neither that it runs nor that it does not"),
        (200, 200, Ending.UNKNOWN, Ending.UNKNOWN, "exit 200 (which agents do not have)"),
        (0, 7, Ending.DONE, Ending.DONE, ""),
    ],
)
async def test_every_exit_code_of_start_and_stop_is_weighed_with_its_monitor(
    programs: Programs, own: Callable[..., str], code: int, monitor: int, up: Ending, down: Ending, said: str
) -> None:
    name = own(f"case $1 in monitor) exit {monitor};; *) exit {code};; esac")
    results = await told(programs, name, {}, "up", "down")
    assert [result.ending for result in results] == [up, down]
    assert all(said in result.text for result in results)


@pytest.mark.parametrize(
    ("code", "found"),
    [(0, Seen.UP), (8, Seen.UP), (190, Seen.UP), (191, Seen.UP), (5, Seen.DOWN), (7, Seen.DOWN)]
    + [(code, Seen.UNKNOWN) for code in (1, 2, 3, 4, 6, 9, 200)],
)
async def test_a_probe_believes_only_what_is_certain(
    programs: Programs, own: Callable[..., str], code: int, found: Seen
) -> None:
    name = own(f"exit {code}")
    assert await seen(programs, name, {}) is found
    assert (await check_of(programs, name, {}).run({}, 60)).passed is (found is Seen.UP)


async def test_it_is_told_its_parameters_and_what_it_is(programs: Programs, own: Callable[..., str], tmp_path: Path) -> None:
    name = own(f'env > {tmp_path}/env; [ "$1" = start ]')
    assert await endings(programs, name, {"file": "a b"}, "up") == [Ending.DONE]
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert told["OCF_RESKEY_file"] == "a b"
    assert (told["OCF_ROOT"], told["OCF_RESOURCE_TYPE"], told["FAILOVER_SERVICE"]) == (ROOT, "own", "web")
    assert told["OCF_RESOURCE_INSTANCE"].startswith(f"web-{name.replace(':', '-')}-")


async def test_an_agent_that_hangs_is_ended_with_its_children_and_its_monitor_decides(
    programs: Programs, own: Callable[..., str], tmp_path: Path
) -> None:
    name = own(f"[ $1 = start ] || exit 7; sleep 600 & echo $! > {tmp_path}/pid; wait")
    (up,) = await told(programs, name, {}, "up", timeout_s=0.5)
    assert (up.ending, up.text) == (Ending.FAILED, "up: no end after 500 ms; a probe finds it down")
    await until(lambda: not alive(int((tmp_path / "pid").read_text())), "its child is gone")


async def test_one_that_prints_megabytes_and_leaves_a_daemon_is_done_when_it_ends(
    programs: Programs, own: Callable[..., str], tmp_path: Path
) -> None:
    name = own(f"head -c 8000000 /dev/zero | tr '\\0' x; setsid sleep 600 & echo $! > {tmp_path}/pid; echo; echo last")
    (up,) = await told(programs, name, {}, "up")
    assert up.ending is Ending.DONE
    assert 0 < len(up.text) <= LINE_BYTES_MAX
    os.kill(int((tmp_path / "pid").read_text()), 9)


async def test_a_missing_agent_has_certainly_not_started(programs: Programs) -> None:
    up, down = await told(programs, "heartbeat:nobody", {}, "up", "down")
    assert up.ending is not Ending.DONE
    assert down.ending is not Ending.DONE


def lacking(name: str, timeout: int = 600_000, **params: str) -> list[Odd]:
    return list(ACTIONS["ocf"].lacking({"ocf": name, "params": params, "timeout": timeout}, _Machine()))


def test_of_debians_agents_the_meta_data_is_asked_before_anything_runs() -> None:
    assert lacking("heartbeat:IPaddr2", ip="10.77.0.5") == []
    assert [odd.what for odd in lacking("heartbeat:IPaddr2")] == ["heartbeat:IPaddr2 needs ip"]
    (odd,) = lacking("heartbeat:Dummy", fack="x")
    assert (odd.key, odd.what) == ("params", "heartbeat:Dummy has no parameter fack")
    assert "fake" in odd.instead
    (odd,) = lacking("heartbeat:nginx", timeout=20_000)
    assert odd.key == "timeout"
    assert odd.what.startswith("heartbeat:nginx may take ")
    assert odd.instead.startswith('Write timeout = "')
    (odd,) = lacking("heartbeat:nobody")
    assert odd.what == f"there is no {ROOT}/resource.d/heartbeat/nobody"


@pytest.mark.parametrize("name", ["heartbeat:Stateful", "heartbeat:pgsql", "heartbeat:redis"])
def test_a_promotable_agent_is_refused_with_a_sentence_and_its_monitor_may_be_asked(name: str) -> None:
    said = [odd.what for odd in lacking(name)]
    assert f"{name} is promotable: it has two roles, and a service here is up or down" in said
    check = CHECKS["ocf"].lacking({"ocf": name, "params": {}, "timeout": 1000}, _Machine())
    assert not [odd for odd in check if "promotable" in odd.what]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "has no meta-data: it ends with 3"),
        ("exit 200", "has no meta-data: it ends with 200"),
        ("echo hello", "has no meta-data that can be read: syntax error"),
        ("cat /dev/zero", "prints more than 1048576 bytes when it is asked for its meta-data"),
        ("echo '<resource-agent/>'", "does not know start and stop and monitor, by its meta-data"),
    ],
)
def test_an_agent_that_cannot_be_asked_is_refused(own: Callable[..., str], text: str, said: str) -> None:
    name = own(text)
    (odd,) = lacking(name)
    assert odd.what == f"{ROOT}/resource.d/{name.replace(':', '/')} {said}" or said in odd.what


def test_what_an_agent_leaves_behind_when_it_is_asked_is_killed(own: Callable[..., str], tmp_path: Path) -> None:
    name = own(f"sleep 600 >/dev/null & echo $! > {tmp_path}/pid; cat <<.\n{META}.")
    assert [odd.what for odd in lacking(name)] == [f"{name} needs file"]
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())), "its child is gone")


def test_the_guard_stops_it_after_kill_9_and_says_the_last_word(
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    link = [["target", "/dev/null"], ["link", str(tmp_path / "link")]]
    it = stand_in({"web": [["ocf", {"ocf": "heartbeat:symlink", "params": link}, 20_000]]})
    it.hear("up")
    assert (tmp_path / "link").is_symlink()
    it.kill()
    assert peer.word(peer.four).service == "web", it.complaints()
    assert not (tmp_path / "link").is_symlink()
    it.guard_ended()


def test_the_guard_says_nothing_where_an_agent_does_not_stop(
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    own: Callable[..., str],
) -> None:
    name = own('[ "$1" != stop ]')
    it = stand_in({"web": [["ocf", {"ocf": name, "params": []}, 20_000]]})
    it.hear("up")
    it.kill()
    it.guard_ended()
    assert peer.silent()
    assert "not everything is down here" in it.complaints()
