"""What can happen in a scenario: one table, verb to how its arguments are read and what they do to the world.

docs/simulator.md has the same list for people; a test holds the two together.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from coordinator.config import BadConfig
from tools.simulator.files import changed
from tools.simulator.words import Words, duration
from tools.simulator.world import World

Deed = Callable[[World], str]
"""What a line does; returns a note for people, mostly empty."""


class Verb(NamedTuple):
    usage: str
    read: Callable[[Words], Deed]


def each_node(act: Callable[[World, str], None]) -> Callable[[Words], Deed]:
    """A verb that does the same to each of its nodes."""

    def read(words: Words) -> Deed:
        nodes = words.nodes()
        return lambda world: _all(act, world, nodes)

    return read


def _all(act: Callable[[World, str], None], world: World, nodes: tuple[str, ...]) -> str:
    for node in nodes:
        act(world, node)
    return ""


def on_service(act: Callable[[World, str, str], None], needs: str = "") -> Callable[[Words], Deed]:
    """A verb about a service on a node. `needs` names what the service must have for it to mean anything."""

    def read(words: Words) -> Deed:
        service, node = words.service(), words.node()
        words.done()
        policy = words.policy.services[service]
        if not {"": True, "checks": policy.checks, "gate": policy.gate, "interface": policy.interfaces}[needs]:
            raise words.wrong(f"service {service} has no {needs}")
        return lambda world: _told(act, world, service, node)

    return read


def _told(act: Callable[[World, str, str], None], world: World, service: str, node: str) -> str:
    act(world, service, node)
    return ""


def evidence(words: Words) -> Deed:
    service, node = words.service(), words.node()
    if words.policy.services[service].evidence is None:
        raise words.wrong(f"service {service} has no evidence")
    number = words.number_or("none")
    words.done()
    return lambda world: _quiet(lambda: world.hosts[node].evidence.update({service: number}))


def cut(words: Words) -> Deed:
    a, b = words.pair()
    link = words.link(a, b) if words.more() else None
    words.done()
    return lambda world: _quiet(lambda: world.network.cut([*world.network.ways(a, b, link), *world.network.ways(b, a, link)]))


def cut_one_way(words: Words) -> Deed:
    a, b = words.pair()
    link = words.link(a, b) if words.more() else None
    words.done()
    return lambda world: _quiet(lambda: world.network.cut(world.network.ways(a, b, link)))


def heal(words: Words) -> Deed:
    if not words.more():
        return lambda world: _quiet(lambda: world.network.heal_all())
    a, b = words.pair()
    link = words.link(a, b) if words.more() else None
    words.done()
    return lambda world: _quiet(lambda: world.network.heal([*world.network.ways(a, b, link), *world.network.ways(b, a, link)]))


def loss(words: Words) -> Deed:
    share = words.share()
    words.done()
    return lambda world: _quiet(lambda: world.network.set_weather(replace(world.network.sky.everywhere, loss=share)))


def delay(words: Words) -> Deed:
    delay_us = words.time() * 1000
    words.done()
    return lambda world: _quiet(lambda: world.network.set_weather(replace(world.network.sky.everywhere, delay_us=delay_us)))


def ordered(word: str) -> Callable[[Words], Deed]:
    """An admin's command, with an optional node."""

    def read(words: Words) -> Deed:
        service = words.service()
        node = words.node() if words.more() else ""
        words.done()
        return lambda world: _handed(world.order(word, service, node))

    return read


def about_node(word: str) -> Callable[[Words], Deed]:
    """An admin's command about a node and all of its services."""

    def read(words: Words) -> Deed:
        node = words.node()
        words.done()
        return lambda world: _handed(world.order(word, "", node))

    return read


def move(words: Words) -> Deed:
    service, node = words.service(), words.node()
    for_ms = 0
    if words.more():
        option = words.next("--for")
        text = option.partition("=")[2] if option.startswith(("--for=", "for=")) else ""
        if not text and option not in ("--for", "for"):
            raise words.wrong(f"{option!r} is no option of move")
        for_ms = duration(text, words) if text else words.time()
    words.done()
    return lambda world: _handed(world.order("move", service, node, for_ms))


def disk_slow(words: Words) -> Deed:
    node, slow_ms = words.node(), words.time()
    words.done()
    return lambda world: _quiet(lambda: world.hosts[node].disk.slow_down(slow_ms * 1000))


