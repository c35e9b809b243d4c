"""What the log says about addresses, in a laboratory with real ones: an engineer reads it at night, and believes it."""

from tools.lab.lab import Lab
from tools.lab.pytest_plugin import Cluster, lab, make_lab

__all__ = ["lab", "make_lab"]


def test_nobody_is_accused_of_removing_what_the_node_took_down_itself(lab: Lab):
    """The service has two addresses; the kernel reports the first that goes while the second is still held."""
    cluster = Cluster(lab)
    for _ in range(3):
        lab.failc("lukretia", "fail", "web", "--reason", "test")
        cluster.until_serves("genesis")
        lab.failc("lukretia", "recover", "web")
        cluster.until_serves("lukretia")
    for node in lab.nodes.values():
        assert "was not removed by faild" not in node.log.read_text()


def shown(lab: Lab, name: str) -> list[str]:
    """The service's IPv4 addresses on this node, as the kernel has them."""
    words = lab.nodes[name].running.run("ip", "-brief", "-4", "addr", "show", "dev", "eth0").split()
    return [word.partition("/")[0] for word in words if word.startswith("10.77.0.10")]


def test_an_address_that_is_configured_anew_replaces_the_old_one_where_it_is_up(lab: Lab):
    """The kernel has the old one until it is taken down, and the guard takes the new one down where faild is killed."""
    cluster = Cluster(lab)
    config = lab.folder / "failover.toml"
    config.write_text(config.read_text().replace("10.77.0.100/24", "10.77.0.101/24"))
    assert "configured anew" in lab.failc("lukretia", "config", "apply")
    lab.wait_until(lambda: shown(lab, "lukretia") == ["10.77.0.101"], "the new address is up, and no other", 20)
    lab.wait_until(lambda: lab.service("lukretia")["states"]["lukretia"] == "UP", "UP again", 20)
    assert lab.service("genesis")["owners"] == ["lukretia"]
    lab.failc("genesis", "config", "apply")
    lab.nodes["lukretia"].kill()
    lab.wait_until(lambda: shown(lab, "genesis") == ["10.77.0.101"], "genesis has the new address", 20)
    assert shown(lab, "lukretia") == []
    assert cluster.claimants() == ["genesis"]
    for node in lab.nodes.values():
        assert "was not removed by faild" not in node.log.read_text()
    assert lab.audit("verify", *(str(node.state) for node in lab.nodes.values()))


def test_a_timeout_that_is_configured_anew_touches_no_address(lab: Lab):
    """It stays up, and is still kept: an operator who removes it sees it come back."""
    cluster = Cluster(lab)
    config = lab.folder / "failover.toml"
    text = config.read_text()
    config.write_text(text.replace('address   = "10.77.0.100/24"', 'timeout   = "7s"\naddress   = "10.77.0.100/24"'))
    assert config.read_text() != text
    lab.failc("lukretia", "config", "apply")
    assert cluster.events("action-started", "lukretia") == []
    lab.nodes["lukretia"].running.run("ip", "addr", "del", "10.77.0.100/24", "dev", "eth0")
    lab.wait_until(lambda: shown(lab, "lukretia") == ["10.77.0.100"], "it is put back", 20)


def test_an_address_that_cannot_be_put_back_is_an_alarm_until_it_is_there_and_announced(lab: Lab):
    """The operator holds the service where it is; its interface is switched off and on."""
    Cluster(lab)
    lab.failc("lukretia", "hold", "web")
    lukretia = lab.nodes["lukretia"]
    lukretia.running.run("ip", "link", "set", "eth0", "down")
    lab.wait_until(lambda: "eth0" in str(lab.status("lukretia")["alarms"]), "the status says that it is not there", 20)
    lukretia.running.run("ip", "link", "set", "eth0", "up")
    lab.wait_until(lambda: not lab.alarms("lukretia"), "all is well again", 20)
    lab.wait_until(lambda: "10.77.0.100/24 on eth0 is announced again" in lukretia.log.read_text(), "it is announced", 20)


def test_a_machine_that_answers_for_a_held_address_is_an_alarm_with_its_hardware_address(lab: Lab):
    """Given to genesis by hand, and not announced: lukretia asks now and then, and is answered."""
    Cluster(lab)
    genesis = lab.nodes["genesis"].running
    mac = genesis.run("cat", "/sys/class/net/eth0/address").strip()
    genesis.run("ip", "addr", "add", "10.77.0.100/24", "dev", "eth0")
    said = f"{mac} answers for 10.77.0.100 on eth0, which is held here: clients may reach that machine"

    def found() -> bool:
        alarms = lab.alarms("lukretia")
        return [(alarm["name"], alarm["service"], alarm["text"]) for alarm in alarms] == [("address-conflict", "web", said)]

    lab.wait_until(found, "lukretia says who answers", 30)
    genesis.run("ip", "addr", "del", "10.77.0.100/24", "dev", "eth0")
    lab.wait_until(lambda: not lab.alarms("lukretia"), "it is over", 30)


def test_a_holder_on_which_ipv6_is_switched_off_gives_up_while_its_peer_is_fit(lab: Lab):
    """The kernel takes the IPv6 address of the service away and refuses it: what is left would be half of the service."""
    cluster = Cluster(lab)
    switch = "net.ipv6.conf.eth0.disable_ipv6"
    lab.nodes["lukretia"].running.run("sysctl", "-qw", f"{switch}=1")
    cluster.until_serves("genesis")
    assert lab.service("genesis")["states"]["lukretia"] == "FAIL"
    assert "IPv6 is switched off there" in lab.nodes["lukretia"].log.read_text()
    lab.nodes["lukretia"].running.run("sysctl", "-qw", f"{switch}=0")
    cluster.until_serves("lukretia")
