"""The control socket of a real server over a real Unix socket, around two real cores."""

import asyncio
import base64
import json
import os
import socket
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from coordinator.control.connection_limit import CONNECTIONS_MAX
from coordinator.control.parts import status_in_parts
from coordinator.control.status import status as status_of
from coordinator.state import ownership
from coordinator.state.model import State
from protocol.commands import NAMESPACE, Act, Command, sign_command
from protocol.sshkey import load_private
from protocol.sshsig import armor
from tests.control.cluster import Cluster

VIEW = ("me", "ready", "unfit_because", "alarms", "bell", "peers", "links", "sentence", "event")
"""What a node's status is made of, besides policy and state."""


@pytest.fixture
async def cluster(tmp_path):
    async with Cluster(tmp_path) as running:
        yield await running.settled()


@pytest.fixture
async def http(cluster):
    path = str(cluster.nodes["lukretia"].server.path)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path), base_url="http://node") as session:
        yield session


def body(world: Cluster, key: str = "operator/id_ed25519", **changes: Any) -> dict[str, str]:
    """A signed command for lukretia; afm says fail web, unless changed."""
    core = world.nodes["lukretia"].core
    fields = {
        "cluster": core.policy.cluster_id,
        "operator": "afm",
        "word": "fail",
        "service": "web",
        "node": "",
        "reason": "test",
        "for_ms": 0,
        "epoch": ownership.epoch(core.state, "web"),
        "expires_ms": time.time_ns() // 1_000_000 + 60_000,
        "nonce": os.urandom(16),
        "acts": (Act("lukretia", core.context.writer.incarnation),),
    }
    signed = sign_command(Command(**(fields | changes)), load_private(world.folder / key))
    return {"command": base64.b64encode(signed.raw).decode(), "signature": base64.b64encode(signed.signature).decode()}


async def test_status_has_the_fields_of_the_contract(http):
    async with http.get("/status") as answer:
        status = await answer.json()
    assert (status["cluster"], status["node"]) == ("demo", "lukretia")
    assert set(status["nodes"]) == {"lukretia", "genesis"}
    assert status["nodes"]["genesis"]["liveness"] == "alive"
    assert status["nodes"]["genesis"]["links"] == {
        "lan": {"up": True, "rtt_ms": 0.412},
        "direct": {"up": True, "rtt_ms": 0.412},
    }
    web = status["services"]["web"]
    assert (web["owner"], web["owners"], web["split"]) == ("lukretia", ["lukretia"], False)
    assert web["states"] == {"lukretia": "UP", "genesis": "RECOVER"}
    assert web["epoch"] >= 1
    assert web["reason"].startswith("lukretia is UP")


async def test_a_dead_peer_is_in_doubt_then_fail_and_owns_nothing(cluster, http):
    """lukretia loses genesis, which held db: the dead holder is not the owner, and no split is claimed."""
    seen = []
    cluster.cut = True
    while not seen or seen[-1] != ("FAIL", "lukretia"):
        async with http.get("/status") as answer:
            db = (await answer.json())["services"]["db"]
        now = (db["states"]["genesis"], db["owner"])
        if not seen or seen[-1] != now:
            seen.append(now)
        assert not db["split"]
        assert len(seen) < 20
    states = [state for state, _ in seen]
    assert states.index("INDOUBT") < states.index("FAIL")
    assert ("INDOUBT", "genesis") in seen, "while it is in doubt it may well still serve"


async def test_in_a_split_the_owner_is_the_winner(cluster, http):
    """Both hold both while cut off; on heal each service has two known holders for a moment, and the master is the owner."""
    cluster.cut = True
    await cluster.until(lambda c: c.at("genesis", "genesis", "web") == "UP" and c.at("lukretia", "lukretia", "db") == "UP")
    before = cluster.nodes["genesis"].core.state.column("genesis").service("web").epoch
    cluster.cut = False
    seen = []
    async with asyncio.timeout(60):
        while not (seen and seen[-1]["epoch"] > before and seen[-1]["states"]["lukretia"] == "UP"):
            async with http.get("/status") as answer:
                seen.append((await answer.json())["services"]["web"])
    assert {web["owner"] for web in seen} == {"lukretia"}
    assert all(web["split"] == (web["owners"] == ["genesis", "lukretia"]) for web in seen)
    assert all("wins by split_winner = preference" in web["reason"] for web in seen if web["split"])
    assert seen[-1]["owners"] == ["lukretia"]


