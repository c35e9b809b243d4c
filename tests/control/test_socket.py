"""The control socket itself: who may open it, what is no HTTP, who asks nothing."""

import asyncio
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from coordinator.control.connection_limit import CONNECTIONS_MAX
from tests.control.asking import body
from tests.control.cluster import Cluster


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
