"""The check by a question to a name server, against bind9 and against servers that answer what no server should."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dns.message
import pytest

from actions.checks import CHECKS
from actions.checks.kind import Found
from protocol.stored.table import Table
from tests.actions.checks.servers import accepts, free_port
from tests.actions.lab import until
from tools.lab.pytest_plugin import left_out

NAMED = shutil.which("named", path="/usr/sbin:/usr/bin")

ZONE = """$TTL 5
@     SOA ns hostmaster 1 60 60 60 60
      NS ns
ns    A 127.0.0.1
www   A 10.77.0.80
www   A 10.77.0.81
alias CNAME www
long  TXT "{long}"
loop  CNAME pool
pool  CNAME loop
"""

CONFIGURATION = """
options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file "{folder}/pid";
           session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}"; lock-file none; recursion no;
           dnssec-validation no; querylog no; }};
controls {{ }};
{zones}
"""


@contextlib.asynccontextmanager
async def named(folder: Path, zones: str) -> AsyncIterator[int]:
    """bind9 with these zones, until it answers; the port."""
    assert NAMED is not None
    port = free_port()
    (folder / "named.conf").write_text(CONFIGURATION.format(folder=folder, port=port, zones=zones))
    words = [NAMED, "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with (folder / "named.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        await until(lambda: accepts(port), f"named answers: {folder}/named.log")
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[int]:
    left_out(None if NAMED else "bind9 is not installed; sh packaging/programs.sh")
    (tmp_path / "zone").write_text(ZONE.format(long='" "'.join(["x" * 250] * 8)))
    async with named(tmp_path, 'zone "example" { type primary; file "zone"; };') as port:
        yield port


async def found(name: str, port: int, timeout_s: float = 20, **more: Any) -> Found:
    kind = CHECKS["dns"]
    check = kind.make(kind.read(Table({"dns": name, "server": f"127.0.0.1:{port}", **more})), None)  # type: ignore[arg-type]
    try:
        return await check.run({}, timeout_s)
    finally:
        await check.close()


async def test_an_answer_passes_where_it_is_the_one_that_is_written(server: int) -> None:
    assert await found("www.example", server) == Found(True)
    assert (await found("www.example.", server, answer=["10.77.0.81", "10.77.0.80"])).passed
    half = await found("www.example", server, answer=["10.77.0.80"])
    assert half.text == "www.example at 127.0.0.1: the answer is 10.77.0.80, 10.77.0.81"
    assert (await found("alias.example", server, answer=["10.77.0.80", "10.77.0.81"])).passed
    assert (await found("example", server, type="NS", answer=["ns.example"])).passed


async def test_what_the_server_does_not_have_or_give_is_said_by_its_own_word(server: int) -> None:
    assert (await found("none.example", server)).text == "none.example at 127.0.0.1: NXDOMAIN"
    assert (await found("www.example", server, type="MX")).text == "www.example at 127.0.0.1: there is no MX record"
    assert (await found("www.elsewhere", server)).text == "www.elsewhere at 127.0.0.1: REFUSED"
    assert not (await found("loop.example", server)).passed


async def test_an_answer_that_is_too_long_for_a_packet_is_asked_for_again_by_tcp(server: int) -> None:
    assert (await found("long.example", server, type="TXT")).passed


async def test_no_server_is_no_answer_in_time() -> None:
    assert (await found("www.example", free_port(), 0.2)).text == "www.example at 127.0.0.1: no answer within 200 ms"


Reply = Callable[[bytes], list[bytes]]


class Liar(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        for packet in self._reply(data):
            self._transport.sendto(packet, address)


@contextlib.asynccontextmanager
async def liar(reply: Reply) -> AsyncIterator[int]:
    made = asyncio.get_running_loop().create_datagram_endpoint(lambda: Liar(reply), ("127.0.0.1", 0))
    transport, _ = await made
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def answering(data: bytes, address: str = "10.77.0.80", **changed: int) -> bytes:
    query = dns.message.from_wire(data)
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", address))
    answer.id = changed.get("id", answer.id)
    return answer.to_wire()


@pytest.mark.parametrize(
    "reply",
    [
        lambda data: [b""],
        lambda data: [b"\xff" * 1200],
        lambda data: [data],
        lambda data: [answering(data)[:-3]],
        lambda data: [answering(data, id=1)],
        lambda data: [answering(dns.message.make_query("other.example", "A", id=data[0] << 8 | data[1]).to_wire())],
    ],
    ids=["nothing", "noise", "our own question", "cut short", "another number", "another question"],
)
async def test_what_is_no_answer_to_our_question_is_passed_over(reply: Reply) -> None:
    async with liar(reply) as port:
        assert "no answer within" in (await found("www.example", port, 0.3)).text
    async with liar(lambda data: [*reply(data), answering(data)]) as port:
        assert (await found("www.example", port, answer=["10.77.0.80"])).passed
