"""When a held address is announced again: a carrier that is back, an interface made anew, a request."""

from ipaddress import ip_interface

import pytest

from coordinator.core.inputs import CarrierChanged, Outcome
from tests.actions.lab import Lan, in_namespace, inside, sh, until
from tests.actions.stage import address, policy, run, stage, watched

OLD_MAC = "02:00:00:00:00:01"
"""What a client remembers, until an owner announces."""


def service_card(lan: Lan) -> None:
    """A second interface of node one, on the same switch."""
    sh("ip", "-n", lan.switch, "link", "add", "p9", "type", "veth", "peer", "svc0", "netns", lan.one)
    in_namespace(lan.switch, "ip", "link", "set", "p9", "master", "br0", "up")


def remember_wrongly(lan: Lan, address: str) -> None:
    in_namespace(lan.client, "ip", "neigh", "replace", address, "lladdr", OLD_MAC, "dev", "eth0", "nud", "reachable")


@pytest.mark.parametrize("ip", ["10.77.0.116", "fd77::116"])
def test_a_held_address_is_announced_again_when_the_carrier_is_back(lan: Lan, ip: str) -> None:
    """The switch has forgotten its port, and a client that asked meanwhile has no answer."""
    text = f"{ip}/{24 if '.' in ip else 64}"

    async def work() -> None:
        async with stage(policy(address(text))) as it, watched(it, "eth0"):
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.switch, "ip", "link", "set", "p1", "down")
            remember_wrongly(lan, ip)
            await until(lambda: CarrierChanged("eth0", False) in it.inbox, "the loss is seen")
            it.executor._workshop.announcer.hush("eth0", ip_interface(text))  # else a repeat of the first one may tell it
            in_namespace(lan.switch, "ip", "link", "set", "p1", "up")
            await until(lambda: lan.neighbour(lan.client, ip) == lan.mac(lan.one), "it is announced")
            assert it.executor.troubles == []
            it.executor.run(run(2, "down"))
            await it.finished(2)

    inside(lan.one, work)


@pytest.mark.parametrize("ip", ["10.77.0.118", "fd77::118"])
def test_a_held_address_is_announced_again_when_asked(lan: Lan, ip: str) -> None:
    """Another node may have announced it in a split: a neighbour knows that one's hardware address."""
    text = f"{ip}/{24 if '.' in ip else 64}"

    async def work() -> None:
        async with stage(policy(address(text))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            it.executor._workshop.announcer.hush("eth0", ip_interface(text))  # else a repeat of the first one may tell it
            remember_wrongly(lan, ip)
            it.executor.announce("web")
            await until(lambda: lan.neighbour(lan.client, ip) == lan.mac(lan.one), "it is announced")
            it.executor.run(run(2, "down"))
            await it.finished(2)

    inside(lan.one, work)


def test_an_address_whose_interface_is_made_anew_is_put_back_and_announced_and_is_an_alarm_until_then(lan: Lan) -> None:
    """A new interface has a new hardware address, and at first it is switched off: no neighbour can be told."""
    ip, rung = "10.77.0.117", list[str]()

    async def work() -> None:
        async with stage(policy(address(f"{ip}/24", "svc0"))) as it, watched(it, "svc0"):
            it.executor._upkeep.monitor._alarmed = lambda: rung.append("")
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "del", "svc0")
            await until(lambda: it.executor.troubles, "the trouble is told")
            ((_, gone),) = it.executor.troubles
            lost = "that faild did not remove is gone and cannot be put back: 10.77.0.117/24 on svc0"
            assert f"{lost}: there is no interface svc0" in gone
            assert rung
            service_card(lan)
            await until(lambda: ip in lan.ips(lan.one, "svc0"), "it is put back")
            unheard = "web: 10.77.0.117/24 on svc0 cannot be announced: Network is down"
            await until(lambda: it.executor.troubles == [("web", unheard)], "no neighbour hears of it")
            remember_wrongly(lan, ip)
            in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
            mac = in_namespace(lan.one, "ip", "-brief", "link", "show", "svc0").split()[2]
            await until(lambda: lan.neighbour(lan.client, ip) == mac, "it is announced")
            await until(lambda: not it.executor.troubles, "the alarm is over")
            it.executor.run(run(2, "down"))
            await it.finished(2)

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")


def test_what_could_not_be_put_back_is_no_alarm_when_it_is_let_go_of(lan: Lan) -> None:
    async def work() -> None:
        async with stage(policy(address("10.77.0.118/24", "svc0"))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "del", "svc0")
            await until(lambda: it.executor.troubles, "it cannot be put back")
            it.executor.run(run(2, "down"))
            await it.finished(2)
            assert it.executor.troubles == []

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)


def test_a_reclaim_of_which_nobody_hears_is_announced_when_it_can_be(lan: Lan) -> None:
    """The address stays held, and is seen to further on."""
    ip = "10.77.0.119"

    async def work() -> None:
        async with stage(policy(address(f"{ip}/24", "svc0"))) as it:
            it.executor.run(run(1, "up"))
            assert (await it.finished(1)).outcome is Outcome.DONE
            in_namespace(lan.one, "ip", "link", "set", "svc0", "down")
            it.executor.run(run(2, "reclaim"))
            assert (await it.finished(2)).outcome is Outcome.FAILED
            await until(lambda: it.executor.troubles, "no neighbour hears of it")
            remember_wrongly(lan, ip)
            in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
            mac = in_namespace(lan.one, "ip", "-brief", "link", "show", "svc0").split()[2]
            await until(lambda: lan.neighbour(lan.client, ip) == mac, "it is announced")
            it.executor.run(run(3, "down"))
            await it.finished(3)

    service_card(lan)
    in_namespace(lan.one, "ip", "link", "set", "svc0", "up")
    inside(lan.one, work)
    in_namespace(lan.one, "ip", "link", "del", "svc0")
