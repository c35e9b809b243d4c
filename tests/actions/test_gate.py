"""The kernel's lease on an address, in real namespaces: what the gate lets through, when it shuts, and what opens it."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address, ip_interface
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.gate.elements import Gated
from actions.gate.gate import Answer, Gate, NoGate, boottime_ms
from actions.gate.lifetime import keep_for
from actions.rtnetlink import Rtnetlink
from tests.actions.lab import Lan, in_namespace, inside, until

FOUR, SIX = ip_address("10.77.0.100"), ip_address("fd77::100")
WEB = Gated([FOUR, SIX])
LONG_MS = 60_000
TICK_MS = 10

pytestmark = pytest.mark.usefixtures("packet_filter")


def nft(lan: Lan, *words: str, text: str | None = None) -> str:
    command = ["ip", "netns", "exec", lan.one, "nft", *words, *(["-f", "-"] if text is not None else [])]
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def clean(lan: Lan) -> Iterator[None]:
    yield
    nft(lan, "flush", "ruleset")
    for address in (FOUR, SIX):
        with contextlib.suppress(subprocess.CalledProcessError):
            in_namespace(lan.one, "ip", "address", "del", f"{address}/{24 if address.version == 4 else 64}", "dev", "eth0")


def at_one(lan: Lan, work: Callable[[Gate], Any], now_ms: Callable[[], int] = boottime_ms) -> Any:
    """`work` with a gate in the holder's namespace."""

    async def with_gate() -> Any:
        gate = Gate.enter(now_ms)
        try:
            return work(gate)
        finally:
            gate.leave()

    return inside(lan.one, with_gate)


def opened(gate: Gate, lease_ms: int = LONG_MS, addresses: Gated = WEB) -> None:
    gate.shut(addresses)
    assert gate.open(addresses, boottime_ms() + lease_ms) is Answer.DONE


def held_up(lan: Lan) -> None:
    """The addresses are on the interface."""
    in_namespace(lan.one, "ip", "address", "add", f"{FOUR}/24", "dev", "eth0")
    in_namespace(lan.one, "ip", "address", "add", f"{SIX}/64", "dev", "eth0", "nodad")


def run_out(gate: Gate) -> None:
    deadline = time.monotonic() + 60
    while any(gate.held().values()):
        assert time.monotonic() < deadline, "an element does not run out"
        time.sleep(0.005)


# What opens and what does not.


def test_shut_it_is_silent_and_open_it_answers(lan: Lan) -> None:
    held_up(lan)
    at_one(lan, lambda gate: gate.shut(WEB))
    assert not any(lan.answers(str(address), 0.3) for address in WEB.addresses)
    at_one(lan, opened)
    assert all(lan.answers(str(address)) for address in WEB.addresses)
    at_one(lan, lambda gate: gate.shut(WEB))
    assert not any(lan.answers(str(address), 0.3) for address in WEB.addresses), "to shut is to shut what is open, too"


def test_this_machine_itself_uses_its_address_as_ever(lan: Lan) -> None:
    held_up(lan)
    at_one(lan, lambda gate: gate.shut(WEB))
    for address in WEB.addresses:
        assert inside(lan.one, partial(refuses, str(address)))


async def refuses(address: str) -> bool:
    try:
        async with asyncio.timeout(10):
            await asyncio.open_connection(address, 9)
    except ConnectionRefusedError:
        return True
    return False


def test_what_is_not_gated_is_never_touched(lan: Lan) -> None:
    at_one(lan, lambda gate: gate.shut(WEB))
    assert lan.answers("10.77.0.1")
    assert lan.answers("fd77::1")


def test_an_element_that_ran_out_is_not_revived_by_a_refresh(lan: Lan) -> None:
    def work(gate: Gate) -> None:
        opened(gate, 60)
        run_out(gate)
        assert gate.refresh([(WEB, boottime_ms() + LONG_MS)]) == [Answer.LAPSED]
        assert gate.held() == {FOUR: 0, SIX: 0}
        assert gate.open(WEB, boottime_ms() + LONG_MS) is Answer.DONE
        assert min(gate.held().values()) > 0

    at_one(lan, work)