async def test_status_waits_for_news_and_no_longer(cluster, http):
    async with http.get("/status") as answer:
        version = (await answer.json())["version"]
    async with http.get(f"/status?version={version + 10**6}&wait_ms=5000") as answer:
        assert (await answer.json())["version"] >= version
    waiting = asyncio.create_task(_version(http, cluster.nodes["lukretia"].bell.count))
    cluster.nodes["lukretia"].bell.ring()
    assert await asyncio.wait_for(waiting, 5) > version


async def _version(http, seen: int) -> int:
    async with http.get(f"/status?version={seen}&wait_ms=30000") as answer:
        return (await answer.json())["version"]


async def test_a_status_in_parts_is_the_status(cluster, http):
    """The status of all services, and of one that is named: an order for one of a thousand asks for that one."""
    async with http.get("/status") as answer:
        whole = await answer.json()
    async with http.get("/status?service=db") as answer:
        one = await answer.json()
    async with http.get("/status?service=mail") as answer:
        none = await answer.json()
    known = status_of(cluster.nodes["lukretia"], 0)
    assert whole.keys() == one.keys() == none.keys() == known.keys()
    assert whole["services"] == known["services"]
    assert one["services"] == {"db": known["services"]["db"]}
    assert none["services"] == {}


async def test_a_status_of_many_services_takes_many_turns_of_the_loop_and_is_of_one_moment(cluster):
    """The loop goes on with everything else meanwhile; what changes then, the next status says."""
    node = cluster.nodes["lukretia"]
    web = node.policy.services["web"]
    many = {f"s{n}": replace(web, name=f"s{n}") for n in range(1000)}
    began, ended = replace(node.policy, services=many), replace(node.policy, services={"web": web})
    view = SimpleNamespace(**{name: getattr(node, name) for name in VIEW}, policy=began, state=node.core.state)
    asked, turns = asyncio.create_task(status_in_parts(view, 0)), 0
    await asyncio.sleep(0)
    view.policy, view.state = ended, State()
    while not asked.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 1
    assert (await asked)["services"].keys() == many.keys()
    assert (await asked)["services"]["s999"]["states"] == {"lukretia": "RECOVER", "genesis": "RECOVER"}


async def test_a_signed_command_is_admitted_and_takes_effect(cluster, http):
    async with http.post("/command", json=body(cluster)) as answer:
        assert (answer.status, (await answer.json())["admitted"]) == (202, True)
    await cluster.until(lambda c: c.at("genesis", "lukretia") == "FAIL" and c.at("lukretia", "genesis") == "UP")


