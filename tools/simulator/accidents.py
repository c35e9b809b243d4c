"""Accidents drawn at random: what breaks, where, and how long it stays broken.

One trouble each; those of two troubles that meet are in `compounds`, and how they are drawn is in `chance`.
"""

from collections.abc import Callable
from functools import partial

from tools.simulator import arbitrated, asked, compounds, fences
from tools.simulator.actions import Order
from tools.simulator.boot import ends_clean
from tools.simulator.chance import Drawn, Kind, Say
from tools.simulator.files import changed
from tools.simulator.network_faults import NetworkFaults
from tools.simulator.world import World


class Accidents(Drawn):
    def __init__(self, world: World, families: frozenset[str], say: Say) -> None:
        super().__init__(world, families, say, KINDS)

    def weather(self) -> None:
        weather = NetworkFaults(
            delay_us=self._rng.choice((100, 500, 5_000, 40_000)),
            jitter_us=self._rng.choice((100, 2_000, 20_000)),
            loss=self._rng.choice((0.0, 0.02, 0.1, 0.4)),
            duplicate=self._rng.choice((0.0, 0.1)),
            reorder=self._rng.choice((0.0, 0.2)),
        )
        a, b = self.pair()
        ways = self._world.network.ways(a, b) if self._rng.random() < 0.5 else [None]
        self.say(f"weather {'everywhere' if ways == [None] else f'from {a} to {b}'}: {weather}")
        for way in ways:
            self._world.network.set_weather(weather, way)
        self.then(self.for_us(), "fair weather", lambda: self._world.network.set_weather(NetworkFaults()))

    def cut(self) -> None:
        network = self._world.network
        a, b = self.pair()
        link = self._rng.choice([None, None, *network.links_between(a, b)])
        ways = network.ways(a, b, link) + (network.ways(b, a, link) if self._rng.random() < 0.6 else [])
        self.say(f"cut {' '.join('>'.join(way) for way in ways)}")
        network.cut(ways)
        self.then(self.for_us(), f"heal {a} {b}", lambda: network.heal(ways))

    def partition(self) -> None:
        names = list(self._world.hosts)
        side = self._rng.sample(names, self._rng.randint(1, len(names) - 1))
        ways = [
            way
            for a in side
            for b in names
            if b not in side
            for way in self._world.network.ways(a, b) + self._world.network.ways(b, a)
        ]
        self.say(f"cut off {','.join(sorted(side))}")
        self._world.network.cut(ways)
        self.then(self.for_us(), "heal all", self._world.network.heal_all)

    def power(self) -> None:
        node = self.node()
        self.say(f"crash {node}")
        self._world.hosts[node].crash()
        self.then(self.for_us(), f"start {node}", self._world.hosts[node].start)

    def kill(self) -> None:
        node = self.node()
        self.say(f"kill {node}")
        self._world.hosts[node].kill()
        self.then(self.for_us(2_000), f"start {node}", self._world.hosts[node].start)

    def kill_guard(self) -> None:
        node = self.node()
        self.say(f"kill the guard of {node}")
        self._world.hosts[node].kill_guard()
        self.then(self.for_us(500), f"guard of {node} back", self._world.hosts[node].restore_guard)

    def stop(self) -> None:
        node = self.node()
        self.say(f"stop {node}")
        self._world.hosts[node].stop()
        self.then(self.for_us(), f"start {node}", self._world.hosts[node].start)

    def freeze(self) -> None:
        node = self.node()
        self.say(f"freeze {node}")
        self._world.hosts[node].freeze()
        self.then(self.for_us(), f"thaw {node}", self._world.hosts[node].thaw)

    def hang(self) -> None:
        node = self.node()
        self.say(f"hang {node}")
        self._world.hosts[node].hang()
        self.then(self.for_us(), f"thaw {node}", self._world.hosts[node].thaw)

    def disk(self) -> None:
        node = self.node()
        disk = self._world.hosts[node].disk
        how = self._rng.choice(("hangs", "full", "slow"))
        self.say(f"disk of {node}: {how}")
        if how == "slow":
            disk.slow_us = self._rng.choice((5_000, 50_000, 300_000))
        else:
            (disk.hang if how == "hangs" else disk.fill)()

        def back() -> None:
            disk.slow_us = 0
            disk.release()

        self.then(self.for_us(), f"disk of {node} back", back)

    def memory(self) -> None:
        node = self.node()
        if self._rng.random() < 0.5:
            self.say(f"forget {node}")
            self._world.forget(node)
        else:
            by_ms = self.for_us(10_000) // 1_000
            self.say(f"rollback {by_ms}ms {node}")
            self._world.roll_back(node, by_ms)
            while ends_clean(node, self._world.hosts[node].disk.entries()):
                # restored to a clean stop, with its peers away, it forks: docs/decisions/0004-joining.md
                by_ms += 50
                self._world.roll_back(node, by_ms)
        self.then(self.for_us(), f"start {node}", self._world.hosts[node].start)

    def action(self) -> None:
        service, node = self.candidate()
        works = self._world.hosts[node].works
        if self._rng.random() < 0.4:
            up_us, down_us = self._rng.choice((1_000, 30_000, 800_000)), self._rng.choice((1_000, 30_000, 80_000))
            self.say(f"actions of {service} at {node} take {up_us} us up, {down_us} us down")
            works.took_us = _taking(service, up_us, down_us)
        else:
            how = self._rng.choice(("fails", "hangs"))
            self.say(f"up-{how} {service} {node}")
            works.trouble[service].up = how
        self.then(self.for_us(), f"works {service} {node}", lambda: works.mend(service))

    def down(self) -> None:
        service, node = self.candidate()
        how = self._rng.choice(("fails", "hangs"))
        self.say(f"down-{how} {service} {node}")
        works = self._world.hosts[node].works
        works.trouble[service].down = how
        self.then(self.for_us(), f"works {service} {node}", lambda: works.mend(service))

    def check(self) -> None:
        service, node = self.candidate()
        host = self._world.hosts[node]
        self.say(f"check-fails {service} {node}")
        host.failing_checks.add(service)
        self.then(self.for_us(), f"check-passes {service} {node}", lambda: host.failing_checks.discard(service))

    def carrier(self) -> None:
        service, node = self.candidate()
        interface = self._rng.choice(self._world.policy.services[service].interfaces)
        host = self._world.hosts[node]
        self.say(f"carrier of {interface} lost at {node}")
        host.carrier(interface, False)
        self.then(self.for_us(), f"carrier of {interface} back at {node}", lambda: host.carrier(interface, True))

    def clock(self) -> None:
        node, by_ms = self.node(), self._rng.choice((-1, 1)) * self.for_us(10_000_000) // 1_000
        self.say(f"wall clock of {node} jumps by {by_ms} ms")
        self._world.hosts[node].clocks.jump(by_ms)

    def order(self) -> None:
        service, node = self.candidate()
        word = self._rng.choice(("fail", "fail", "recover", "recover", "recover", "move", "move", "hold", "unhold", "reclaim"))
        named = node if word in ("fail", "recover", "move") and self._rng.random() < 0.8 else ""
        for_ms = self._rng.choice((0, 500, 3_000)) if word == "move" else 0
        doors = self._world.order(word, service, named, for_ms)
        self.say(f"order {word} {service} {named} for {for_ms} ms, to {','.join(doors)}")

    def standing_order(self) -> None:
        """One signed order for all readers; more often it is ended than given."""
        service, node = self.candidate()
        word = self._rng.choice(("standby", "unstandby", "unstandby", "fail-everywhere", "recover", "recover"))
        about = ("", node) if word.endswith("standby") else (service, "")
        doors = self._world.order(word, *about)
        self.say(f"order {word} {' '.join(about).strip()}, to {','.join(doors)}")

    def file(self) -> None:
        """Some nodes apply a changed file, each in its own time; the others keep theirs."""
        section, change = self._change()
        names = list(self._world.hosts)
        for node in sorted(self._rng.sample(names, self._rng.randint(1, len(names)))):
            text = f"apply {section} {' '.join(change)} {node}"
            self.then(self._rng.randint(0, 2_000_000), text, partial(self._apply, node, section, change))

    def _change(self) -> tuple[str, list[str]]:
        services = list(self._world.policy.services)
        service = self._rng.choice(services)
        candidates = self._world.policy.services[service].nodes
        network = 71 + services.index(service)  # one of its own: a service address belongs to one service only
        changes = (
            ("timing", list(self._rng.choice(PACES))),
            (service, [f"nodes={','.join(self._rng.sample(candidates, self._rng.randint(1, len(candidates))))}"]),
            (service, [f"split_winner={self._rng.choice(('preference', 'incumbent'))}"]),
            (service, [f"failback={self._rng.choice(('auto', 'manual', '1s'))}"]),
            (service, [f"retry={self._rng.choice(('1s', '2s'))}"]),
            (service, [f"address=10.{network}.0.{self._rng.randint(200, 250)}/24"]),
            (service, ["removed"]),
            (service, ["back"]),
        )
        return self._rng.choice(changes)

    def _apply(self, node: str, section: str, change: list[str]) -> None:
        host = self._world.hosts[node]
        if self.removing:
            return  # its candidates may be among those that are removed
        gone = section != "timing" and section not in host.file.services
        if gone == (change == ["back"]):
            host.apply(changed(host.file, section, change, self._world.policy))


