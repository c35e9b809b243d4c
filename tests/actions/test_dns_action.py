"""The action `dns`: signed updates of a real bind9, and of two nodes only one has the name."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.message
import pytest

from actions.action import Ending, Order, Result, Seen
from actions.dns_action import DnsAction
from actions.dns_update import Lost, Mark, Zone
from actions.kinds import ACTIONS
from actions.run_action import look, perform
from coordinator.config.here import _Machine
from protocol.stored.table import Table
from tests.actions.checks.servers import free_port, raw
from tests.actions.checks.test_dns_check import NAMED, named
from tools.lab.pytest_plugin import left_out

RECORDS = {"one": "10.77.0.1", "two": "10.77.0.2"}
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="
KEY = 'key "failover" {{ algorithm hmac-sha256; secret "{secret}"; }};\n'

ZONE = """$TTL 5
@  SOA ns hostmaster 1 60 60 60 60
   NS ns
ns A 127.0.0.1
"""


def order(node: str, epoch: int) -> Order:
    return Order("web", node, epoch, "a test")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[int]:
    left_out(None if NAMED else "bind9 is not installed; sh packaging/programs.sh")
    (tmp_path / "zone").write_text(ZONE)
    key(tmp_path)
    zone = 'zone "example" { type primary; file "zone"; allow-update { key failover; }; };'
    async with named(tmp_path, f'include "{tmp_path}/failover.key";\n{zone}') as port:
        yield port


def key(folder: Path, name: str = "failover.key", secret: str = SECRET, mode: int = 0o600) -> str:
    file = folder / name
    file.write_text(KEY.format(secret=secret))
    file.chmod(mode)
    return str(file)


def settings(port: int, key_file: str, **more: Any) -> dict[str, Any]:
    written = {"dns": "www.example", "zone": "example", "server": f"127.0.0.1:{port}", "records": RECORDS, **more}
    return dict(ACTIONS["dns"].read(Table({**written, "key_file": key_file})))


@pytest.fixture
def action(server: int, tmp_path: Path) -> DnsAction:
    return DnsAction(settings(server, f"{tmp_path}/failover.key"))


@pytest.fixture
def zone(server: int, tmp_path: Path) -> Zone:
    return Zone(settings(server, f"{tmp_path}/failover.key"))


async def told(action: DnsAction, word: str, node: str, epoch: int, timeout_s: float = 30) -> Result:
    return await perform(action, word, order(node, epoch), timeout_s)


async def test_the_record_leads_to_the_node_that_is_up_and_stays_when_it_goes_down(action: DnsAction, zone: Zone) -> None:
    assert await look(action, order("one", 1)) is Seen.DOWN
    for word in ("down", "up", "up", "reclaim"):
        assert (await told(action, word, "one", 7)).ending is Ending.DONE
    assert await zone.addresses() == ["10.77.0.1"]
    assert [await look(action, order(node, 7)) for node in RECORDS] == [Seen.UP, Seen.DOWN]
    for _ in range(2):
        assert (await told(action, "down", "one", 7)).ending is Ending.DONE
    assert await look(action, order("one", 7)) is Seen.DOWN
    assert await zone.addresses() == ["10.77.0.1"], "a name that is nowhere would be remembered as such"
    assert (await told(action, "up", "two", 8)).ending is Ending.DONE
    assert await zone.addresses() == ["10.77.0.2"]


async def test_a_node_that_was_cut_off_cannot_undo_a_later_epoch(action: DnsAction, zone: Zone) -> None:
    assert (await told(action, "up", "one", 7)).ending is Ending.DONE
    assert (await told(action, "up", "two", 9)).ending is Ending.DONE
    late = await told(action, "up", "one", 8)
    assert late.ending is Ending.FAILED
    assert late.text == "www.example: two took it with epoch 9, which is later than 8"
    assert (await told(action, "down", "one", 7)).ending is Ending.DONE
    assert await zone.mark() == Mark(9, "two", True)
    assert await zone.addresses() == ["10.77.0.2"]


async def test_an_epoch_that_was_given_up_counts_all_the_same(action: DnsAction) -> None:
    assert (await told(action, "up", "two", 9)).ending is Ending.DONE
    assert (await told(action, "down", "two", 9)).ending is Ending.DONE
    assert (await told(action, "up", "one", 8)).ending is Ending.FAILED


async def test_an_update_whose_mark_has_changed_meanwhile_changes_nothing(zone: Zone) -> None:
    await zone.change(None, Mark(7, "one", True), "10.77.0.1")
    with pytest.raises(Lost):
        await zone.change(None, Mark(8, "two", True), "10.77.0.2")
    with pytest.raises(Lost):
        await zone.change(Mark(6, "one", True), Mark(8, "two", True), "10.77.0.2")
    assert (await zone.mark(), await zone.addresses()) == (Mark(7, "one", True), ["10.77.0.1"])


async def test_of_many_at_once_the_latest_epoch_has_it_in_the_end(action: DnsAction, zone: Zone) -> None:
    names = [("one" if epoch % 2 else "two", epoch) for epoch in range(1, 9)]
    await asyncio.gather(*(told(action, "up", node, epoch) for node, epoch in names))
    assert (await told(action, "up", "two", 8)).ending is Ending.DONE
    assert (await zone.mark(), await zone.addresses()) == (Mark(8, "two", True), ["10.77.0.2"])


async def test_a_record_that_was_changed_by_hand_is_put_right(action: DnsAction, zone: Zone) -> None:
    assert (await told(action, "up", "one", 7)).ending is Ending.DONE
    await zone.change(Mark(7, "one", True), Mark(7, "one", True), "10.77.0.99")
    assert (await told(action, "up", "one", 7)).ending is Ending.DONE
    assert await zone.addresses() == ["10.77.0.1"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"secret": "d3Jvbmc="}, "127.0.0.1: "),
        ({"mode": 0o644}, "other.key can be read by others: chmod 600 "),
        ({"secret": "&"}, "other.key is not a key as tsig-keygen prints it"),
    ],
)
async def test_a_key_that_will_not_do_is_said_in_words(server: int, tmp_path: Path, given: Any, said: str) -> None:
    action = DnsAction(settings(server, key(tmp_path, "other.key", **given)))
    up = await told(action, "up", "one", 7)
    assert up.ending is Ending.FAILED
    assert said in up.text
    assert SECRET not in up.text


async def test_a_zone_that_takes_no_updates_refuses_in_its_own_word(server: int, tmp_path: Path) -> None:
    action = DnsAction(settings(server, f"{tmp_path}/failover.key", zone="www.example"))
    assert (await told(action, "up", "one", 7)).text.startswith("www.example: 127.0.0.1 answers NOT")


async def test_without_its_server_a_down_is_done_and_says_what_stays(tmp_path: Path) -> None:
    action = DnsAction(settings(free_port(), key(tmp_path)))
    assert await look(action, order("one", 7)) is Seen.UNKNOWN
    assert (await told(action, "up", "one", 7)).ending is Ending.UNKNOWN
    down = await told(action, "down", "one", 7)
    assert down.ending is Ending.DONE
    assert down.text.endswith(": the record stays until another node takes it")


async def test_a_server_that_says_nothing_holds_no_down_up(tmp_path: Path) -> None:
    let_go = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_go.wait()

    async with raw(silent) as port:
        down = await told(DnsAction(settings(port, key(tmp_path))), "down", "one", 7)
        let_go.set()
    assert (down.ending, down.text.split(":")[0]) == (Ending.DONE, "the name server does not answer")


async def test_an_answer_that_is_not_signed_is_none(tmp_path: Path) -> None:
    async def forges(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        query = dns.message.from_wire(data, keyring=False, ignore_trailing=True, continue_on_error=True)
        answer = dns.message.Message(query.id)
        answer.flags |= dns.flags.QR
        wire = answer.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()

    async with raw(forges) as port:
        up = await told(DnsAction(settings(port, key(tmp_path))), "up", "one", 7)
    assert up.ending is Ending.FAILED


def test_every_candidate_needs_an_address_and_the_node_its_key(tmp_path: Path) -> None:
    written = {"dns": "www.example", "records": RECORDS, "key_file": "/nowhere/at/all", "nodes": ["one", "three"]}
    said = [(odd.key, odd.what) for odd in ACTIONS["dns"].lacking(written, _Machine())]
    assert said == [("records", "has no address of three"), ("key_file", "there is no /nowhere/at/all")]


def test_the_guard_has_no_key_and_takes_nothing_down() -> None:
    assert ACTIONS["dns"].guard_down(settings(53, "/etc/failover/dns.key"), {}, 20_000) is None
