"""An address that a changed file gives to another service: never up for both, on one node or on two."""

import pytest

from coordinator.config import parse
from protocol.kinds import Kind
from tests.config.sound import AFM, TEXT
from tests.core.test_reconfigure import core_of, events
from tools.simulator.orders import armed
from tools.simulator.world import World


def service(name, nodes, *addresses):
    actions = "".join(f'[[services.{name}.actions]]\naddress = "{ip}/24"\ninterface = "eth0"\n' for ip in addresses)
    return f"[services.{name}]\nnodes = {nodes}\n{actions}".replace("'", '"')


def file(*services):
    head = TEXT[: TEXT.index("[nodes.umpire]")]
    return armed(parse(f'{head}{"".join(services)}[operators.afm]\nkey = "{AFM}"\nrole = "admin"\n', "f"))


BOTH = ["lukretia", "genesis"]
ONE, TWO, THREE, FOUR = (f"10.80.0.{n}" for n in (1, 2, 3, 4))


def running(policy, **owners):
    world = World(policy, seed=3)
    world.start(*policy.nodes)
    world.run_until_ms(4_000)
    assert {name: world.owners(name) for name in owners} == {name: (node,) for name, node in owners.items()}
    return world


class Watched:
    """What every machine has up, address by address, as its actions begin and end."""

    def __init__(self, world):
        self.up, self.twice, self.lost, self._world = {}, [], [], world
        for node, host in world.hosts.items():
            host.works.seen = lambda order, what, node=node: self._seen(node, order, what)
            for name, policy in world.policy.services.items():
                if world.owners(name) == (node,):
                    self.up |= {
                        (node, name, action): policy.actions[action].settings["address"]
                        for action in range(len(policy.actions))
                    }

    def _seen(self, node, order, what):
        key = (node, order.service, order.action)
        address = self._world.hosts[node].works._services[order.service].actions[order.action].settings["address"]
        if order.word == "up" and what == "begins":
            if address in self.up.values():
                self.twice.append((self._world.now_ms, key, address))
            self.up[key] = address
        elif order.word == "down" and what != "begins":
            self.up.pop(key, None)


def slow(world, name, word, ms):
    for host in world.hosts.values():
        host.works.took_us = lambda order: ms * 1000 if (order.service, order.word) == (name, word) else 0


@pytest.mark.parametrize("word", ["down", "up"])
@pytest.mark.parametrize("late", ["web", "mail"])
def test_on_one_node_it_goes_down_before_it_comes_up(late, word):
    """Whichever of the two is slow, and whichever comes first in the file."""
    old = file(service("web", BOTH, ONE, TWO), service("mail", BOTH, THREE))
    new = file(service("web", BOTH, ONE), service("mail", BOTH, THREE, TWO))
    world = running(old, web="lukretia", mail="lukretia")
    watched = Watched(world)
    slow(world, late, word, 300)
    world.hosts["lukretia"].apply(new)
    world.run_until_ms(8_000)
    assert watched.twice == []
    assert sorted(watched.up.values()) == [f"{ip}/24" for ip in (ONE, TWO, THREE)]
    assert world.owners("mail") == world.owners("web") == ("lukretia",)


def test_two_that_change_places_do_not_wait_for_each_other():
    old = file(service("web", BOTH, ONE), service("mail", BOTH, TWO))
    new = file(service("web", BOTH, TWO), service("mail", BOTH, ONE))
    world = running(old, web="lukretia", mail="lukretia")
    watched = Watched(world)
    slow(world, "mail", "down", 300)
    world.hosts["lukretia"].apply(new)
    world.run_until_ms(8_000)
    assert watched.twice == []
    assert all(core_of(world).services.jobs[name].policy == new.services[name] for name in ("web", "mail"))
    assert world.owners("mail") == world.owners("web") == ("lukretia",)


def test_what_a_service_leaves_behind_that_is_removed_comes_up_when_it_is_down():
    old = file(service("web", BOTH, ONE), service("mail", BOTH, TWO))
    new = file(service("mail", BOTH, TWO, ONE))
    world = running(old, web="lukretia", mail="lukretia")
    watched = Watched(world)
    slow(world, "web", "down", 300)
    for node in BOTH:
        world.hosts[node].apply(new)
    world.run_until_ms(8_000)
    assert watched.twice == []
    assert sorted(watched.up.values()) == [f"{ip}/24" for ip in (ONE, TWO)]


def test_on_two_nodes_it_stays_where_it_is_until_the_other_has_applied_the_file():
    """web is held by lukretia, mail by genesis, which applies the file first: it goes on with what it has, and says why."""
    turned = ["genesis", "lukretia"]
    old = file(service("web", BOTH, ONE, TWO), service("mail", turned, THREE))
    new = file(service("web", BOTH, ONE), service("mail", turned, THREE, TWO))
    world = running(old, web="lukretia", mail="genesis")
    watched = Watched(world)
    slow(world, "web", "down", 300)
    world.hosts["genesis"].apply(new)
    world.run_until_ms(6_000)
    genesis = core_of(world, "genesis")
    assert genesis.column.config == new.digest
    assert "10.80.0.2 is still up for web on lukretia, by the configuration that runs there" in genesis.services.barred["mail"]
    assert not events(world, "genesis", Kind.RESTART)
    assert world.owners("mail") == ("genesis",)
    world.hosts["lukretia"].apply(new)
    world.run_until_ms(10_000)
    assert watched.twice == []
    assert sorted(watched.up.values()) == [f"{ip}/24" for ip in (ONE, TWO, THREE)]
    assert genesis.services.jobs["mail"].policy == new.services["mail"]
    assert genesis.services.barred == {}


def test_of_a_node_that_died_nobody_waits():
    turned = ["genesis", "lukretia"]
    old = file(service("web", ["lukretia"], ONE, TWO), service("mail", turned, THREE))
    new = file(service("web", ["lukretia"], ONE), service("mail", turned, THREE, TWO))
    world = running(old, web="lukretia", mail="genesis")
    world.hosts["genesis"].apply(new)
    world.run_until_ms(5_000)
    assert core_of(world, "genesis").services.barred
    world.hosts["lukretia"].crash()
    world.run_until_ms(8_000)
    assert core_of(world, "genesis").services.jobs["mail"].policy == new.services["mail"]