PACES = (
    ("heartbeat=50ms", "indoubt=150ms", "dead=250ms"),
    ("heartbeat=100ms", "indoubt=300ms", "dead=500ms"),
    ("heartbeat=200ms", "indoubt=700ms", "dead=1500ms"),
)
"""Timings that a file may bring."""


def _taking(service: str, up_us: int, down_us: int) -> Callable[[Order], int]:
    return lambda order: (down_us if order.word == "down" else up_us) if order.service == service else 0


KINDS = (
    Kind("weather", 3, Accidents.weather),
    Kind("cuts", 4, Accidents.cut),
    Kind("cuts", 2, Accidents.partition),
    Kind("power", 2, Accidents.power),
    Kind("kills", 2, Accidents.kill),
    Kind("downs", 1, Accidents.kill_guard),
    Kind("stops", 2, Accidents.stop),
    Kind("pauses", 2, Accidents.freeze),
    Kind("disks", 3, Accidents.disk),
    Kind("memory", 1, Accidents.memory),
    Kind("actions", 2, Accidents.action),
    Kind("downs", 1, Accidents.down),
    Kind("checks", 2, Accidents.check),
    Kind("carrier", 2, Accidents.carrier),
    Kind("clocks", 1, Accidents.clock),
    Kind("orders", 4, Accidents.order),
    Kind("orders", 2, Accidents.standing_order),
    Kind("files", 3, Accidents.file),
    Kind("stuck", 3, compounds.stop_stuck),
    Kind("slow", 3, compounds.slow_target),
    Kind("oneway", 2, compounds.one_way),
    Kind("removed", 2, compounds.removed),
    Kind("fences", 3, fences.trouble),
    Kind("hangs", 3, Accidents.hang),
    Kind("etcd", 6, arbitrated.trouble),
    Kind("asked", 15, asked.trouble),
)