def alone(act: Callable[[World], None]) -> Callable[[Words], Deed]:
    """A verb without arguments."""

    def read(words: Words) -> Deed:
        words.done()
        return lambda world: _quiet(lambda: act(world))

    return read


def etcd_restore(words: Words) -> Deed:
    back_ms = words.time()
    words.done()
    return lambda world: _quiet(lambda: world.arbiter.restore(back_ms * 1000))


def rollback(words: Words) -> Deed:
    first = words.next("a time")
    node, back_ms = (first, words.time()) if first in words.policy.nodes else (None, duration(first, words))
    name = node or words.node()
    words.done()
    return lambda world: _quiet(lambda: world.roll_back(name, back_ms))


def clock_jumps(words: Words) -> Deed:
    text = words.next("a time")
    by_ms = -duration(text[1:], words) if text.startswith("-") else duration(text.removeprefix("+"), words)
    nodes = words.nodes()
    return lambda world: _all(lambda world, node: world.hosts[node].clocks.jump(by_ms), world, nodes)


def apply(words: Words) -> Deed:
    """Each node's own file is changed in the same way, and applied there."""
    section = words.next("timing, a service or a node")
    words.choice(section, ("timing", *words.policy.services, *words.policy.nodes), "part of the configuration")
    change = [words.next("a change")]
    while "=" in (word := words.next("a node")):
        change.append(word)
    nodes = (words.choice(word, tuple(words.policy.nodes), "node"), *(words.nodes() if words.more() else ()))
    if change != ["back"]:
        try:
            changed(words.policy, section, change)
        except BadConfig as bad:
            raise words.wrong(f"{' '.join(change)} cannot be applied: {bad}") from None
    return lambda world: _all(lambda world, node: _applied(world, node, section, change), world, nodes)


def _applied(world: World, node: str, section: str, change: list[str]) -> None:
    world.hosts[node].apply(changed(world.hosts[node].file, section, change, world.policy))


def trouble(word: str, how: str) -> Callable[[World, str, str], None]:
    def act(world: World, service: str, node: str) -> None:
        setattr(world.hosts[node].works.trouble[service], word, how)

    return act


def device(how: str) -> Callable[[World, str], None]:
    """What is wrong with the devices that switch a node off; empty: nothing."""

    def act(world: World, node: str) -> None:
        world.power.trouble[node] = how

    return act


def _carrier(up: bool) -> Callable[[World, str, str], None]:
    def act(world: World, service: str, node: str) -> None:
        for interface in world.policy.services[service].interfaces:
            world.hosts[node].carrier(interface, up)

    return act


def _quiet(deed: Callable[[], None]) -> str:
    """Done, and nothing to tell of it."""
    deed()
    return ""


def _handed(doors: list[str]) -> str:
    return f"handed to {', '.join(doors)}" if doors else "no node runs: handed to none"


