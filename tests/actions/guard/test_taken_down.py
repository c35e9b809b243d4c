"""What the guard takes down, with a faild that is really killed: addresses in a namespace, and scripts."""

import base64
import re
import signal
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from actions.gate.elements import Gated, ungating
from actions.gate.gate import Gate
from actions.guard import take_down
from actions.guard.gate import take_gate_away
from tests.actions.guard.killed import FOUR, SIX, Peer, address, script, wait_for
from tests.actions.lab import Lan, in_namespace, inside, ip
from tests.actions.test_script import alive, write_script


def test_a_killed_faild_leaves_nothing_and_the_peers_hear_it(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    """Two addresses and a script: all down, in reverse order, and the last word on both links."""
    count = "ip -o address show dev eth0 | grep -c .120"
    path = write_script(tmp_path, f'echo "$1 $FAILOVER_EPOCH $FAILOVER_REASON $({count})" >> $log')
    it = stand_in({"web": [address(FOUR), address(SIX), script(path)]})
    it.hear("up")
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one)
    it.kill()
    for listener in (peer.four, peer.six):
        word = peer.word(listener)
        assert (word.node, word.service, word.epoch) == ("one", "web", 7)
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one)
    assert (tmp_path / "log").read_text().splitlines()[-1] == "stop 7 faild has ended 2"
    it.guard_ended()


@pytest.fixture
def renamed(lan: Lan) -> Iterator[Any]:
    """Gives the interface another name, and its own back at the end."""
    in_namespace(lan.one, "ip", "link", "property", "add", "dev", "eth0", "altname", "first0")
    yield lambda: in_namespace(lan.one, "ip", "link", "set", "dev", "first0", "name", "ethX")
    in_namespace(lan.one, "ip", "link", "set", "dev", "first0", "name", "eth0")
    in_namespace(lan.one, "ip", "link", "property", "del", "dev", "eth0", "altname", "first0")


def test_an_address_goes_with_us_under_whatever_name_its_interface_has(
    lan: Lan, peer: Peer, stand_in: Any, renamed: Any
) -> None:
    it = stand_in({"web": [address(FOUR), address(SIX)]})
    it.hear("up")
    it.process.send_signal(signal.SIGSTOP)
    renamed()
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one, "ethX")
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one, "ethX")
    it.guard_ended()


def test_an_address_that_is_here_a_second_time_goes_too_but_not_from_lo(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """With another prefix on the same interface, with any on another; on `lo` it is there on purpose."""
    four, six = FOUR.replace("/24", "/32"), SIX.replace("/64", "/128")
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "bridge")
    try:
        it = stand_in({"web": [address(FOUR), address(SIX)]})
        it.hear("up")
        it.process.send_signal(signal.SIGSTOP)
        for text, interface in ((four, "eth0"), (four, "spare0"), (six, "spare0"), (four, "lo"), (six, "lo")):
            in_namespace(lan.one, "ip", "address", "add", text, "dev", interface)
        it.kill()
        assert peer.word(peer.four).service == "web"
        left = in_namespace(lan.one, "ip", "-o", "address").split()
        assert sorted(text for text in left if text in (FOUR, SIX, four, six)) == [four, six]
        assert {ip(four), ip(six)} <= lan.ips(lan.one, "lo")
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")
        for text in (four, six):
            in_namespace(lan.one, "ip", "address", "del", text, "dev", "lo")


def test_a_stop_that_fails_leaves_no_last_word(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    """Where something may still run, no peer must be told that it does not; all the rest goes all the same."""
    first = write_script(tmp_path, f"[ $1 != stop ] || touch {tmp_path}/stopped", "first")
    it = stand_in({"web": [address(FOUR), script(first), script(write_script(tmp_path, "[ $1 != stop ]"))]})
    it.hear("up")
    it.kill()
    it.guard_ended()
    assert (tmp_path / "stopped").exists()
    assert ip(FOUR) not in lan.ips(lan.one)
    assert peer.silent()
    assert "no last word" in it.complaints()


def test_a_stop_that_hangs_is_killed_and_leaves_no_last_word(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    path = write_script(tmp_path, f"[ $1 = stop ] || exit 0; echo $$ > {tmp_path}/pid; sleep 600")
    it = stand_in({"web": [address(FOUR), script(path, 300)]})
    it.hear("up")
    it.kill()
    it.guard_ended()
    assert peer.silent()
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())), "the script is killed")
    assert ip(FOUR) not in lan.ips(lan.one)


def test_a_way_down_that_it_does_not_know_is_not_down(capfd: pytest.CaptureFixture[str]) -> None:
    """After an update on the disk a new guard may be older or newer than its faild: what is not done must not count as done."""
    assert not take_down.take_down({"melt": "eth0"})
    assert capfd.readouterr().err == "guard: {'melt': 'eth0'}: this guard cannot do that\n"


def test_one_service_does_not_wait_for_another(lan: Lan, peer: Peer, stand_in: Any, tmp_path: Path) -> None:
    path = write_script(tmp_path, f"[ $1 = start ] || until [ -e {tmp_path}/go ]; do sleep 0.01; done")
    it = stand_in({"slow": [script(path)], "web": [address(FOUR)]})
    it.hear("up")
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert ip(FOUR) not in lan.ips(lan.one)
    (tmp_path / "go").touch()
    wait_for(lambda: peer.word(peer.four).service == "slow", "the slow one says its own")


RIGHTS = "+net_admin,+net_raw,+kill"


UNPRIVILEGED = ("setpriv", "--securebits=+noroot", f"--inh-caps={RIGHTS}", f"--ambient-caps={RIGHTS}")
"""With `noroot` the kernel gives user 0 no more than any other: capabilities come by inheritance only."""


