"""Carrier of real interfaces in a namespace."""

import asyncio

from coordinator.core.inputs import CarrierChanged, Input
from coordinator.daemon.clock import read_clocks
from coordinator.services.carrier import CarrierWatch
from tests.actions.lab import Lan, in_namespace, inside, until


def test_carrier_is_told_at_the_start_and_at_each_change(lan: Lan) -> None:
    """The far end is switched off, as a cable is pulled; a missing interface has no carrier until it comes."""
    inbox: list[Input] = []

    async def work() -> None:
        watch = CarrierWatch(["eth0", "lo", "eth7"], inbox.append, lambda: read_clocks().mono_ms)
        await watch.start()
        assert set(inbox) == {CarrierChanged("eth0", True), CarrierChanged("lo", True), CarrierChanged("eth7", False)}
        in_namespace(lan.switch, "ip", "link", "set", "p2", "down")
        await until(lambda: inbox[-1] == CarrierChanged("eth0", False), "the loss is seen")
        in_namespace(lan.switch, "ip", "link", "set", "p2", "up")
        await until(lambda: inbox[-1] == CarrierChanged("eth0", True), "it is back")
        in_namespace(lan.two, "ip", "link", "add", "eth7", "type", "veth", "peer", "eth8")
        in_namespace(lan.two, "ip", "link", "set", "eth8", "up")
        in_namespace(lan.two, "ip", "link", "set", "eth7", "up")
        await until(lambda: inbox[-1] == CarrierChanged("eth7", True), "the new one is seen")
        in_namespace(lan.two, "ip", "link", "del", "eth7")
        await until(lambda: inbox[-1] == CarrierChanged("eth7", False), "it is gone again")
        await watch.close()

    inside(lan.two, work)
    assert len(inbox) == 7


def test_the_timer_alone_sees_a_loss(lan: Lan) -> None:
    """The kernel's events come up to a second late: they must not be needed."""
    inbox: list[Input] = []

    async def work() -> None:
        watch = CarrierWatch(["eth0"], inbox.append, lambda: read_clocks().mono_ms)
        await watch.start()
        asyncio.get_running_loop().remove_reader(watch._events)
        in_namespace(lan.switch, "ip", "link", "set", "p2", "down")
        await until(lambda: inbox[-1] == CarrierChanged("eth0", False), "the loss is seen")
        in_namespace(lan.switch, "ip", "link", "set", "p2", "up")
        watch.configure(["lo"])
        assert inbox[-1] == CarrierChanged("lo", True)
        await watch.close()

    inside(lan.two, work)
