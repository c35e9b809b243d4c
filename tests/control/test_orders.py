"""Signed commands over the control socket: admitted, refused, replayed, passed on."""

import base64
import subprocess

import aiohttp
import pytest

from protocol.commands import NAMESPACE
from protocol.sshkey import load_private
from protocol.sshsig import armor
from tests.control.asking import body, held_by_genesis


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