async def test_the_command_in_the_log_is_one_that_stock_openssh_verifies(cluster, http, tmp_path):
    async with http.post("/command", json=body(cluster)) as answer:
        assert answer.status == 202
    (event,) = [e.event for feed in cluster.nodes["lukretia"].log.values() for e in feed if e.event.kind == "command"]
    (tmp_path / "signature").write_text(armor(event.body["signature"]))
    key = load_private(tmp_path / "operator" / "id_ed25519").public
    (tmp_path / "allowed").write_text(f'afm namespaces="{NAMESPACE}" {key}\n')
    verify = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        tmp_path / "allowed",
        "-I",
        "afm",
        "-n",
        NAMESPACE,
        "-s",
        tmp_path / "signature",
    ]
    done = subprocess.run(verify, input=event.body["command"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"key": "eve"}, 403, "unknown-key"),
        ({"cluster": bytes(32)}, 403, "wrong-cluster"),
        ({"operator": "mallory"}, 403, "unknown-key"),
        ({"expires_ms": 1}, 403, "expired"),
        ({"key": "olga", "operator": "olga"}, 403, "role"),
        ({"key": "eve", "operator": "eve", "service": "db"}, 403, "role"),
        ({"service": "nothing"}, 409, "not-now"),
        ({"epoch": 999}, 409, "old-epoch"),
        ({"word": "move", "node": ""}, 409, "not-now"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
async def test_a_command_that_may_not_be_is_refused_with_its_reason(cluster, http, changes, status, reason):
    async with http.post("/command", json=body(cluster, **changes)) as answer:
        refusal = await answer.json()
    assert (answer.status, refusal["refused"], refusal["admitted"]) == (status, reason, False)
    assert refusal["text"]
    assert cluster.at("lukretia", "lukretia") == "UP"
    async with http.get("/metrics") as answer:
        word = "not-admitted" if status == 409 else reason
        assert f'failover_commands_total{{outcome="{word}"}} 1.0' in await answer.text()


async def test_an_operator_with_the_role_operate_commands_its_own_service(cluster, http):
    async with http.post("/command", json=body(cluster, key="eve", operator="eve")) as answer:
        assert answer.status == 202


async def test_a_replayed_command_is_refused_whichever_node_hears_it(cluster, http):
    """Once while it is only in memory, and once on the other node, which has read it in the feed."""
    once = body(cluster)
    for status in (202, 403):
        async with http.post("/command", json=once) as answer:
            assert answer.status == status
    await cluster.until(lambda c: c.at("genesis", "lukretia") == "FAIL")
    connector = aiohttp.UnixConnector(str(cluster.nodes["genesis"].server.path))
    async with (
        aiohttp.ClientSession(connector=connector, base_url="http://node") as other,
        other.post("/command", json=once) as answer,
    ):
        assert (answer.status, (await answer.json())["refused"]) == (403, "replayed")


async def test_a_tampered_or_unsigned_command_is_refused(cluster, http):
    signed = body(cluster)
    raw = bytearray(base64.b64decode(signed["command"]))
    raw[raw.index(b"test")] ^= 1
    tampered = signed | {"command": base64.b64encode(bytes(raw)).decode()}
    for content, reason in [
        (tampered, "bad-signature"),
        (signed | {"signature": ""}, "unsigned"),
        (signed | {"signature": "AAAA"}, "garbage"),
        (signed | {"command": "AAAA"}, "not-canonical"),
        ({"command": "?"}, "garbage"),
        ([1], "garbage"),
    ]:
        async with http.post("/command", json=content) as answer:
            assert (answer.status, (await answer.json())["refused"]) == (403, reason)


async def test_a_body_that_is_no_json_or_too_long_is_an_error_with_words(http):
    async with http.post("/command", data=b"\xff{") as answer:
        assert answer.status == 400
        assert "base64" in (await answer.json())["error"]
    for nonsense in (b"[" * 4000, b'{"command":' + b"9" * 4800 + b"}"):
        async with http.post("/command", data=nonsense) as answer:
            assert answer.status == 400, nonsense[:20]
            assert "base64" in (await answer.json())["error"]
    async with http.post("/command", data=b"{}", headers={"Content-Type": "application/json; charset=nope"}) as answer:
        assert answer.status == 400
        assert "base64" in (await answer.json())["error"]
    async with http.post("/command", data=b"[" * 100_000) as answer:
        assert answer.status == 413
    async with http.get("/nowhere") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"] == "not found: GET /nowhere; the routes are in docs/failc.md"


def held_by_genesis(world: Cluster) -> dict[str, Any]:
    core = world.nodes["genesis"].core
    return {"acts": (Act("genesis", core.context.writer.incarnation),), "epoch": ownership.epoch(core.state, "db")}


async def test_a_command_for_another_nodes_service_is_passed_on(cluster, http):
    """lukretia is asked, genesis holds db and must act."""
    async with http.post("/command", json=body(cluster, service="db", **held_by_genesis(cluster))) as answer:
        told = await answer.json()
    assert (answer.status, told["text"].startswith("genesis: stands in the log as genesis/")) == (202, True)
    await cluster.until(lambda c: c.at("lukretia", "genesis", "db") == "FAIL" and c.at("genesis", "lukretia", "db") == "UP")


async def test_a_refusal_of_the_node_that_acts_comes_back_at_once(cluster, http):
    """genesis has another epoch than the one that was signed, and lukretia is asked."""
    order = held_by_genesis(cluster) | {"epoch": 999}
    async with http.post("/command", json=body(cluster, service="db", **order)) as answer:
        told = await answer.json()
    assert (answer.status, told["refused"], told["admitted"]) == (409, "old-epoch", False)


async def test_owner_answers_200_only_at_the_owner(cluster, http):
    async with http.get("/owner/web") as answer:
        assert answer.status == 200
    async with http.get("/owner/db") as answer:
        assert answer.status == 503
        assert (await answer.json())["owner"] == "genesis"
    async with http.get("/owner/nothing") as answer:
        assert answer.status == 404
    for route in ("/healthz", "/readyz"):
        async with http.get(route) as answer:
            assert answer.status == 200


async def test_links_timings_and_metrics(cluster, http):
    cluster.nodes["lukretia"].links_[0].refused["bad-signature"] = 3
    async with http.get("/links") as answer:
        (lan, direct) = (await answer.json())["links"]
    assert lan == {
        "peer": "genesis",
        "link": "lan",
        "up": True,
        "datagram": True,
        "rtt_ms": 0.412,
        "refused": {"bad-signature": 3},
    }
    assert direct["refused"] == {}
    async with http.get("/timings") as answer:
        timings = await answer.json()
    assert (timings["heartbeat_ms"], timings["indoubt_ms"], timings["dead_ms"]) == (20, 100, 200)
    assert timings["derived"]["lost_heartbeats_to_death"] == 10
    async with http.get("/metrics") as answer:
        page = await answer.text()
    for line in (
        'failover_owner{node="lukretia",service="web"} 1.0',
        'failover_state{node="genesis",service="web",state="RECOVER"} 1.0',
        'failover_refused_total{link="lan",peer="genesis",reason="bad-signature"} 3.0',
        'failover_peer{liveness="alive",peer="genesis"} 1.0',
    ):
        assert line in page


def numbers(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["node"], event["number"]) for event in events]


