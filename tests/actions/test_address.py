"""Addresses in real namespaces, looked at from the client's side of a switch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_interface

import pytest

from actions.action import DONE, Ending, Order, Result, Seen
from actions.address_action import AddressAction, at_once, many
from actions.announce import Announcer
from actions.netlink import Netlink
from actions.wire import Wire
from tests.actions.lab import Lan, in_namespace, inside

ORDER = Order("web", "one", 7, "a test")
FOUR, SIX = "10.77.0.100/24", "fd77::100/64"


@contextlib.asynccontextmanager
async def action(address: str, interface: str = "eth0") -> AsyncIterator[AddressAction]:
    wire = Wire.open()
    netlink, announcer = await Netlink.open(), Announcer(wire)
    try:
        yield AddressAction(interface, ip_interface(address), netlink, announcer)
    finally:
        announcer.close()
        netlink.close()
        wire.close()


def perform(name: str, address: str, word: str, interface: str = "eth0") -> Result:
    async def work() -> Result:
        async with action(address, interface) as it:
            result: Result = await getattr(it, word)(ORDER)
            it.netlink.tidy()
            return result

    return inside(name, work)


def probe(name: str, address: str) -> Seen:
    async def work() -> Seen:
        async with action(address) as it:
            return await it.probe(ORDER)

    return inside(name, work)


@pytest.fixture(autouse=True)
def clean(lan: Lan) -> Iterator[None]:
    yield
    for name in (lan.one, lan.two):
        for address in (FOUR, SIX):
            perform(name, address, "down")


@pytest.mark.parametrize("address", [FOUR, SIX])
def test_a_client_finds_the_new_owner_at_once(lan: Lan, address: str) -> None:
    """The client remembers the old owner's hardware address; one announcement replaces it, without the client asking."""
    ip = address.split("/")[0]
    assert perform(lan.one, address, "up").ending is Ending.DONE
    assert lan.answers(ip)
    assert lan.neighbour(lan.client, ip) == lan.mac(lan.one)
    assert perform(lan.one, address, "down").ending is Ending.DONE
    result = perform(lan.two, address, "up")
    assert result.ending is Ending.DONE
    assert result.announce_us > 0
    assert lan.neighbour(lan.client, ip) == lan.mac(lan.two)
    assert lan.answers(ip)


@pytest.mark.parametrize("address", [FOUR, SIX])
def test_after_a_split_reclaim_takes_the_client_back(lan: Lan, address: str) -> None:
    """Both had it; the winner's address never went away, and only announcing tells the client."""
    ip = address.split("/")[0]
    perform(lan.one, address, "up")
    assert lan.answers(ip)
    perform(lan.two, address, "up")
    assert lan.neighbour(lan.client, ip) == lan.mac(lan.two)
    perform(lan.two, address, "down")
    assert perform(lan.one, address, "reclaim").ending is Ending.DONE
    assert lan.neighbour(lan.client, ip) == lan.mac(lan.one)


@pytest.mark.parametrize("address", [FOUR, SIX])
def test_every_word_may_be_said_twice(lan: Lan, address: str) -> None:
    for word, seen in (("up", Seen.UP), ("up", Seen.UP), ("down", Seen.DOWN), ("down", Seen.DOWN)):
        assert perform(lan.one, address, word).ending is Ending.DONE
        assert probe(lan.one, address) is seen
    assert lan.addresses(lan.one)[0] == "10.77.0.1/24"


def test_the_second_service_address_survives_the_first_where_the_node_has_no_other(lan: Lan) -> None:
    """The kernel removes a subnet's secondary addresses with the first one; both are service addresses."""
    perform(lan.one, "10.99.0.1/24", "up")
    perform(lan.one, "10.99.0.2/24", "up")
    perform(lan.one, "10.99.0.1/24", "down")
    assert "10.99.0.2" in lan.ips(lan.one)
    perform(lan.one, "10.99.0.2/24", "down")


