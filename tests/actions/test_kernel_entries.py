"""Routes, neighbours and elements of sets: made, found and removed in the kernel of a namespace; what others made stays."""

import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from actions.action import Action, Ending, Order, Result, Seen
from actions.kinds import ACTIONS
from actions.netlink import Netlink
from actions.run_action import look, perform
from protocol.stored.table import Table
from tests.actions.guard.conftest import peer, stand_in  # noqa: F401  the same fixtures
from tests.actions.guard.killed import Peer
from tests.actions.lab import Lan, in_namespace, inside

ORDER = Order("web", "one", 7, "a test")

RULES = """
add table inet firewall
add set inet firewall active { type ipv4_addr; }
add set inet firewall six { type ipv6_addr; }
add set inet firewall ports { type inet_service; }
add set inet firewall macs { type ether_addr; }
add set inet firewall nets { type ipv4_addr; flags interval; }
add set inet firewall brief { type ipv4_addr; flags timeout; timeout 1h; }
add set inet firewall pairs { type ipv4_addr . inet_service; }
add map inet firewall ways { type ipv4_addr : verdict; }
"""


@pytest.fixture
def node(lan: Lan) -> Iterator[str]:
    """The namespace `one` with rules and a dummy interface; all of it is removed afterwards."""
    in_namespace(lan.one, "ip", "link", "add", "other", "type", "veth", "peer", "otherend")
    in_namespace(lan.one, "ip", "link", "set", "other", "up")
    in_namespace(lan.one, "ip", "link", "set", "otherend", "up")
    subprocess.run(["ip", "netns", "exec", lan.one, "nft", "-f", "-"], input=RULES, text=True, check=True)
    yield lan.one
    in_namespace(lan.one, "nft", "delete", "table", "inet", "firewall")
    for words in (["link", "del", "other"], ["neigh", "flush", "nud", "permanent"], ["route", "flush", "table", "77"]):
        subprocess.run(["ip", "-n", lan.one, *words], capture_output=True)
    for family in ("-4", "-6"):
        subprocess.run(["ip", "-n", lan.one, family, "route", "flush", "root", "10.88.0.0/14"], capture_output=True)


def with_action(node: str, written: dict[str, Any], work: Callable[[Action], Awaitable[Any]]) -> Any:
    kind = ACTIONS[next(iter(written))]

    async def run() -> Any:
        netlink = await Netlink.open()
        try:
            made = kind.make(kind.read(Table(written)), type("Workshop", (), {"netlink": netlink}))  # type: ignore[arg-type]
            assert made.action is not None
            return await work(made.action)
        finally:
            netlink.close()

    return inside(node, run)


def told(node: str, written: dict[str, Any], *words: str) -> list[Result]:
    async def work(action: Action) -> list[Result]:
        return [await perform(action, word, ORDER, 20) for word in words]

    return list(with_action(node, written, work))


def endings(node: str, written: dict[str, Any], *words: str) -> list[Ending]:
    return [result.ending for result in told(node, written, *words)]


def seen(node: str, written: dict[str, Any]) -> Seen:
    found: Seen = with_action(node, written, lambda action: look(action, ORDER))
    return found


