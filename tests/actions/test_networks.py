"""What a service address is checked against: read in a namespace of its own, where we know what there is."""

import ipaddress

import pytest

from actions.networks import has_ipv6, networks, own_ipv6
from coordinator.config import here
from coordinator.config.reading import read_text
from tests.actions.lab import in_namespace, inside, sh
from tests.config.sound import TEXT, bent


@pytest.fixture
def machine(lan):
    """A namespace with one interface, `eth7`, in 10.77.0.0/24 and fd77::/64."""
    name = f"{lan.one}-net"
    sh("ip", "netns", "add", name)
    in_namespace(name, "ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
    for end in ("eth7", "eth8"):
        in_namespace(name, "ip", "link", "set", end, "up")
    for address in ("10.77.0.11/24", "fd77::11/64"):
        in_namespace(name, "ip", "addr", "add", address, "dev", "eth7")
    yield name
    sh("ip", "netns", "del", name)


def asked(machine, question):
    async def ask():
        return question()

    return inside(machine, ask)


def said(machine, text):
    """What lukretia lacks in this namespace, as key and words."""
    reading = read_text(text.replace('script  = "/etc/failover/web"', 'script = "/bin/true"'), "f")
    return asked(machine, lambda: [(found.path[-1], found.what) for found in here.lacking(reading, {"lukretia"})])


def test_networks_are_what_is_reached_without_a_gateway(machine):
    in_namespace(machine, "ip", "route", "add", "198.51.100.0/29", "dev", "eth7")
    in_namespace(machine, "ip", "route", "add", "203.0.113.0/24", "via", "10.77.0.1")
    assert asked(machine, lambda: set(map(str, networks("eth7", 4)))) == {"10.77.0.0/24", "198.51.100.0/29"}
    assert "fd77::/64" in asked(machine, lambda: list(map(str, networks("eth7", 6))))
    assert asked(machine, lambda: networks("eth9", 4)) == []
    assert ipaddress.ip_address("fd77::11").packed in asked(machine, own_ipv6)


@pytest.mark.parametrize("address", ["10.77.0.100/24", "10.77.0.100/16", "10.77.0.100/32", "fd77::5/64", "fd77::5/128"])
def test_an_address_inside_a_network_of_its_interface_is_welcome_with_any_prefix(machine, address):
    assert said(machine, bent('"10.77.0.100/24"', f'"{address}"').replace('"eth0"', '"eth7"')) == []


@pytest.mark.parametrize("address", ["10.79.0.100/24", "10.79.0.100/32", "fd79::5/64"])
def test_an_address_outside_every_network_of_its_interface_is_none_that_a_client_reaches(machine, address):
    ((key, what),) = said(machine, bent('"10.77.0.100/24"', f'"{address}"').replace('"eth0"', '"eth7"'))
    assert (key, what.partition(",")[0]) == ("address", f"{address.partition('/')[0]} is in no network of eth7")


def test_where_the_interface_is_in_no_network_yet_nothing_is_said(machine):
    in_namespace(machine, "ip", "link", "set", "eth7", "down")
    assert said(machine, bent('"10.77.0.100/24"', '"10.79.0.100/24"').replace('"eth0"', '"eth7"')) == []


def test_an_interface_that_is_missing_and_one_without_ipv6(machine):
    assert said(machine, TEXT) == [("interface", "there is no interface eth0")]
    in_namespace(machine, "sysctl", "-qw", "net.ipv6.conf.eth7.disable_ipv6=1")
    text = bent('"10.77.0.100/24"', '"fd77::5/64"').replace('"eth0"', '"eth7"')
    assert said(machine, text) == [("address", "IPv6 is switched off on eth7")]
    assert asked(machine, lambda: has_ipv6("eth7")) is False


def test_a_machine_knows_its_nodes_by_their_link_addresses(machine):
    reading = read_text(TEXT, "f")
    assert asked(machine, lambda: here.nodes_here(reading)) == {"lukretia"}