def test_the_node_keeps_its_own_address_that_came_second(lan: Lan) -> None:
    in_namespace(lan.one, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries")
    perform(lan.one, "10.98.0.1/24", "up")
    in_namespace(lan.one, "ip", "address", "add", "10.98.0.9/24", "dev", "eth0")
    perform(lan.one, "10.98.0.1/24", "down")
    assert "10.98.0.9/24" in lan.addresses(lan.one)
    in_namespace(lan.one, "ip", "address", "del", "10.98.0.9/24", "dev", "eth0")


def test_our_own_connections_never_leave_from_the_service_address(lan: Lan) -> None:
    """A connection from an address that moves away would break with it: the IPv6 address is deprecated as a source."""
    perform(lan.one, SIX, "up")
    route = in_namespace(lan.one, "ip", "-6", "route", "get", "fd77::3")
    assert "src fd77::1 " in route


def test_what_we_remembered_of_the_old_owner_is_forgotten(lan: Lan) -> None:
    """Before it owned the address, this node was its client. Were that kept, it would count again afterwards."""
    in_namespace(lan.one, "ip", "neigh", "replace", "10.77.0.100", "lladdr", lan.mac(lan.two), "dev", "eth0")
    perform(lan.one, FOUR, "up")
    perform(lan.one, FOUR, "down")
    assert lan.neighbour(lan.one, "10.77.0.100") == ""


def test_an_address_with_another_prefix_is_found_and_taken_down(lan: Lan) -> None:
    in_namespace(lan.one, "ip", "address", "add", "10.77.0.100/32", "dev", "eth0")
    assert probe(lan.one, FOUR) is Seen.UP
    assert perform(lan.one, FOUR, "down").ending is Ending.DONE
    assert probe(lan.one, FOUR) is Seen.DOWN


@pytest.mark.parametrize("address", [FOUR, SIX])
@pytest.mark.parametrize("interface", ["eth0", "spare0"])
@pytest.mark.parametrize("together", [False, True])
def test_an_address_is_not_down_while_it_is_here_a_second_time(lan: Lan, address: str, interface: str, together: bool) -> None:
    """Typed in an emergency, with the prefix that comes of itself; IPv6 is still tentative then, and cannot be bound."""
    ip = address.split("/")[0]

    async def work() -> Seen:
        async with action(address) as it, action("10.77.0.101/24") as other:
            await it.up(ORDER)
            await other.up(ORDER)
            if (address, interface) != (SIX, "eth0"):  # IPv6 has it once on one interface
                in_namespace(lan.one, "ip", "address", "add", ip, "dev", interface)
            if not together or at_once([other, it], "down") is None:
                assert (await it.down(ORDER)).ending is Ending.DONE
                await other.down(ORDER)
            return await it.probe(ORDER)

    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")
    try:
        assert inside(lan.one, work) is Seen.DOWN
        assert ip not in in_namespace(lan.one, "ip", "-o", "address").replace("/", " ").split()
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")


def test_a_second_one_is_seen_on_an_interface_that_is_off_and_where_anything_can_be_bound(lan: Lan) -> None:
    in_namespace(lan.one, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")

    async def work() -> tuple[Result | None, bool]:
        async with action(FOUR) as it:
            await it.up(ORDER)
            whole = (at_once([it], "down") or [None])[0]
            in_namespace(lan.one, "ip", "address", "add", "10.77.0.100/32", "dev", "spare0")
            return whole, it.netlink.has_any([it.address])

    try:
        assert inside(lan.one, work) == (DONE, True)
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")
        in_namespace(lan.one, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=0")


def test_hundreds_of_addresses_hide_none(lan: Lan) -> None:
    """The kernel lists them into a room of ours, and leaves out what does not fit."""
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")
    commands = "".join(f"address add 10.66.{n}.{m}/32 dev spare0\n" for n in range(4) for m in range(80))
    in_namespace(lan.one, "sh", "-c", f"echo '{commands}' | ip -batch -")

    async def work() -> list[bool]:
        async with action(FOUR) as it:
            return [it.netlink.has_any([ip_interface(text)]) for text in ("10.66.0.0/24", "10.66.3.79/24", "10.66.3.80/24")]

    try:
        assert inside(lan.one, work) == [True, True, False]
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")


def test_a_link_local_address_of_another_interface_is_another_address(lan: Lan) -> None:
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")
    in_namespace(lan.one, "ip", "address", "add", "fe80::100/64", "dev", "spare0")
    try:
        for word, seen in (("up", Seen.UP), ("down", Seen.DOWN)):
            assert perform(lan.one, "fe80::100/64", word).ending is Ending.DONE
            assert probe(lan.one, "fe80::100/64") is seen
        assert "fe80::100/64" in lan.addresses(lan.one, "spare0")
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")


def test_an_address_that_people_keep_on_lo_is_not_ours(lan: Lan) -> None:
    in_namespace(lan.one, "ip", "address", "add", "10.77.0.100/32", "dev", "lo")
    assert probe(lan.one, FOUR) is Seen.DOWN
    for word in ("down", "up", "down"):
        assert perform(lan.one, FOUR, word).ending is Ending.DONE
    assert "10.77.0.100/32" in lan.addresses(lan.one, "lo")
    in_namespace(lan.one, "ip", "address", "del", "10.77.0.100/32", "dev", "lo")


def test_a_missing_interface_fails_and_says_so(lan: Lan) -> None:
    result = perform(lan.one, FOUR, "up", "eth7")
    assert result.ending is Ending.FAILED
    assert "eth7" in result.text
    assert perform(lan.one, FOUR, "down", "eth7").ending is Ending.DONE


def test_an_interface_that_is_switched_off_fails_and_leaves_nothing(lan: Lan) -> None:
    in_namespace(lan.two, "ip", "link", "set", "eth0", "down")
    try:
        result = perform(lan.two, FOUR, "up")
        assert result.ending is Ending.FAILED
        assert "announced" in result.text
        assert "10.77.0.100/24" not in lan.addresses(lan.two)
    finally:
        in_namespace(lan.two, "ip", "link", "set", "eth0", "up")
        in_namespace(lan.two, "ip", "address", "replace", "fd77::2/64", "dev", "eth0", "nodad")


def test_a_reclaim_that_cannot_be_announced_keeps_the_address(lan: Lan) -> None:
    perform(lan.two, FOUR, "up")
    in_namespace(lan.two, "ip", "link", "set", "eth0", "down")
    try:
        assert perform(lan.two, FOUR, "reclaim").ending is Ending.FAILED
        assert FOUR in lan.addresses(lan.two)
    finally:
        in_namespace(lan.two, "ip", "link", "set", "eth0", "up")
        in_namespace(lan.two, "ip", "address", "replace", "fd77::2/64", "dev", "eth0", "nodad")


def test_nothing_is_announced_any_more_after_down(lan: Lan) -> None:
    """The repeats of an announcement must not take the client back to a node that gave the address up."""

    async def up_and_down() -> int:
        async with action(FOUR) as it:
            await it.up(ORDER)
            assert it._announcer._coming
            await it.down(ORDER)
            return len(it._announcer._coming)

    assert inside(lan.one, up_and_down) == 0


def test_a_cancelled_up_is_over_before_the_down_that_follows(lan: Lan) -> None:
    """The kernel adds the address even when its asker does not wait for it any more: down must come after that."""

    async def work() -> Seen:
        async with action(FOUR) as it:
            for _ in range(20):
                up = asyncio.create_task(it.up(ORDER))
                await asyncio.sleep(0)
                up.cancel()
                await it.down(ORDER)
            return await it.probe(ORDER)

    assert inside(lan.one, work) is Seen.DOWN


@contextlib.contextmanager
def own_card(lan: Lan) -> Iterator[str]:
    """An interface of node one on which tests may do what they like."""
    in_namespace(lan.one, "ip", "link", "add", "own0", "type", "veth", "peer", "own1")
    for name in ("own0", "own1"):
        in_namespace(lan.one, "ip", "link", "set", name, "up")
    try:
        yield "own0"
    finally:
        in_namespace(lan.one, "ip", "link", "del", "own0")


def source_of(lan: Lan, target: str) -> str:
    words = in_namespace(lan.one, "ip", "route", "get", target).split()
    return words[words.index("src") + 1]


@pytest.mark.parametrize("prefix", [16, 24, 25, 32])
def test_a_service_address_that_was_there_first_is_no_source_of_the_hosts_connections(lan: Lan, prefix: int) -> None:
    """faild was up before DHCP: the host's own address comes second, and must be its first all the same."""
    with own_card(lan) as card:
        assert perform(lan.one, f"10.96.0.100/{prefix}", "up", card).ending is Ending.DONE
        in_namespace(lan.one, "ip", "address", "add", "10.96.0.1/24", "dev", card)
        in_namespace(lan.one, "ip", "route", "add", "10.55.0.0/16", "via", "10.96.0.254", "dev", card)
        assert {source_of(lan, "10.96.0.7"), source_of(lan, "10.55.0.1")} == {"10.96.0.1"}
        lines = in_namespace(lan.one, "ip", "-o", "address", "show", "dev", card).splitlines()
        assert ["secondary" in line for line in lines if "10.96.0.1/" in line] == [False]


@pytest.mark.parametrize("promote", ["0", "1"])
def test_a_network_that_the_host_joins_later_loses_nothing_with_the_service_address(lan: Lan, promote: str) -> None:
    with own_card(lan) as card:
        in_namespace(lan.one, "sysctl", "-qw", f"net.ipv4.conf.{card}.promote_secondaries={promote}")
        perform(lan.one, "10.96.0.100/24", "up", card)
        in_namespace(lan.one, "ip", "address", "add", "10.96.0.1/24", "dev", card)
        perform(lan.one, "10.96.0.100/24", "down", card)
        assert lan.addresses(lan.one, card)[0] == "10.96.0.1/24"


@pytest.mark.parametrize("own", ["10.96.0.1/24", "fd96::1/64"])
def test_an_address_by_which_the_host_lives_is_refused_and_stays(lan: Lan, own: str) -> None:
    with own_card(lan) as card:
        in_namespace(lan.one, "ip", "address", "add", own, "dev", card, *(["nodad"] if ":" in own else []))
        refused = perform(lan.one, own, "up", card)
        assert refused.ending is Ending.FAILED
        assert f"{own} on {card} is this host's own address" in refused.text
        assert perform(lan.one, own, "down", card).ending is Ending.DONE
        assert own in lan.addresses(lan.one, card)


def test_all_announcements_go_through_one_socket_and_none_is_closed(lan: Lan) -> None:
    """Each last close of a packet socket waits for the kernel, wherever it happens."""

    async def work() -> tuple[set[str], set[str]]:
        async with action(FOUR) as it, action(SIX) as other:
            before = packet_sockets()
            for _ in range(5):
                await it.reclaim(ORDER)
                await other.reclaim(ORDER)
            return before, packet_sockets()

    before, after = inside(lan.one, work)
    assert len(before) == 2  # one for each announcer of this test
    assert after == before


def packet_sockets() -> set[str]:
    with open("/proc/thread-self/net/packet") as file:
        return {line.split()[-1] for line in file.readlines()[1:]}


def test_hundreds_go_up_and_down_together_with_turns_of_the_loop_between(lan: Lan) -> None:
    texts = [f"10.66.{n}.{m}/32" for n in range(2) for m in range(100)] + [f"fd66::{n}/128" for n in range(1, 100)]

    async def work() -> tuple[int, int, int]:
        wire = Wire.open()
        netlink, announcer = await Netlink.open(), Announcer(wire)
        actions = [AddressAction("eth0", ip_interface(text), netlink, announcer) for text in texts]
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        assert at_once(actions, "up") is None
        up = await many(actions, "up")
        there = len(set(texts) & set(lan.addresses(lan.one)))
        down = await many(actions, "down")
        counting.cancel()
        announcer.close()
        netlink.close()
        wire.close()
        return len(up or []) + len(down or []), there, turns

    done, there, turns = inside(lan.one, work)
    assert (done, there) == (2 * len(texts), len(texts))
    assert turns > 8
    assert not set(texts) & set(lan.addresses(lan.one))
