"""What an earlier life left behind: the sweep at the start, and what is refused there."""

from pathlib import Path

import pytest

from coordinator.core.effects import Run
from coordinator.services.sweep import StillUp
from tests.actions.lab import Lan, in_namespace, inside, ip, until
from tests.actions.stage import address, both, policy, script, stage
from tests.actions.test_announcing import service_card
from tests.actions.test_script import write_script


async def test_the_sweep_takes_down_in_reverse_what_is_not_certainly_down(tmp_path: Path) -> None:
    up = write_script(tmp_path, 'echo "up $1" >> $log; [ $1 = status ] || exit 0', "up")
    down = write_script(tmp_path, 'echo "down $1" >> $log; [ $1 != status ] || exit 3', "down")
    old = write_script(tmp_path, 'echo "old $1" >> $log; [ $1 = stop ] || exit 64', "old")
    async with stage(policy(script(up), script(down), script(old))) as it:
        lines = await it.executor.sweep()
    assert (tmp_path / "log").read_text().splitlines() == ["old status", "old stop", "down status", "up status", "up stop"]
    assert len(lines) == 2
    assert "up at the start" in lines[1]


async def test_what_is_up_and_stays_up_keeps_us_from_starting(tmp_path: Path) -> None:
    stuck = write_script(tmp_path, "[ $1 = status ]")
    async with stage(policy(script(stuck))) as it:
        with pytest.raises(StillUp, match="by hand"):
            await it.executor.sweep()


async def test_what_nobody_can_tell_is_said_and_no_more(tmp_path: Path) -> None:
    async with stage(policy(script(str(tmp_path / "absent")))) as it:
        (line,) = await it.executor.sweep()
    assert "cannot be told" in line


def test_the_sweep_removes_addresses_of_an_earlier_life(lan: Lan) -> None:
    four, six = "10.77.0.110/24", "fd77::110/64"
    for text in (four, six):
        in_namespace(lan.one, "ip", "address", "add", text, "dev", "eth0")

    async def work() -> list[str]:
        async with stage(policy(address(four), address(six))) as it:
            return await it.executor.sweep()

    assert len(inside(lan.one, work)) == 2
    assert not {ip(four), ip(six)} & lan.ips(lan.one)


def test_what_carries_our_tag_and_is_not_configured_goes_at_the_start(lan: Lan) -> None:
    """State was lost, and the address changed meanwhile: nothing else would ever take the old one away."""
    old = ["10.77.0.160/24", "10.77.0.161/32", "fd77::160/64"]

    async def work() -> list[str]:
        async with stage(policy(*map(address, old))) as it:
            it.executor.run(Run(1, "web", (0, 1, 2), "up", 7, "a test"))
            await it.step(1)
        async with stage(policy(address("10.77.0.170/24"))) as it:
            return await it.executor.sweep()

    lines = inside(lan.one, work)
    assert len(lines) == 3
    assert all("belongs to no service of this configuration" in line for line in lines)
    assert not set(map(ip, old)) & lan.ips(lan.one)


def test_a_start_that_would_take_the_hosts_own_address_is_refused(lan: Lan) -> None:
    async def work() -> None:
        async with stage(policy(address("10.77.0.1/24"))) as it:
            with pytest.raises(StillUp, match=r"10\.77\.0\.1/24 on eth0 is this host's own"):
                await it.executor.sweep()

    inside(lan.one, work)
    assert "10.77.0.1/24" in lan.addresses(lan.one)


@pytest.mark.parametrize("promote", ["0", "1"])
def test_the_hosts_own_address_stays_its_first_and_its_source_when_the_interface_is_flushed(lan: Lan, promote: str) -> None:
    """A network service restarts: everything goes, ours is put back first, and then the host gets its own again."""
    texts = ["10.95.0.100/24", "10.95.0.101/24"]

    def lines() -> list[str]:
        return in_namespace(lan.one, "ip", "-o", "-4", "address", "show", "dev", "svc0").splitlines()

    def source() -> str:
        words = in_namespace(lan.one, "ip", "route", "get", "10.95.0.7").split()
        return words[words.index("src") + 1]

    async def work() -> None:
        async with stage(policy(*(address(text, "svc0") for text in texts))) as it:
            in_namespace(lan.one, "ip", "address", "add", "10.95.0.1/24", "dev", "svc0")
            it.executor.run(both(1, "up"))
            await it.step(1)
            assert {"10.95.0.1/24", *texts} == set(lan.addresses(lan.one, "svc0")) - {lan.addresses(lan.one, "svc0")[-1]}
            in_namespace(lan.one, "ip", "-4", "address", "flush", "dev", "svc0")
            await until(lambda: len(lines()) == 2, "they are put back")
            in_namespace(lan.one, "ip", "address", "add", "10.95.0.1/24", "dev", "svc0")
            assert source() == "10.95.0.1"
            wanted = ["10.95.0.1/24", *texts]
            await until(lambda: [line.split()[3] for line in lines()] == wanted, "the host's own is the first")
            assert "secondary" not in lines()[0]
            assert all("secondary" in line for line in lines()[1:])
            in_namespace(lan.one, "ip", "address", "del", "10.95.0.1/24", "dev", "svc0")
            await until(lambda: len(lines()) == 2 and all("scope link" in line for line in lines()), "none is a source")
            it.executor.run(both(2, "down"))
            await it.step(2)
            assert not lines()

    service_card(lan)
    in_namespace(lan.one, "sysctl", "-qw", f"net.ipv4.conf.svc0.promote_secondaries={promote}")
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")
