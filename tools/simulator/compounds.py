"""Accidents of two troubles that meet: drawn one by one they meet too seldom.

A stop whose down fails or hangs; a move whose target has a slow disk; a link that is lost one way, and stays so; a node that is
removed and boots with its old file.
Each is a function of the drawn accidents (`tools.simulator.chance`), beside which it stands in their table.
"""

from __future__ import annotations

from coordinator.config import BadConfig
from tools.simulator.chance import Drawn
from tools.simulator.files import changed
from tools.simulator.invariants import Broken
from tools.simulator.world import World

PLAIN = frozenset({"cuts", "oneway", "orders", "clocks"})
"""In these families nothing but a cut keeps a node from giving way."""


def stop_stuck(drawn: Drawn) -> None:
    """SIGTERM while a down action fails or hangs. In a calm world nothing happens until it is mended that makes others forget
    it or lie: a crash of the node that has just heard of it, an operator's word that it is down there. Nor is a peer away
    that would have to hear of it: one that starts when the stuck node has ended cannot know (docs/guard.md).
    """
    service, node = drawn.candidate()
    if drawn.suspended or (drawn.calm and not _all_others_hear(drawn.world, node)):
        return
    how = drawn.rng.choice(("fails", "hangs"))
    host = drawn.world.hosts[node]
    drawn.say(f"down-{how} {service} {node}, and stop {node}")
    host.works.trouble[service].down = how
    host.stop()
    drawn.suspended = True

    def mended() -> None:
        host.works.mend(service)
        host.start()
        if host.faild is None or host.faild.core.startup.stopping:  # a down that had begun to hang goes on until its timeout
            drawn.then(500_000, f"start {node}", mended)
        else:
            drawn.suspended = False

    drawn.then(drawn.rng.randint(1_000_000, 12_000_000), f"works {service} {node}, and start {node}", mended)


def _all_others_hear(world: World, node: str) -> bool:
    running = [host.faild.core for name, host in world.hosts.items() if name != node and host.faild]
    return len(running) == len(world.hosts) - 1 and all(core.durability.ready and not core.startup.stopping for core in running)


def slow_target(drawn: Drawn) -> None:
    """An operator moves a service to a node whose disk takes a third of a second and more for a commit."""
    service, node = drawn.candidate()
    disk, slow_us = drawn.world.hosts[node].disk, drawn.rng.choice((300_000, 490_000, 900_000))
    drawn.say(f"disk of {node}: {slow_us} us slower, and move {service} {node}")
    disk.slow_us = slow_us
    drawn.world.order("move", service, node)
    drawn.then(drawn.rng.randint(500_000, 4_000_000), f"disk of {node} back", lambda: setattr(disk, "slow_us", 0))


def removed(drawn: Drawn) -> None:
    """A node is stopped, the others remove it, and it boots with its old file; later all have the old file again."""
    world, node = drawn.world, drawn.node()
    if drawn.removing or len(world.hosts) < 3:
        return
    try:
        gone = changed(world.policy, node, ["removed"])
    except BadConfig:  # a service would have no candidate
        return
    drawn.removing = True
    drawn.say(f"stop {node}, to remove it")
    world.hosts[node].stop()
    others = [name for name in world.hosts if name != node]
    after_us = drawn.rng.randint(1_000_000, 3_000_000)
    for name in others:
        drawn.then(after_us, f"remove {node} at {name}", lambda name=name: world.hosts[name].apply(gone))  # type: ignore[misc]
    drawn.then(after_us + drawn.rng.randint(0, 3_000_000), f"start {node}, with its old file", world.hosts[node].start)
    back_us = after_us + drawn.rng.randint(6_000_000, 20_000_000)
    for name in others:
        drawn.then(back_us, f"{node} back at {name}", lambda name=name: world.hosts[name].apply(world.policy))  # type: ignore[misc]
    drawn.then(back_us, f"{node} is back", lambda: setattr(drawn, "removing", False))


def one_way(drawn: Drawn) -> None:
    """What one node sends to another is lost for long, on every link: then one of the two gives way, and not at the heal."""
    if drawn.lasting:
        return
    drawn.lasting = True
    a, b = drawn.pair()
    network, ways = drawn.world.network, drawn.world.network.ways(a, b)
    lasts_us = drawn.rng.randint(5_000_000, 15_000_000)
    drawn.say(f"cut-one-way {a} {b}")
    network.cut(ways)

    def healed() -> None:
        if drawn.families <= PLAIN:
            _one_gives_way(drawn, a, b, lasts_us)
        network.heal(ways)
        drawn.lasting = False

    drawn.then(lasts_us, f"heal {a} {b}", healed)


def _one_gives_way(drawn: Drawn, a: str, b: str, lasts_us: int) -> None:
    """The other way must have stood all the time, by which a hears that b does not hear it."""
    world = drawn.world
    since_us = world.agenda.now_us - min(lasts_us, 6 * 1_000 * world.policy.timing.dead_ms)
    both_ways = any(way in world.network.sky.cuts for way in world.network.ways(b, a))
    if both_ways or drawn.last_cut_us > since_us:
        return
    for service, tenure in world.tenures.of.items():
        if {a, b} <= set(tenure.owners) and (tenure.split_us or 0) < since_us:
            raise Broken(f"{service} is owned by {a} and {b} for as long as {a} is not heard by {b}")