async def some(http, route: str, count: int, **headers: str) -> list[dict[str, Any]]:
    """The first events of a stream."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(60), http.get(route, headers=headers) as answer:
        assert answer.status == 200
        while len(events) < count:
            text = await answer.content.readline()
            text = text.removeprefix(b"data: ") if b"jsonl" not in answer.headers["Content-Type"].encode() else text
            if text.startswith(b"{"):
                events.append(json.loads(text))
    return events


async def test_the_event_stream_goes_on_exactly_where_a_reader_was(cluster, http):
    """Nothing twice and nothing left out, in any feed, also where something new is written meanwhile."""
    total = sum(len(feed) for feed in cluster.nodes["lukretia"].log.values())
    everything = await some(http, "/events?format=jsonl&after=", total)
    assert len(set(numbers(everything))) == total
    middle = total // 2
    rest = await some(http, "/events", total - middle, **{"Last-Event-ID": everything[middle - 1]["cursor"]})
    read = numbers(everything[:middle]) + numbers(rest)
    for node in {name for name, _ in read}:
        own = [number for name, number in read if name == node]
        assert own == list(range(1, len(own) + 1))


async def test_the_event_stream_brings_what_happens_now(cluster, http):
    async with asyncio.timeout(60), http.get("/events?format=jsonl&last=3") as answer:
        earlier = [json.loads(await answer.content.readline()) for _ in range(3)]
        async with http.post("/command", json=body(cluster)) as given:
            assert given.status == 202
        kinds = []
        while "down" not in kinds:
            event = json.loads(await answer.content.readline())
            kinds.append(event["kind"])
    assert [event["at_ms"] for event in earlier] == sorted(event["at_ms"] for event in earlier)
    assert kinds.index("command") < kinds.index("release") < kinds.index("down")
    assert event["at"].endswith("Z")
    assert event["service"] == "web"


async def test_a_number_alone_is_a_number_of_the_nodes_own_feed(cluster, http):
    own = max((feed for feed in cluster.nodes["lukretia"].log if feed[0] == "lukretia"), key=lambda feed: feed[1])
    last = len(cluster.nodes["lukretia"].log[own])
    (event,) = await some(http, f"/events?format=jsonl&after={last - 1}", 1)
    assert numbers([event]) == [("lukretia", last)]


@pytest.mark.parametrize("cursor", ["9" * 5000, "lukretia:1:" + "9" * 5000, "lukretia:" + "9" * 20 + ":1", "9" * 19])
async def test_a_cursor_larger_than_any_number_is_refused(http, cursor):
    async with http.get(f"/events?after={cursor}") as answer:
        assert answer.status == 400
        assert "larger than any number" in (await answer.json())["error"]


async def test_a_cursor_that_is_none_is_refused(http):
    async with http.get("/events?after=lukretia:x") as answer:
        assert answer.status == 400
        assert "NODE:INCARNATION:NUMBER" in (await answer.json())["error"]


async def test_who_connects_and_asks_nothing_gives_way(cluster, http):
    """More than may be connected: the oldest silent ones go, those being answered stay, and a newcomer is answered."""
    async with http.get("/events?format=jsonl") as stream:
        path = str(cluster.nodes["lukretia"].server.path)
        silent = [await asyncio.open_unix_connection(path) for _ in range(CONNECTIONS_MAX + 10)]
        assert await asyncio.wait_for(silent[0][0].read(), 10) == b""
        assert not silent[-1][0].at_eof()
        async with http.get("/status") as answer:
            assert answer.status == 200
        async with http.post("/command", json=body(cluster)) as answer:
            assert answer.status == 202
        assert await asyncio.wait_for(stream.content.readline(), 10)
        for _, writer in silent:
            writer.close()


async def test_the_socket_is_for_its_user_and_group_and_replaces_a_stale_one(tmp_path):
    stale = socket.socket(socket.AF_UNIX)
    (tmp_path / "lukretia").mkdir()
    stale.bind(str(tmp_path / "lukretia" / "control.sock"))
    stale.close()
    (tmp_path / "lukretia" / "control.sock").rename(tmp_path / "kept")
    (tmp_path / "lukretia").rmdir()
    async with Cluster(tmp_path) as cluster:
        path = cluster.nodes["lukretia"].server.path
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        await cluster.nodes["lukretia"].server.close()
        assert not path.exists()
        (tmp_path / "kept").rename(path)
        await cluster.nodes["lukretia"].server.start()
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), base_url="http://node") as session,
            session.get("/healthz") as answer,
        ):
            assert answer.status == 200


async def test_a_state_folder_with_a_long_name_has_its_socket_too(tmp_path):
    """A Unix socket's path has 107 bytes; state folders of tests and containers are longer."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    async with Cluster(deep) as cluster:
        path: Path = cluster.nodes["lukretia"].server.path
        assert len(str(path)) > 107
        assert stat.S_ISSOCK(path.stat().st_mode)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET /status HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /command HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /status HTTP/1.1\r\nA\r\n\r\n", b"400"),
        (b"POST /command HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nabcde", b"400"),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"GET /status?wait_ms=\xff HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
    ],
    ids=["version", "length", "chunk", "long", "header", "body", "url", "letters"],
)
async def test_what_is_no_http_is_answered_and_counted_and_logs_no_traceback(cluster, caplog, request_, status):
    server = cluster.nodes["lukretia"].server
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    writer.write(request_)
    assert (await reader.readline()).split()[1] == status
    writer.close()
    assert not caplog.records
    assert server.door.counts["garbage"] >= (0 if b"gzip" in request_ else 1)


async def test_a_fault_of_ours_behind_the_socket_is_logged_with_its_traceback(cluster, http, caplog, monkeypatch):
    def broken() -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cluster.nodes["lukretia"], "links", broken)
    async with http.get("/links") as answer:
        assert answer.status == 500
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["ours"]
