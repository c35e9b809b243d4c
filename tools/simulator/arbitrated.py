"""Worlds in which services are owned by leave of an etcd, and what must hold there besides (docs/leases.md).

    run = RandomRun(seed, steps, arbiter=True)
    watch = ArbiterInvariants(world)            # at every step, whatever any node believes

At no instant of virtual time do two nodes own such a service; no epoch is claimed twice; each claim names its lease; and a
lease that ended is never live again.
"""

import random

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.core import Core
from coordinator.policy import ARBITER, Policy
from protocol.event import Ref
from protocol.events import Claim, body_of
from protocol.keys import key_text
from tools.simulator.chance import Drawn
from tools.simulator.keys import Keys
from tools.simulator.leases import DRIFT_PPM, NAMES, TIMINGS
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

SERVICES = ("db", "queue")

FAMILIES = ("weather", "cuts", "power", "kills", "stops", "pauses", "disks", "checks", "carrier", "clocks", "orders",
            "oneway")  # fmt: skip
"""What happens there besides "etcd". No disk is lost: after an old snapshot the feeds are what remembers an epoch."""

ETCD = "etcd"


def drawn(rng: random.Random) -> Policy:
    """Two to four nodes; services that are addresses, and now and then one under `serve` beside them."""
    nodes = NAMES[: rng.choice((2, 2, 3, 4))]
    heartbeat, indoubt, dead = rng.choice(TIMINGS)
    keys = Keys(nodes, real=True).public()
    lines = ['cluster = "drawn"', 'id = "00112233445566778899aabbccddeeff"', "[timing]"]
    lines += [f'heartbeat = "{heartbeat}"', f'indoubt = "{indoubt}"', f'dead = "{dead}"']
    lines += ["[arbiter]", 'endpoints = ["https://10.70.0.5:2379"]']
    for at, node in enumerate(nodes):
        lines += [f"[nodes.{node}]", f'key = "{key_text(keys[node])}"', f'links = {{ lan = "10.70.0.{11 + at}" }}']
    services = [*SERVICES[: rng.choice((1, 1, 2))], *(["web"] if rng.random() < 0.3 else [])]
    for nth, service in enumerate(services):
        order = rng.sample(nodes, rng.randint(2, len(nodes)))
        lines += [f"[services.{service}]", f"nodes = [{', '.join(chr(34) + node + chr(34) for node in order)}]"]
        if service != "web":
            lines += [f'partition = "{ARBITER}"', f'lease = "{rng.choice(("2s", "2s", "3s"))}"']
        lines += [
            f'failback = "{rng.choice(("auto", "manual", "2s"))}"',
            'retry = "1s"',
            f"[[services.{service}.actions]]",
            f'address = "10.70.0.{100 + nth}/24"',
            'interface = "eth0"',
        ]
    return armed(parsed("\n".join(lines) + "\n", "drawn"))


def mood(rng: random.Random) -> frozenset[str]:
    return frozenset({*rng.sample(FAMILIES, rng.randint(2, len(FAMILIES))), ETCD})


def begin(world: World, rng: random.Random) -> None:
    """Its clock runs like that of any node."""
    world.arbiter.etcd.set_drift(rng.randint(-DRIFT_PPM, DRIFT_PPM))


def trouble(accidents: Drawn) -> None:
    """etcd loses its quorum, elects, is restored, is slow; or a node does not reach it, and all others."""
    rng, arbiter = accidents.rng, accidents.world.arbiter
    how = rng.choice(("down", "elect", "restore", "restore", "cut", "cut", "slow", "lossy"))
    if how == "down":
        accidents.say("etcd-down")
        arbiter.etcd.down()
        accidents.then(accidents.for_us(8_000), "etcd-back", arbiter.back)
    elif how == "elect":
        accidents.say("etcd elects")
        arbiter.elect()
    elif how == "restore":
        by_us, cluster = accidents.for_us(20_000), rng.choice((None, None, rng.randint(1, 2**40)))
        accidents.say(f"etcd-restore {by_us // 1_000}ms{' as another cluster' if cluster else ''}")
        arbiter.restore(by_us, cluster)
    elif how == "cut":
        node = accidents.node()
        accidents.say(f"etcd-cut {node}")
        arbiter.cut.add(node)
        accidents.then(accidents.for_us(), f"etcd-heal {node}", lambda: arbiter.cut.discard(node))
    elif how == "slow":
        arbiter.slow_us = rng.choice((20_000, 200_000, 900_000))
        accidents.say(f"each way to etcd takes {arbiter.slow_us} us more")
        accidents.then(accidents.for_us(), "the ways to etcd are fast", lambda: setattr(arbiter, "slow_us", 0))
    else:
        arbiter.lost = rng.choice((0.1, 0.5))
        accidents.say(f"of what is asked of etcd {arbiter.lost:.0%} is lost on each way")
        accidents.then(accidents.for_us(), "nothing is lost on the way to etcd", lambda: setattr(arbiter, "lost", 0.0))


class BrokenLease(AssertionError):
    """What an arbiter allows was not kept. The text says what, where and how."""


class ArbiterInvariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self._services = [name for name, service in world.policy.services.items() if service.partition == ARBITER]
        self._claimed: dict[tuple[str, int], Ref] = {}
        """Service and epoch to the claim that names it."""
        self._over: set[tuple[str, str, int]] = set()
        """Node, service and epoch of leases that have ended."""
        self.claims = 0
        world.witnesses.append(self._after_input)
        world.after_step.append(self._after_step)

    def _after_step(self) -> None:
        for service in self._services:
            owners = self._world.owners(service)
            if len(owners) > 1:
                raise BrokenLease(f"{service} is owned by {', '.join(owners)} at {self._world.agenda.now_us} us")

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        for effect in ordered:
            if isinstance(effect, do.Append):
                for entry in effect.entries:
                    body = body_of(entry.event)
                    if entry.event.node == node and isinstance(body, Claim) and entry.event.service in self._services:
                        self._stored(entry.event.service, entry.ref, body)
        faild = self._world.hosts[node].faild
        if faild is not None:
            self._leases(node, faild.core, now)

    def _stored(self, service: str, ref: Ref, body: Claim) -> None:
        self.claims += 1
        if body.arbiter is None:
            raise BrokenLease(f"{ref} claims {service} and names no lease")
        first = self._claimed.setdefault((service, body.epoch), ref)
        if first != ref:
            raise BrokenLease(f"epoch {body.epoch} of {service} is claimed in {first} and in {ref}")

    def _leases(self, node: str, core: Core, now: saw.Now) -> None:
        for service in self._services:
            column, live = core.column.service(service), bool(core.arbitrated.until_ms(service))
            key = (node, service, column.epoch)
            if live and key in self._over:
                raise BrokenLease(f"{node}: a lease of {service} that had ended lives again, under epoch {column.epoch}")
            if column.holds and not live:
                self._over.add(key)