def test_a_refresh_lengthens_and_shortens_the_life_of_an_element(lan: Lan) -> None:
    """It is what the lease has left now, also where that is less than it was."""

    def work(gate: Gate) -> None:
        opened(gate, 30_000)
        for lease_ms, other_ms in ((LONG_MS, 30_000), (20_000, 10_000)):
            assert gate.refresh([(WEB, boottime_ms() + lease_ms)]) == [Answer.DONE]
            assert all(other_ms < left_ms <= lease_ms for left_ms in gate.held().values()), gate.held()

    at_one(lan, work)


def test_one_service_that_has_lapsed_takes_no_other_with_it(lan: Lan) -> None:
    mail, dns = Gated([ip_address("10.77.0.101")]), Gated([ip_address("fd77::101")])

    def work(gate: Gate) -> None:
        for addresses in (WEB, mail, dns):
            opened(gate, 10_000, addresses)
        gate.shut(mail)
        ends_ms = boottime_ms() + LONG_MS
        assert gate.refresh([(WEB, ends_ms), (mail, ends_ms), (dns, ends_ms)]) == [Answer.DONE, Answer.LAPSED, Answer.DONE]
        lefts = gate.held()
        assert lefts[mail.addresses[0]] == 0
        assert all(lefts[address] > 10_000 for address in (FOUR, SIX, dns.addresses[0]))

    at_one(lan, work)


def test_leases_of_several_lengths_keep_their_lengths_in_one_transaction(lan: Lan) -> None:
    mail = Gated([ip_address("10.77.0.101")])

    def work(gate: Gate) -> None:
        for addresses in (WEB, mail):
            opened(gate, 10_000, addresses)
        now_ms = boottime_ms()
        assert gate.refresh([(WEB, now_ms + 20_000), (mail, now_ms + 40_000)]) == [Answer.DONE, Answer.DONE]
        lefts = gate.held()
        assert 10_000 < lefts[FOUR] <= 20_000 < lefts[mail.addresses[0]] <= 40_000

    at_one(lan, work)


def test_a_lease_with_too_little_left_opens_and_refreshes_nothing(lan: Lan) -> None:
    def work(gate: Gate) -> None:
        gate.shut(WEB)
        for left_ms in (-10_000, 0, 20, 39):
            assert gate.open(WEB, boottime_ms() + left_ms) is Answer.OVER
        opened(gate, 10_000)
        assert gate.refresh([(WEB, boottime_ms() + 30)]) == [Answer.OVER]
        assert 1_000 < min(gate.held().values()) <= 10_000

    at_one(lan, work)


def test_more_addresses_than_one_message_holds(lan: Lan) -> None:
    many = Gated([ip_address(0x0A4E_0000 + number) for number in range(2500)])

    def work(gate: Gate) -> None:
        opened(gate, 30_000, many)
        assert gate.refresh([(many, boottime_ms() + LONG_MS)]) == [Answer.DONE]
        lefts = gate.held()
        assert len(lefts) == 2500
        assert min(lefts.values()) > 30_000
        gate.close(many)
        assert gate.held() == {}

    at_one(lan, work)


# The ticket.


def test_a_transaction_that_is_sent_late_fails_whole(lan: Lan) -> None:
    """The process is stopped between its look at the clock and the transaction, or between its ticket and the clock."""

    def stopped_after() -> int:
        now_ms = boottime_ms()
        time.sleep(0.06)
        return now_ms

    def stopped_before() -> int:
        time.sleep(0.06)
        return boottime_ms()

    def work(gate: Gate) -> None:
        assert gate.refresh([(WEB, boottime_ms() + LONG_MS)]) == [Answer.LATE]
        assert max(gate.held().values()) <= 30_000, "the old end is kept"
        assert gate.open(WEB, boottime_ms() + LONG_MS) is Answer.LATE
        assert max(gate.held().values()) <= 30_000

    for clock in (stopped_after, stopped_before):
        at_one(lan, lambda gate: opened(gate, 30_000))
        at_one(lan, work, clock)