def test_an_ordinary_user_with_two_capabilities_is_enough_and_scripts_get_none(
    lan: Lan, stand_in: Any, peer: Peer, tmp_path: Path
) -> None:
    """The unit gives net_admin and net_raw; a script of the service must not be able to reconfigure the network."""
    path = write_script(tmp_path, "grep CapEff /proc/self/status >> $log")
    it = stand_in({"web": [address(FOUR), address(SIX), script(path)]}, prefix=UNPRIVILEGED)
    pid = it.guard()
    assert {ip(FOUR), ip(SIX)} <= lan.ips(lan.one)
    assert (tmp_path / "log").read_text().split() == ["CapEff:", "0" * 16]
    assert int(re.findall(r"CapEff:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[0], 16) & 1 << 12
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert not {ip(FOUR), ip(SIX)} & lan.ips(lan.one)
    assert (tmp_path / "log").read_text().split()[-1] == "0" * 16


def test_the_guard_takes_no_administrators_address_along(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """Ours was added by hand once more, and is the first of a network: with promote_secondaries = 0 the kernel removes what
    came after it there."""
    in_namespace(
        lan.one, "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=0", "net.ipv4.conf.eth0.promote_secondaries=0"
    )
    it = stand_in({"web": [address("10.94.0.120/24")]})
    it.hear("up")
    it.process.send_signal(signal.SIGSTOP)
    for text in ("10.94.0.120/24", "10.94.0.9/24"):
        in_namespace(lan.one, "ip", "address", "add", text, "dev", "eth0")
    try:
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert "10.94.0.120" not in lan.ips(lan.one)
        assert "10.94.0.9/24" in lan.addresses(lan.one)
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "address", "del", "10.94.0.9/24", "dev", "eth0")
        in_namespace(lan.one, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")


def test_a_link_local_address_of_two_interfaces_goes_from_both(lan: Lan, peer: Peer, stand_in: Any) -> None:
    """It is another address on each: a service may have it on both."""
    in_namespace(lan.one, "ip", "link", "add", "spare0", "type", "veth", "peer", "spare1")
    for name in ("spare0", "spare1"):
        in_namespace(lan.one, "ip", "link", "set", name, "up")
    try:
        both = [["address", {"address": "fe80::77/64", "interface": name}, 20_000] for name in ("eth0", "spare0")]
        it = stand_in({"web": both})
        it.hear("up")
        assert all("fe80::77" in lan.ips(lan.one, name) for name in ("eth0", "spare0"))
        it.kill()
        assert peer.word(peer.four).service == "web"
        assert not any("fe80::77" in lan.ips(lan.one, name) for name in ("eth0", "spare0"))
        it.guard_ended()
    finally:
        in_namespace(lan.one, "ip", "link", "del", "spare0")


def gated(lan: Lan) -> set[str]:
    """The addresses that have a gate in this namespace."""

    async def look() -> set[str]:
        gate = Gate.enter()
        try:
            return set(map(str, gate.held()))
        finally:
            gate.leave()

    found: set[str] = inside(lan.one, look)
    return found


@pytest.fixture
def no_table(lan: Lan, packet_filter: None) -> Iterator[None]:
    yield
    in_namespace(lan.one, "nft", "flush", "ruleset")


def test_the_gate_of_what_is_down_goes_with_it(no_table: None, lan: Lan, peer: Peer, stand_in: Any) -> None:
    it = stand_in({"web": [address(FOUR), address(SIX)]}, lease_ms=60_000)
    it.hear("up")
    assert gated(lan) == {ip(FOUR), ip(SIX)}
    it.kill()
    assert peer.word(peer.four).service == "web"
    it.guard_ended()
    assert gated(lan) == set()
    assert "table inet failover" in in_namespace(lan.one, "nft", "list", "tables"), "for the next faild: it does nothing"


def test_the_gate_of_an_address_that_stays_up_stays(no_table: None, lan: Lan, capfd: pytest.CaptureFixture[str]) -> None:
    """It is the last that keeps it silent. Here it is the host's own, which the guard leaves alone."""
    own = Gated([ip_address("10.77.0.1")])

    async def end() -> None:
        gate = Gate.enter()
        gate.shut(own)
        gate.leave()
        word, ungated = "", base64.b64encode(ungating(own)).decode()
        downs = [{"address": "10.77.0.1", "interface": "eth0"}]
        take_down.end_service({"service": "web", "downs": downs, "word": word, "peers": [], "gate": ungated})

    inside(lan.one, end)
    assert gated(lan) == {"10.77.0.1"}
    assert "10.77.0.1 is still here" in capfd.readouterr().err


def test_a_machine_without_a_gate_is_no_complaint(no_table: None, lan: Lan, capfd: pytest.CaptureFixture[str]) -> None:
    async def take() -> None:
        take_gate_away(ungating(Gated([ip_address(ip(FOUR))])))

    inside(lan.one, take)
    assert capfd.readouterr().err == ""


def test_a_gate_that_is_there_goes_without_a_word(no_table: None, lan: Lan, capfd: pytest.CaptureFixture[str]) -> None:
    web = Gated([ip_address(ip(FOUR)), ip_address(ip(SIX))])

    async def shut() -> None:
        gate = Gate.enter()
        gate.shut(web)
        gate.leave()

    async def take() -> None:
        ungated = base64.b64encode(ungating(web)).decode()
        take_down.end_service({"service": "web", "downs": [], "word": "", "peers": [], "gate": ungated})

    inside(lan.one, shut)
    assert gated(lan) == {ip(FOUR), ip(SIX)}
    inside(lan.one, take)
    assert gated(lan) == set()
    assert capfd.readouterr().err == ""
