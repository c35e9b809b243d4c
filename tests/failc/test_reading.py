"""`failc status`, `links`, `timings`, `watch` against a real control server: what they print, and how they end."""

import asyncio
import json
import os
import pty
import signal

import pytest

from tests.control.cluster import Cluster
from tests.failc.running import ROOT, failc, started


async def test_status_as_json_and_for_people(lukretia):
    done = await failc("status", "--json", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.json["services"]["web"]["owner"] == "lukretia"
    people = await failc("status", "--state", lukretia)
    assert "\x1b" not in people.out, "no colours without a terminal"
    lines = people.out.splitlines()
    assert lines[2].split() == ["SERVICE", "OWNER", "EPOCH", "lukretia", "genesis"]
    assert lines[3].split() == ["web", "lukretia", "1", "UP", "RECOVER"]
    assert any(line.startswith("web: lukretia is UP") for line in lines)
    assert any(line.split() == ["genesis", "alive", "lan", "0.41", "ms,", "direct", "0.41", "ms"] for line in lines)


async def test_the_node_is_named_before_or_after_the_command_or_by_the_environment(cluster, lukretia):
    genesis = cluster.folder / "genesis"
    for words, env, node in [
        (["--state", lukretia, "status"], {}, "lukretia"),
        (["status", "--state", lukretia], {}, "lukretia"),
        (["status"], {"FAILC_STATE": str(genesis)}, "genesis"),
        (["status", "--state", lukretia], {"FAILC_STATE": str(genesis)}, "lukretia"),
        (["status", "--state", lukretia], {"FAILC_CONNECT": "http://nowhere.invalid"}, "lukretia"),
        (["status", "--connect", f"unix://{genesis}/control.sock"], {}, "genesis"),
        (["status"], {"FAILC_CONNECT": f"unix://{genesis}"}, "genesis"),
    ]:
        done = await failc(*words, "--json", **env)
        assert (done.code, done.json["node"] if not done.code else done.err) == (0, node)


async def test_a_node_that_is_not_there_is_3_with_words(tmp_path):
    for words, said in [
        (["--state", tmp_path], "no faild listens there; start faild, or name its state folder with --state"),
        (["--connect", "http://127.0.0.1:1"], "no faild listens there"),
    ]:
        done = await failc("status", *words)
        assert done.code == 3
        assert said in done.err
        assert done.err.count("\n") == 1


async def test_links_and_timings(lukretia):
    done = await failc("links", "--state", lukretia)
    assert done.out.splitlines()[1].split() == ["genesis", "lan", "up", "up", "0.41", "ms", "-"]
    assert {link["link"] for link in (await failc("links", "--json", "--state", lukretia)).json["links"]} == {"lan", "direct"}
    done = await failc("timings", "--state", lukretia)
    assert "silence until death: 10 heartbeats" in done.out
    assert (await failc("timings", "--json", "--state", lukretia)).json["dead_ms"] == 200


async def test_watch_goes_on_after_the_node_was_away(cluster, lukretia):
    """The stream breaks and comes back; every event is shown once."""
    seen = []
    server = cluster.nodes["lukretia"].server
    async with asyncio.timeout(20), started("watch", "--json", "--last", "0", "--state", lukretia) as process:
        while not server.streams:
            await asyncio.sleep(0.01)
        await failc("hold", "web", "--state", lukretia)
        while "hold" not in seen:
            seen.append((await _event(process))["kind"])
        await server.close()
        await server.start()
        await failc("unhold", "web", "--state", lukretia)
        while "unhold" not in seen:
            seen.append((await _event(process))["kind"])
    assert (seen.count("hold"), seen.count("unhold")) == (1, 1)


async def _event(process):
    return json.loads(await process.stdout.readline())


async def test_watch_in_a_terminal_draws_the_status_and_ends_on_ctrl_c(lukretia):
    leader, follower = pty.openpty()
    drawn = b""
    env = {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    async with asyncio.timeout(20), started("watch", "--state", lukretia, out=follower, **env) as process:
        os.close(follower)
        while b"web is up on lukretia" not in drawn or b"SERVICE" not in drawn:
            drawn += await asyncio.to_thread(os.read, leader, 65536)
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(_drain, leader)
        assert await process.wait() == 0
    os.close(leader)
    assert b"\x1b[" in drawn


INTO_A_FINALIZER = """
import io, signal
from tools.failc.asking import Node

class Dropped(io.RawIOBase):
    def close(self):
        signal.raise_signal(signal.SIGINT)

def get(node, route, get=Node.get):
    known = get(node, route)
    if "wait_ms" in route:
        Dropped()
    return known

Node.get = get
"""
"""Ctrl-C where Python forgets exceptions: at the end of a file object that is no longer held."""


async def test_a_ctrl_c_that_python_forgets_ends_watch_too(lukretia, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTO_A_FINALIZER)
    leader, follower = pty.openpty()
    env = {"TERM": "xterm", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    async with asyncio.timeout(20), started("watch", "--state", lukretia, out=follower, **env) as process:
        os.close(follower)
        await asyncio.to_thread(_drain, leader)
        assert await process.wait() == 0
    os.close(leader)


def _drain(leader: int) -> None:
    try:
        while os.read(leader, 65536):
            pass
    except OSError:
        return


async def test_a_long_state_folder_is_reached(tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    async with Cluster(deep) as cluster:
        await cluster.settled()
        assert (await failc("status", "--state", deep / "lukretia")).code == 0


@pytest.mark.parametrize("words", [["status"], ["links"], ["--help"]], ids=str)
async def test_what_a_command_does_not_need_is_not_imported(lukretia, words):
    """A glance at three in the morning takes 60 ms: aiohttp, pydantic, rich or cryptography would each double it."""
    async with started(*words, before=("-X", "importtime"), FAILC_STATE=str(lukretia)) as process:
        _, report = await process.communicate()
    imported = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in report.decode().splitlines()}
    assert "click" in imported
    assert not imported & {"aiohttp", "asyncio", "pydantic", "rich", "cryptography", "msgpack", "prometheus_client"}