def test_the_ticket_of_another_refresh_lets_no_late_one_in(lan: Lan) -> None:
    """Two processes refresh, as `faild` and its guard do in a handover. One is late; the fresh ticket of the other is there."""

    def late_beside_another() -> int:
        now_ms = boottime_ms()
        time.sleep(0.06)
        other = Gate.enter()
        assert other.refresh([(WEB, boottime_ms())]) == [Answer.OVER]  # it had its ticket, and hands none in
        other.leave()
        return now_ms

    at_one(lan, lambda gate: opened(gate, 30_000))
    assert at_one(lan, lambda gate: gate.refresh([(WEB, boottime_ms() + LONG_MS)]), late_beside_another) == [Answer.LATE]
    assert max(at_one(lan, lambda gate: gate.held()).values()) <= 30_000


delays = st.sampled_from([0, 0, 0.004, 0.012, 0.018, 0.022, 0.03])
steps = st.lists(st.tuples(delays, delays, st.integers(20, 160), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_no_sequence_of_late_sends_leaves_an_element_beyond_its_lease(
    lan: Lan, steps: list[tuple[float, float, int, bool]]
) -> None:
    """In the kernel, with deliberate delays between ticket, look at the clock, and transaction. What is left is read
    after we looked at the clock, so that our own slowness accuses nothing."""
    delay = [0.0, 0.0]

    def clock() -> int:
        time.sleep(delay[0])
        now_ms = boottime_ms()
        time.sleep(delay[1])
        return now_ms

    def work(gate: Gate) -> None:
        gate.shut(WEB)
        latest_ms = 0
        for before_clock, before_send, lease_ms, anew in steps:
            delay[:] = before_clock, before_send
            ends_ms = boottime_ms() + lease_ms
            latest_ms = max(latest_ms, ends_ms)
            answer = gate.open(WEB, ends_ms) if anew else gate.refresh([(WEB, ends_ms)])[0]
            assert answer is not Answer.GONE
            since_ms = boottime_ms() - 1
            for address, left_ms in gate.held().items():
                assert left_ms == 0 or since_ms + left_ms <= latest_ms + TICK_MS, (
                    f"{address} lives beyond every lease: {left_ms} ms"
                )

    at_one(lan, work, clock)


# The table.


def test_the_table_survives_our_end_and_the_next_life_finds_it(lan: Lan) -> None:
    at_one(lan, opened)
    assert set(at_one(lan, lambda gate: gate.held())) == {FOUR, SIX}
    assert at_one(lan, lambda gate: gate.refresh([(WEB, boottime_ms() + LONG_MS)])) == [Answer.DONE]
    at_one(lan, lambda gate: gate.shut(WEB))
    assert at_one(lan, lambda gate: gate.held()) == {FOUR: 0, SIX: 0}, "what an earlier life had opened is shut"


def test_it_goes_with_the_last_service_and_not_before(lan: Lan) -> None:
    """Also where the services are those of two `faild` on one machine."""
    mail = Gated([ip_address("10.77.0.101")])
    at_one(lan, opened)
    at_one(lan, lambda gate: opened(gate, LONG_MS, mail))
    at_one(lan, lambda gate: gate.close(WEB))
    assert at_one(lan, lambda gate: set(gate.held())) == set(mail.addresses)
    at_one(lan, lambda gate: gate.close(mail))
    assert nft(lan, "list", "ruleset") == ""
    at_one(lan, lambda gate: gate.close(mail))  # every word may be said twice


def test_closed_and_gated_again_it_is_shut(lan: Lan) -> None:
    """The element of the holding before would otherwise open it, unasked."""
    mail = Gated([ip_address("10.77.0.101")])

    def work(gate: Gate) -> None:
        opened(gate, LONG_MS, mail)
        opened(gate)
        gate.close(WEB)
        gate.shut(WEB)
        assert gate.held()[FOUR] == gate.held()[SIX] == 0

    at_one(lan, work)


def test_an_element_that_was_added_by_hand_runs_out_too(lan: Lan) -> None:
    at_one(lan, lambda gate: gate.shut(WEB))
    nft(lan, "add", "element", "inet", "failover", "held6", f"{{ {SIX} }}")
    assert at_one(lan, lambda gate: 0 < gate.held()[SIX] <= 1000)


def test_a_flushed_ruleset_is_noticed_and_made_anew(lan: Lan) -> None:
    """`systemctl restart nftables` begins with it."""

    def work(gate: Gate) -> None:
        opened(gate)
        nft(lan, "flush", "ruleset")
        assert gate.refresh([(WEB, boottime_ms() + LONG_MS)]) == [Answer.GONE]
        assert gate.open(WEB, boottime_ms() + LONG_MS) is Answer.GONE
        assert gate.held() == {}
        opened(gate)
        gate.check()

    at_one(lan, work)


OURS_AND = {
    "rule": "add rule inet failover inbound ip saddr 10.0.0.9 drop",
    "rule before ours": "insert rule inet failover inbound accept",
    "chain": "add chain inet failover mine",
    "set": "add set inet failover blocked { type ipv4_addr; }",
    "set of arp": "add set arp failover blocked { type ipv4_addr; }",
    "no rules": "flush chain inet failover outbound",
    "one rule less": "flush chain arp failover outbound",
    "one table": "delete table arp failover",
    "dormant": "add table inet failover { flags dormant; }",
    "other rules": "flush chain arp failover outbound; add rule arp failover outbound arp saddr ip @gated4 accept",
}


@pytest.mark.parametrize("change", OURS_AND)
def test_a_table_that_others_changed_is_refused_with_a_sentence(lan: Lan, change: str) -> None:
    at_one(lan, lambda gate: gate.shut(WEB))
    nft(lan, text=OURS_AND[change])
    refused_as_not_ours(lan)


THEIRS = {
    "empty": "table inet failover { }; table arp failover { }",
    "filled": "table inet failover { chain input { type filter hook input priority 0; policy drop; }; }",
    "same names": "table inet failover { set held4 { type ipv4_addr; }; set gated4 { type ipv4_addr; }; }",
    "arp": "table arp failover { chain outbound { type filter hook output priority 0; }; }",
}


@pytest.mark.parametrize("name", THEIRS)
def test_a_table_of_our_name_that_others_filled_is_refused_and_left_alone(lan: Lan, name: str) -> None:
    nft(lan, text=THEIRS[name])
    before = nft(lan, "list", "ruleset")
    refused_as_not_ours(lan)
    assert nft(lan, "list", "ruleset") == before


def test_a_table_that_appears_between_our_look_and_the_first_address_is_refused(lan: Lan) -> None:
    def work(gate: Gate) -> None:
        nft(lan, text=THEIRS["filled"])
        gate.shut(WEB)

    with pytest.raises(NoGate, match="table inet failover"):
        at_one(lan, work)


def refused_as_not_ours(lan: Lan) -> None:
    with pytest.raises(NoGate) as refused:
        at_one(lan, lambda gate: None)
    said = str(refused.value)
    assert said.startswith(("table inet failover", "table arp failover")), said
    assert "nft delete table inet failover" in said
    assert "valid_lft" in said


def test_without_the_right_to_change_filters_it_says_so_and_what_is_left(lan: Lan) -> None:
    code = "from actions.gate.gate import Gate, NoGate\ntry: Gate.enter()\nexcept NoGate as error: print(error)"
    words = ["setpriv", "--bounding-set=-net_admin", "--ambient-caps=-all", "--inh-caps=-all", sys.executable, "-c", code]
    said = in_namespace(lan.one, *words)
    assert said.startswith("faild may not change packet filters (it lacks CAP_NET_ADMIN): addresses are enforced by valid_lft")


# The second best.


@pytest.mark.parametrize("address", [f"{FOUR}/24", f"{SIX}/64"])
def test_where_there_is_no_gate_the_kernel_removes_what_is_not_kept(lan: Lan, address: str) -> None:
    def keep(left_ms: int) -> None:
        kernel = Rtnetlink()
        keep_for(kernel, "eth0", ip_interface(address), left_ms)
        kernel.close()

    async def work() -> None:
        keep(600_000)
        keep(1000)
        assert address in lan.addresses(lan.one)
        await until(lambda: address not in lan.addresses(lan.one), "the kernel removes it")

    inside(lan.one, work)