def routes(node: str, *words: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(in_namespace(node, "ip", "-j", "-d", *words) or "[]")
    return [{key: it[key] for key in ("dst", "gateway", "dev", "metric") if key in it} for it in listed]


def elements(node: str, name: str) -> list[Any]:
    listed = json.loads(in_namespace(node, "nft", "-j", "list", "set", "inet", "firewall", name))
    found: list[Any] = next(it["set"].get("elem", []) for it in listed["nftables"] if "set" in it)
    return found


ROUTE = {"route": "10.88.0.0/16", "interface": "eth0", "via": "10.77.0.2"}
ENTRIES = [
    ROUTE,
    {"route": "10.89.0.0/16", "interface": "other", "metric": 9, "table": 77},
    {"route": "0.0.0.0/0", "interface": "eth0", "via": "10.77.0.2", "metric": 4000},
    {"route": "fd88::/32", "interface": "eth0", "via": "fd77::2"},
    {"route": "::/0", "interface": "eth0", "via": "fd77::2", "table": 1000},
    {"arp": "10.77.0.90", "interface": "eth0"},
    {"arp": "fd77::90", "interface": "eth0"},
    {"arp": "10.77.0.91", "interface": "eth0", "lladdr": "02:00:00:00:00:91"},
    {"arp": "fd77::91", "interface": "eth0", "lladdr": "02:00:00:00:00:91"},
    {"nft": "inet firewall active", "element": "10.77.0.100"},
    {"nft": "inet firewall six", "element": "fd77::100"},
    {"nft": "inet firewall ports", "element": "443"},
    {"nft": "inet firewall macs", "element": "02:00:00:00:00:91"},
]


@pytest.mark.parametrize("written", ENTRIES, ids=lambda written: str(list(written.values())))
def test_it_is_up_and_down_as_often_as_it_is_told_and_a_probe_sees_which(node: str, written: dict[str, Any]) -> None:
    assert seen(node, written) is Seen.DOWN
    assert endings(node, written, "down", "up", "up", "reclaim") == [Ending.DONE] * 4
    assert seen(node, written) is Seen.UP
    assert endings(node, written, "down", "down") == [Ending.DONE] * 2
    assert seen(node, written) is Seen.DOWN


def test_a_route_is_as_it_is_written_and_one_of_ours_that_leads_elsewhere_is_put_right(node: str) -> None:
    wrong = {**ROUTE, "via": "10.77.0.3"}
    assert endings(node, wrong, "up") == [Ending.DONE]
    assert endings(node, ROUTE, "up") == [Ending.DONE]
    assert routes(node, "route", "show", "10.88.0.0/16") == [
        {"dst": "10.88.0.0/16", "gateway": "10.77.0.2", "dev": "eth0", "metric": 20}
    ]
    assert endings(node, ROUTE, "down") == [Ending.DONE]
    assert routes(node, "route", "show", "10.88.0.0/16") == []


def test_a_route_of_others_is_never_changed_and_one_with_another_metric_is_no_obstacle(node: str) -> None:
    in_namespace(node, "ip", "route", "add", "10.88.0.0/16", "via", "10.77.0.3", "metric", "20")
    in_namespace(node, "ip", "route", "add", "10.88.0.0/16", "via", "10.77.0.3", "metric", "21")
    theirs = routes(node, "route", "show", "10.88.0.0/16")
    (result,) = told(node, ROUTE, "up")
    assert (result.ending, result.text) == (
        Ending.FAILED,
        "a route to 10.88.0.0/16 with metric 20 in table 254 is there already, and was not made by faild: it is left alone",
    )
    assert endings(node, ROUTE, "down") == [Ending.DONE]
    other = {**ROUTE, "metric": 19}
    assert endings(node, other, "up", "down") == [Ending.DONE] * 2
    assert routes(node, "route", "show", "10.88.0.0/16") == theirs


def test_a_gateway_that_is_not_reached_is_the_kernels_own_sentence(node: str) -> None:
    (result,) = told(node, {**ROUTE, "via": "10.99.0.1"}, "up")
    assert (result.ending, result.text.split(": ")[-1]) == (Ending.FAILED, "Network is unreachable")


@pytest.mark.parametrize("written", [{**ROUTE, "interface": "gone"}, {"arp": "10.77.0.90", "interface": "gone"}])
def test_without_its_interface_it_cannot_come_up_and_is_down(node: str, written: dict[str, Any]) -> None:
    up, down = told(node, written, "up", "down")
    assert up.ending is Ending.FAILED
    assert "there is no interface gone" in up.text
    assert down.ending is Ending.DONE


def test_a_neighbour_of_others_stays_and_one_that_was_learnt_is_replaced(node: str) -> None:
    ours = {"arp": "10.77.0.91", "interface": "eth0", "lladdr": "02:00:00:00:00:91"}
    in_namespace(node, "ip", "neigh", "add", "10.77.0.91", "lladdr", "02:00:00:00:00:05", "nud", "permanent", "dev", "eth0")
    up, down = told(node, ours, "up", "down")
    assert (up.ending, down.ending) == (Ending.FAILED, Ending.DONE)
    assert "a static entry for 10.77.0.91 on eth0 is there already" in up.text
    assert "02:00:00:00:00:05 PERMANENT" in in_namespace(node, "ip", "neigh", "show", "10.77.0.91")
    in_namespace(node, "ip", "neigh", "change", "10.77.0.91", "lladdr", "02:00:00:00:00:05", "nud", "stale", "dev", "eth0")
    assert endings(node, ours, "up") == [Ending.DONE]
    assert "02:00:00:00:00:91 PERMANENT" in in_namespace(node, "ip", "neigh", "show", "10.77.0.91")
    assert endings(node, ours, "down") == [Ending.DONE]


def test_a_node_that_forwards_answers_for_its_proxy_entry_while_it_is_up(lan: Lan, node: str) -> None:
    in_namespace(node, "sysctl", "-qw", "net.ipv4.conf.all.forwarding=1", "net.ipv4.neigh.eth0.proxy_delay=0")
    in_namespace(node, "ip", "route", "add", "10.77.0.92/32", "dev", "other")
    entry = {"arp": "10.77.0.92", "interface": "eth0"}
    try:
        assert endings(node, entry, "up") == [Ending.DONE]
        lan.answers("10.77.0.92", 0.5)
        assert lan.neighbour(lan.client, "10.77.0.92") == lan.mac(node)
        assert endings(node, entry, "down") == [Ending.DONE]
        in_namespace(lan.client, "ip", "neigh", "flush", "all")
        lan.answers("10.77.0.92", 0.5)
        assert lan.neighbour(lan.client, "10.77.0.92") == ""
    finally:
        in_namespace(node, "sysctl", "-qw", "net.ipv4.conf.all.forwarding=0")
        in_namespace(node, "ip", "route", "del", "10.77.0.92/32", "dev", "other")


def test_an_element_bears_our_comment_and_one_of_the_users_own_stays(node: str) -> None:
    entry = {"nft": "inet firewall active", "element": "10.77.0.100"}
    assert endings(node, entry, "up") == [Ending.DONE]
    assert elements(node, "active") == [{"elem": {"val": "10.77.0.100", "comment": "failover"}}]
    assert endings(node, entry, "down") == [Ending.DONE]
    in_namespace(node, "nft", "add", "element", "inet", "firewall", "active", '{ 10.77.0.100 comment "by hand", 10.77.0.7 }')
    up, down = told(node, entry, "up", "down")
    assert (up.ending, down.ending) == (Ending.FAILED, Ending.DONE)
    assert "10.77.0.100 in the set inet firewall active is there already, and was not made by faild" in up.text
    assert len(elements(node, "active")) == 2


@pytest.mark.parametrize(
    ("place", "element", "said"),
    [
        ("inet firewall none", "10.77.0.100", "the set inet firewall none is not there"),
        ("ip nothing none", "10.77.0.100", "the set ip nothing none is not there"),
        ("inet firewall active", "fd77::100", "is of another type than fd77::100"),
        ("inet firewall ports", "10.77.0.100", "is of another type than 10.77.0.100"),
        ("inet firewall nets", "10.77.0.100", "is one of ranges"),
        ("inet firewall pairs", "10.77.0.100", "is of another type than 10.77.0.100"),
        ("inet firewall ways", "10.77.0.100", "is a map"),
        ("inet firewall brief", "10.77.0.100", "forgets its elements after a time"),
    ],
)
def test_a_set_that_cannot_take_it_is_named_with_the_reason(node: str, place: str, element: str, said: str) -> None:
    up, down = told(node, {"nft": place, "element": element}, "up", "down")
    assert (up.ending, down.ending) == (Ending.FAILED, Ending.DONE)
    assert said in up.text


def test_after_a_reload_of_all_rules_it_is_down_and_comes_up_again(node: str) -> None:
    entry = {"nft": "inet firewall active", "element": "10.77.0.100"}
    assert endings(node, entry, "up") == [Ending.DONE]
    in_namespace(node, "nft", "flush", "set", "inet", "firewall", "active")
    assert seen(node, entry) is Seen.DOWN
    assert endings(node, entry, "reclaim", "down") == [Ending.DONE] * 2


def as_action(written: dict[str, Any]) -> list[Any]:
    kind = ACTIONS[next(iter(written))]
    return [kind.name, dict(kind.read(Table(dict(written)))), 20_000]


@pytest.mark.parametrize("written", ENTRIES, ids=lambda written: str(list(written.values())))
def test_the_guard_takes_it_down_after_kill_9_and_says_the_last_word(
    node: str,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    written: dict[str, Any],
) -> None:
    it = stand_in({"web": [as_action(written)]})
    it.hear("up")
    assert seen(node, written) is Seen.UP
    it.kill()
    assert peer.word(peer.four).service == "web", it.complaints()
    assert seen(node, written) is Seen.DOWN
    it.guard_ended()


THEIRS = {
    "route": (ENTRIES[0], "route {} 10.88.0.0/16 via 10.77.0.3 metric 20", "ip route show 10.88.0.0/16"),
    "static": (ENTRIES[7], "neigh {} 10.77.0.91 lladdr 02:00:00:00:00:05 nud permanent dev eth0", "ip neigh show 10.77.0.91"),
    "proxy": (ENTRIES[5], "neigh {} proxy 10.77.0.90 dev eth0", "ip neigh show proxy"),
}


@pytest.mark.parametrize("which", THEIRS)
def test_the_guard_leaves_alone_what_others_put_in_its_place(
    node: str,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    which: str,
) -> None:
    """It went by hand while the service was up, and an operator put one of his own there."""
    written, words, shown = THEIRS[which]
    it = stand_in({"web": [as_action(written)]})
    it.hear("up")
    assert endings(node, written, "down") == [Ending.DONE]
    in_namespace(node, "ip", *words.format("add").split())
    theirs = in_namespace(node, *shown.split())
    it.kill()
    assert peer.word(peer.four).service == "web", it.complaints()
    it.guard_ended()
    assert in_namespace(node, *shown.split()) == theirs != ""
    in_namespace(node, "ip", *words.format("del").split())


def test_the_guard_leaves_an_element_of_the_users_own(node: str, peer: Peer, stand_in: Any) -> None:  # noqa: F811
    it = stand_in({"web": [as_action(ENTRIES[9])]})
    it.hear("up")
    assert endings(node, ENTRIES[9], "down") == [Ending.DONE]
    in_namespace(node, "nft", "add", "element", "inet", "firewall", "active", '{ 10.77.0.100 comment "failover!" }')
    it.kill()
    assert peer.word(peer.four).service == "web", it.complaints()
    it.guard_ended()
    assert elements(node, "active") == [{"elem": {"val": "10.77.0.100", "comment": "failover!"}}]
