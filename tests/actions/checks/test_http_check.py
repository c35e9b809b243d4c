"""The check by a request, against nginx and against servers that send what no server should."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actions.checks import CHECKS
from actions.checks.kind import Found, Unasked
from actions.http_check import BODY_BYTES_MAX, HttpCheck
from protocol.stored.table import Table
from tests.actions.checks.servers import NGINX, Authority, free_port, nginx, raw, says
from tests.actions.lab import until
from tools.lab.pytest_plugin import left_out

NO_NGINX = None if NGINX else "nginx is not installed; sh packaging/programs.sh"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"


def check_of(url: str, **more: Any) -> HttpCheck:
    return HttpCheck(CHECKS["http"].read(Table({"http": url, **more})))


async def found(url: str, timeout_s: float = 20, **more: Any) -> Found:
    check = check_of(url, **more)
    try:
        return await check.run({}, timeout_s)
    finally:
        await check.close()


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[int]:
    """nginx with some pages; the port."""
    left_out(NO_NGINX)
    (tmp_path / "large").write_bytes(b"x" * 8_000_000 + b"ready")
    port = free_port()
    pages = (
        'location /good { return 200 "$host: ready to serve"; } location /gone { return 503 "no"; } '
        f"location /away {{ return 301 http://10.99.99.99/; }} location /large {{ root {tmp_path}; }}"
    )
    async with nginx(tmp_path, f"server {{ listen 127.0.0.1:{port}; {pages} }}", port):
        yield port


async def test_a_page_of_nginx_passes_by_its_status_and_its_texts_in_their_order(web: int) -> None:
    url = f"http://127.0.0.1:{web}/good"
    assert await found(url) == Found(True)
    assert (await found(url, body=["ready", "serve"])).passed
    assert (await found(url, body=["serve", "ready"])).text.startswith(f'{url}: "ready" does not stand where it should')
    assert (await found(url, status=[204])).text == f"{url}: status 200"
    assert (await found(f"http://127.0.0.1:{web}/gone")).text.endswith("/gone: status 503")
    assert (await found(f"http://127.0.0.1:{web}/gone", status=[200, 503])).passed


async def test_the_server_is_asked_by_the_name_that_is_written(web: int) -> None:
    assert (await found(f"http://127.0.0.1:{web}/good", host="www.example", body=["www.example: ready"])).passed


async def test_a_redirect_is_an_answer_and_is_not_followed(web: int) -> None:
    url = f"http://127.0.0.1:{web}/away"
    assert (await found(url)).text == f"{url}: status 301, to http://10.99.99.99/"
    assert (await found(url, status=[301])).passed


async def test_of_megabytes_the_beginning_is_read_and_looked_at(web: int) -> None:
    url = f"http://127.0.0.1:{web}/large"
    assert (await found(url, body=["xxx"])).passed
    assert f"in the first {BODY_BYTES_MAX} bytes" in (await found(url, body=["ready"])).text


async def test_a_server_that_is_gone_refuses_and_is_asked_anew_when_it_is_back(tmp_path: Path) -> None:
    left_out(NO_NGINX)
    port = free_port()
    check, server = check_of(f"http://127.0.0.1:{port}/"), f"server {{ listen 127.0.0.1:{port}; return 200; }}"
    for _ in range(2):
        assert (await check.run({}, 20)).text == f"http://127.0.0.1:{port}/: Connection refused"
        async with nginx(tmp_path, server, port):
            assert (await check.run({}, 20)).passed
    await check.close()


async def test_each_run_makes_a_connection_of_its_own_and_none_is_left() -> None:
    made: list[asyncio.StreamReader] = []
    ended: list[bytes] = []

    async def serves_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(reader)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        ended.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 503 Once is enough\r\nContent-Length: 0\r\n\r\n")

    async with raw(serves_once) as port:
        check = check_of(f"http://127.0.0.1:{port}/")
        for _ in range(3):
            assert await check.run({}, 20) == Found(True)
        await until(lambda: ended == [b""] * 3, "each connection is closed, and nothing more is asked over it")
        assert len(made) == 3
        await check.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4000,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nonly so much",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300_000 + b"\r\n",
    ],
    ids=["nothing", "zeros", "ssh", "no status", "no length", "cut off", "no chunk", "a long line", "many lines"],
)
async def test_garbage_is_a_failure_in_one_line_and_no_exception(data: bytes) -> None:
    async with raw(says(data)) as port:
        it = await found(f"http://127.0.0.1:{port}/", body=["ready"])
    assert not it.passed
    assert it.text.startswith(f"http://127.0.0.1:{port}/: ")
    assert it.text.isprintable()
    assert len(it.text) < 400


async def test_a_packed_answer_is_not_unpacked() -> None:
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nready"
    async with raw(says(packed)) as port:
        assert (await found(f"http://127.0.0.1:{port}/", body=["ready"])).passed


async def test_a_server_that_dribbles_has_failed_at_the_timeout_and_holds_nothing_up() -> None:
    let_go = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrea")
        await let_go.wait()

    async with raw(slow) as port:
        assert (await found(f"http://127.0.0.1:{port}/", 0.2)).text.endswith(": no answer within 200 ms")
        let_go.set()


async def test_a_certificate_is_good_by_its_authority_its_name_and_its_days(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ca = str(authority.file)
    async with raw(says(OK), authority.server("good", 30)) as port:
        url = f"https://127.0.0.1:{port}/"
        assert (await found(url, ca_file=ca)).passed
        assert (await found(url, ca_file=ca, host="www.example", certificate_days=30)).passed
        assert (await found(url, ca_file=ca, certificate_days=31)).text == (
            f"{url}: its certificate is good for 30 more days, and 31 are asked for"
        )
        assert "unable to get local issuer certificate" in (await found(url)).text
        assert "Hostname mismatch" in (await found(url, ca_file=ca, host="ftp.example")).text
        assert (await found(url, verify=False)).passed


async def test_an_expired_certificate_fails_unless_nobody_is_to_look(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with raw(says(OK), authority.server("old", -1)) as port:
        url = f"https://127.0.0.1:{port}/"
        assert (await found(url, ca_file=str(authority.file))).text == f"{url}: its certificate: certificate has expired"
        assert (await found(url, verify=False)).passed
        days = await found(url, verify=False, certificate_days=1)
        assert days.text == f"{url}: its certificate is good for 0 more days, and 1 are asked for"


async def test_a_ca_file_that_has_changed_is_read_again_and_one_that_is_gone_says_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls, file = authority.server("good", 30), tmp_path / "trusted.pem"
    (tmp_path / "other").mkdir()
    file.write_bytes(Authority(tmp_path / "other").file.read_bytes())
    async with raw(says(OK), tls) as port:
        check = check_of(f"https://127.0.0.1:{port}/", ca_file=str(file))
        assert not (await check.run({}, 20)).passed
        fresh = tmp_path / "fresh.pem"
        fresh.write_bytes(authority.file.read_bytes())
        os.replace(fresh, file)
        assert (await check.run({}, 20)).passed
        file.unlink()
        with pytest.raises(Unasked, match=r"trusted\.pem cannot be read: No such file"):
            await check.run({}, 20)
        await check.close()


async def test_plain_http_behind_https_is_said_in_words() -> None:
    async with raw(says(OK)) as port:
        it = await found(f"https://127.0.0.1:{port}/")
    assert not it.passed
    assert it.text.isprintable()


async def test_a_check_that_is_called_off_leaves_no_connection() -> None:
    gone = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        gone.set()

    async with raw(waits) as port:
        check = check_of(f"http://127.0.0.1:{port}/")
        run = asyncio.create_task(check.run({}, 60))
        await asyncio.wait([run], timeout=0.05)
        run.cancel()
        await asyncio.wait([run])
        await check.close()
        async with asyncio.timeout(30):
            await gone.wait()


