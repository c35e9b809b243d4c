"""A node that is cut off is switched off before its service is taken over: real daemons, and a device outside of all nodes."""

from collections.abc import Iterator

import pytest

from tools.lab.power_strip import PowerStrip
from tools.lab.pytest_plugin import MASTER, SLAVE, Cluster


@pytest.fixture
def strip(make_lab) -> Iterator[PowerStrip]:
    """The slave's way to switch the master off."""
    lab = make_lab(MASTER, SLAVE)
    strip = PowerStrip(lab, MASTER)
    lab.init(lambda text: text + strip.level)
    yield strip
    strip.close()


def test_a_node_that_is_cut_off_is_off_before_its_service_is_claimed(strip: PowerStrip) -> None:
    """By the kernel's times: the namespaces of the master are gone before the slave's claim begins."""
    lab, cluster = strip.lab, Cluster(strip.lab)
    lab.cut(MASTER)
    cluster.until_serves(SLAVE)
    (request,), (result,) = (cluster.events(kind, SLAVE) for kind in ("fence-requested", "fence-result"))
    (claim,) = cluster.events("claim", SLAVE)
    assert (result.body["ok"], result.body["level"]) == (True, 1)
    assert request.boot_ms <= strip.told_ms <= strip.off_ms <= result.boot_ms <= claim.boot_ms
    assert result.ref in claim.causes
    assert strip.asked[-2:] == ["off", "status"]
    assert cluster.two_owners_ms() == {4: 0, 6: 0}
    lab.start(MASTER)
    cluster.until_serves(MASTER)
    assert cluster.claimants() == [SLAVE, MASTER]
    cluster.is_sound()


def test_while_the_device_is_broken_no_node_takes_over_until_an_operator_says_that_it_is_off(strip: PowerStrip) -> None:
    lab, cluster = strip.lab, Cluster(strip.lab)
    lab.wait_until(lambda: "monitor" in strip.asked, "the device is asked whether it would do", 30)
    strip.broken = True
    lab.power_off(MASTER)
    lab.wait_until(lambda: any(alarm["name"] == "fence-failed" for alarm in lab.alarms(SLAVE)), "the alarm", 30)
    assert cluster.claimants() == []
    assert "it waits until lukretia is switched off" in lab.service(SLAVE)["reason"]
    lab.failc(SLAVE, "fence", MASTER, "--confirmed", "--reason", "I have pulled its plug")
    cluster.until_serves(SLAVE)
    lab.wait_until(lambda: "fence-failed" not in {alarm["name"] for alarm in lab.alarms(SLAVE)}, "the alarm is over", 30)
    assert cluster.claimants() == [SLAVE]
    assert "an operator said that lukretia is off" in lab.service(SLAVE)["reason"]