VERBS = {
    "start": Verb("start NODE...", each_node(lambda world, node: world.hosts[node].start())),
    "stop": Verb("stop NODE...", each_node(lambda world, node: world.hosts[node].stop())),
    "crash": Verb("crash NODE...", each_node(lambda world, node: world.hosts[node].crash())),
    "kill": Verb("kill NODE...", each_node(lambda world, node: world.hosts[node].kill())),
    "freeze": Verb("freeze NODE...", each_node(lambda world, node: world.hosts[node].freeze())),
    "hang": Verb("hang NODE...", each_node(lambda world, node: world.hosts[node].hang())),
    "thaw": Verb("thaw NODE...", each_node(lambda world, node: world.hosts[node].thaw())),
    "guard-dies": Verb("guard-dies NODE...", each_node(lambda world, node: world.hosts[node].kill_guard())),
    "guard-mute": Verb("guard-mute NODE...", each_node(lambda world, node: world.hosts[node].mute_guard())),
    "guard-back": Verb("guard-back NODE...", each_node(lambda world, node: world.hosts[node].restore_guard())),
    "watchdog-missing": Verb("watchdog-missing NODE...", each_node(lambda world, node: world.hosts[node].lose_watchdog())),
    "cut": Verb("cut NODE NODE [LINK]", cut),
    "cut-one-way": Verb("cut-one-way FROM TO [LINK]", cut_one_way),
    "heal": Verb("heal [NODE NODE [LINK]]", heal),
    "loss": Verb("loss PERCENT", loss),
    "delay": Verb("delay TIME", delay),
    "fail": Verb("fail SERVICE [NODE]", ordered("fail")),
    "recover": Verb("recover SERVICE [NODE]", ordered("recover")),
    "reclaim": Verb("reclaim SERVICE [NODE]", ordered("reclaim")),
    "move": Verb("move SERVICE NODE [--for TIME]", move),
    "hold": Verb("hold SERVICE [NODE]", ordered("hold")),
    "unhold": Verb("unhold SERVICE [NODE]", ordered("unhold")),
    "fail-everywhere": Verb("fail-everywhere SERVICE", ordered("fail-everywhere")),
    "standby": Verb("standby NODE", about_node("standby")),
    "unstandby": Verb("unstandby NODE", about_node("unstandby")),
    "fence": Verb("fence NODE", about_node("fence")),
    "fence-confirmed": Verb("fence-confirmed NODE", about_node("is-off")),
    "fence-fails": Verb("fence-fails NODE...", each_node(device("fails"))),
    "fence-hangs": Verb("fence-hangs NODE...", each_node(device("hangs"))),
    "fence-lies": Verb("fence-lies NODE...", each_node(device("lies"))),
    "fence-works": Verb("fence-works NODE...", each_node(device(""))),
    "etcd-down": Verb("etcd-down", alone(lambda world: world.arbiter.etcd.down())),
    "etcd-back": Verb("etcd-back", alone(lambda world: world.arbiter.back())),
    "etcd-restore": Verb("etcd-restore TIME", etcd_restore),
    "etcd-cut": Verb("etcd-cut NODE...", each_node(lambda world, node: world.arbiter.cut.add(node))),
    "etcd-heal": Verb("etcd-heal NODE...", each_node(lambda world, node: world.arbiter.cut.discard(node))),
    "check-fails": Verb(
        "check-fails SERVICE NODE",
        on_service(lambda world, service, node: world.hosts[node].failing_checks.add(service), "checks"),
    ),
    "check-passes": Verb(
        "check-passes SERVICE NODE",
        on_service(lambda world, service, node: world.hosts[node].failing_checks.discard(service), "checks"),
    ),
    "evidence": Verb("evidence SERVICE NODE NUMBER|none", evidence),
    "gate-refuses": Verb(
        "gate-refuses SERVICE NODE",
        on_service(lambda world, service, node: world.hosts[node].refusing_gates.add(service), "gate"),
    ),
    "gate-opens": Verb(
        "gate-opens SERVICE NODE",
        on_service(lambda world, service, node: world.hosts[node].refusing_gates.discard(service), "gate"),
    ),
    "up-fails": Verb("up-fails SERVICE NODE", on_service(trouble("up", "fails"))),
    "up-hangs": Verb("up-hangs SERVICE NODE", on_service(trouble("up", "hangs"))),
    "down-fails": Verb("down-fails SERVICE NODE", on_service(trouble("down", "fails"))),
    "down-hangs": Verb("down-hangs SERVICE NODE", on_service(trouble("down", "hangs"))),
    "works": Verb("works SERVICE NODE", on_service(lambda world, service, node: world.hosts[node].works.mend(service))),
    "carrier-lost": Verb("carrier-lost SERVICE NODE", on_service(_carrier(False), "interface")),
    "carrier-back": Verb("carrier-back SERVICE NODE", on_service(_carrier(True), "interface")),
    "disk-full": Verb("disk-full NODE...", each_node(lambda world, node: world.hosts[node].disk.fill())),
    "disk-back": Verb("disk-back NODE...", each_node(lambda world, node: world.hosts[node].disk.release())),
    "disk-hangs": Verb("disk-hangs NODE...", each_node(lambda world, node: world.hosts[node].disk.hang())),
    "disk-slow": Verb("disk-slow NODE TIME", disk_slow),
    "forget": Verb("forget NODE...", each_node(lambda world, node: world.forget(node))),
    "apply": Verb("apply timing|SERVICE|NODE KEY=VALUE...|removed|back NODE...", apply),
    "rollback": Verb("rollback TIME NODE", rollback),
    "clock-jumps": Verb("clock-jumps [-]TIME NODE...", clock_jumps),
}
