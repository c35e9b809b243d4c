"""The kernel's lease on the addresses of a service, as faild has it: opened, kept, lapsed, opened again, taken away."""

import asyncio
import dataclasses
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from actions.gate.gate import Gate, boottime_ms
from coordinator.core.effects import Open, Refresh, Run
from coordinator.core.inputs import GateGone, GateLapsed, Outcome
from coordinator.policy import Policy
from tests.actions.lab import Lan, in_namespace, inside, ip, until
from tests.actions.stage import Stage, address, both, policy, run, script, stage
from tests.actions.test_script import write_script

FOUR, SIX = "10.77.0.101/24", "fd77::101/64"
BOTH = {ip_address(ip(FOUR)), ip_address(ip(SIX))}
LONG_MS = 60_000

pytestmark = pytest.mark.usefixtures("packet_filter")


def nft(lan: Lan, *words: str) -> str:
    return subprocess.run(["ip", "netns", "exec", lan.one, "nft", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def clean(lan: Lan) -> Iterator[None]:
    yield
    nft(lan, "flush", "ruleset")
    for held in {FOUR, SIX} & set(lan.addresses(lan.one)) | {f"{ip(FOUR)}/32"} & set(lan.addresses(lan.one)):
        in_namespace(lan.one, "ip", "address", "del", held, "dev", "eth0")


def up(ticket: int = 1, lease_ms: int = LONG_MS) -> Run:
    return dataclasses.replace(both(ticket, "up"), lease_ends_ms=boottime_ms() + lease_ms)


def refresh(lease_ms: int = LONG_MS) -> Refresh:
    return Refresh((("web", boottime_ms() + lease_ms),))


def with_web(lan: Lan, work: Callable[[Stage], Any], its: Policy | None = None) -> None:
    async def staged() -> None:
        async with stage(its or policy(address(FOUR), address(SIX))) as it:
            await work(it)

    inside(lan.one, staged)


async def is_up(it: Stage, lease_ms: int = LONG_MS) -> None:
    it.executor.run(up(1, lease_ms))
    assert [ending.outcome for ending in (await it.step(1)).endings] == [Outcome.DONE] * 2


async def lapsed(it: Stage) -> None:
    """Its lease ran out before the next heartbeat, and the core is told."""
    await is_up(it, 100)
    await until(lambda: not any(it.executor.gates.left_ms().values()), "the kernel's lease runs out")
    it.executor.refresh(refresh())
    assert [type(given) for given in it.inbox if not hasattr(given, "ticket")] == [GateLapsed]


def answered(lan: Lan, seconds: float = 10.0) -> bool:
    return all(lan.answers(ip(text), seconds) for text in (FOUR, SIX))


def silent(lan: Lan) -> bool:
    return not any(lan.answers(ip(text), 0.3) for text in (FOUR, SIX))


def test_an_address_comes_up_with_its_lease_and_each_heartbeat_lengthens_it(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        assert it.executor.gates.enforced_by == "nftables"
        await is_up(it, 5_000)
        assert await asyncio.to_thread(answered, lan)
        left = it.executor.gates.left_ms()
        assert left.keys() == BOTH
        assert 0 < max(left.values()) <= 5_000
        it.executor.refresh(refresh(9_000))
        assert min(it.executor.gates.left_ms().values()) > 5_000
        it.executor.refresh(refresh(3_000))
        assert max(it.executor.gates.left_ms().values()) <= 3_000, "shorter, where a rival lives again"
        assert it.inbox[1:] == []

    with_web(lan, work)


def test_a_lease_that_ran_out_is_told_once_and_only_the_core_opens_it_again(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        await lapsed(it)
        it.executor.refresh(refresh())
        assert sum(isinstance(given, GateLapsed) for given in it.inbox) == 1
        assert not any(it.executor.gates.left_ms().values())
        assert await asyncio.to_thread(silent, lan)
        assert it.executor.held_addresses == {}, "another machine that answers for it is no conflict"
        it.executor.open(Open("web", boottime_ms() + LONG_MS))
        assert await asyncio.to_thread(answered, lan)
        assert len(it.executor.held_addresses) == 2
        it.executor.refresh(refresh())
        assert sum(isinstance(given, GateLapsed) for given in it.inbox) == 1

    with_web(lan, work)


def test_while_the_gate_is_shut_nothing_is_announced_nor_put_back(lan: Lan) -> None:
    """A raw frame passes the gate: the client would turn to a machine that does not answer."""
    rival = lan.mac(lan.two)

    def heard() -> list[str]:
        return [lan.neighbour(lan.client, ip(text)) for text in (FOUR, SIX)]

    async def work(it: Stage) -> None:
        await lapsed(it)
        for text in (FOUR, SIX):
            in_namespace(lan.client, "ip", "neigh", "replace", ip(text), "lladdr", rival, "dev", "eth0", "nud", "stale")
        in_namespace(lan.one, "ip", "address", "del", f"{ip(FOUR)}/24", "dev", "eth0")
        it.executor.announce("web")
        await asyncio.sleep(1.5)  # the keeper's pause, and all but the last of what is announced again after an up
        assert heard() == [rival] * 2
        assert ip(FOUR) not in lan.ips(lan.one)
        it.executor.open(Open("web", boottime_ms() + LONG_MS))
        await until(lambda: heard() == [lan.mac(lan.one)] * 2, "the clients are told")
        assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one)

    with_web(lan, work)


def test_an_order_whose_lease_is_over_waits_for_the_next_heartbeat_and_one_that_waited_too_long_for_the_core(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        it.executor.run(up(1, 30))  # too short for a ticket
        await until(lambda: it.executor.gates._leases["web"].ends_ms < boottime_ms(), "its lease is over")
        it.executor.refresh(refresh())
        assert isinstance(it.inbox[0], GateLapsed)
        assert not any(it.executor.gates.left_ms().values())
        it.executor.open(Open("web", boottime_ms() + LONG_MS))
        assert [ending.outcome for ending in (await it.step(1)).endings] == [Outcome.DONE] * 2
        assert await asyncio.to_thread(answered, lan)

    with_web(lan, work)


def test_a_down_takes_the_gate_with_it_and_the_table_goes_with_faild(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        await is_up(it)
        it.executor.run(both(2, "down"))
        await it.step(2)
        assert it.executor.gates.left_ms() == {}
        assert "table inet failover" in nft(lan, "list", "tables"), "the next claim does not wait for it"
        it.executor.run(up(3))
        await it.step(3)
        assert it.executor.gates.left_ms().keys() == BOTH
        it.executor.run(both(4, "down"))
        await it.step(4)

    with_web(lan, work)
    assert nft(lan, "list", "tables") == ""


def test_the_gate_stays_until_the_last_address_is_down(lan: Lan, tmp_path: Path) -> None:
    """An address, a script, an address: the lease is that of the service."""

    async def work(it: Stage) -> None:
        for index in range(3):
            order = dataclasses.replace(run(index, "up", index), lease_ends_ms=boottime_ms() + LONG_MS)
            it.executor.run(order)
            assert (await it.finished(index)).outcome is Outcome.DONE
        it.executor.run(run(7, "down", 2))
        await it.finished(7)
        it.executor.refresh(refresh())
        assert it.executor.gates.left_ms().keys() == BOTH
        assert lan.answers(ip(FOUR))
        for index in (1, 0):
            it.executor.run(run(8 + index, "down", index))
            await it.finished(8 + index)
        assert it.executor.gates.left_ms() == {}
        assert not any(isinstance(given, GateLapsed) for given in it.inbox)

    with_web(lan, work, policy(address(FOUR), script(write_script(tmp_path, "exit 0")), address(SIX)))


def test_a_service_without_addresses_leaves_no_table_and_the_last_one_that_has_some_takes_it_along(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        assert "failover" in nft(lan, "list", "tables")
        it.executor.configure(policy())
        assert nft(lan, "list", "tables") == ""
        it.executor.configure(policy(address(FOUR)))
        assert "failover" in nft(lan, "list", "tables")

    with_web(lan, work)


def test_what_an_earlier_life_left_up_is_silent_at_once_and_its_gate_goes_when_it_is_down(lan: Lan) -> None:
    async def crash() -> None:
        gate = Gate.enter()
        it = stage(policy(address(FOUR), address(SIX)))
        await is_up(await it.__aenter__())
        assert gate.held().keys() == BOTH
        gate.leave()  # and nothing is taken down

    inside(lan.one, crash)
    assert answered(lan)

    async def work(it: Stage) -> None:
        it.executor.gates.shut_at_start(BOTH)
        assert await asyncio.to_thread(silent, lan)
        lines = await it.executor.sweep()
        assert [line for line in lines if "taken down" in line]
        assert it.executor.gates.left_ms() == {}
        await is_up(it)
        assert await asyncio.to_thread(answered, lan)

    with_web(lan, work)


def test_a_table_that_others_flush_is_made_again_by_the_cores_word(lan: Lan) -> None:
    async def work(it: Stage) -> None:
        await is_up(it)
        ends_ms = it.executor.gates._leases["web"].until_ms
        nft(lan, "flush", "ruleset")
        it.executor.refresh(refresh())
        assert it.inbox[1:] == [GateGone("web", ends_ms)]
        it.executor.open(Open("web", boottime_ms() + LONG_MS))
        assert it.executor.gates.left_ms().keys() == BOTH
        assert min(it.executor.gates.left_ms().values()) > 0
        assert await asyncio.to_thread(answered, lan)

    with_web(lan, work)


def test_where_others_have_a_table_of_our_name_the_addresses_get_a_lifetime(lan: Lan) -> None:
    """The second best, and said: nothing of theirs is touched."""
    nft(lan, "add", "table", "inet", "failover")

    async def work(it: Stage) -> None:
        gates = it.executor.gates
        assert gates.enforced_by == "valid_lft"
        assert "faild changes no table that others have filled" in gates.because
        await is_up(it)
        assert await asyncio.to_thread(answered, lan)
        it.executor.refresh(refresh(500))
        await until(lambda: not {ip(FOUR), ip(SIX)} & lan.ips(lan.one), "the kernel takes them away")
        await asyncio.sleep(1.2)  # the keeper's pause
        assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one), "nothing is put back before the core has looked"
        it.executor.refresh(refresh())
        assert [type(given) for given in it.inbox[1:]] == [GateLapsed]
        it.executor.open(Open("web", boottime_ms() + LONG_MS))
        await until(lambda: {ip(FOUR), ip(SIX)} <= lan.ips(lan.one), "they are back")
        assert await asyncio.to_thread(answered, lan)

    with_web(lan, work)
    assert nft(lan, "list", "table", "inet", "failover").split() == ["table", "inet", "failover", "{", "}"]


def test_under_majority_nothing_comes_up_that_the_kernel_could_not_end(lan: Lan) -> None:
    """A lifetime in whole seconds is longer than what the voters have promised."""
    nft(lan, "add", "table", "inet", "failover")
    soon = [dataclasses.replace(address(text), timeout_ms=300) for text in (FOUR, SIX)]

    async def work(it: Stage) -> None:
        it.executor.run(up())
        ended = (await it.step(1)).endings
        assert [ending.outcome for ending in ended] == [Outcome.FAILED] * 2
        assert "under majority nothing comes up that the kernel cannot end: table inet failover: chain inbound" in ended[0].text
        assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one)

    with_web(lan, work, policy(*soon, partition="majority"))
