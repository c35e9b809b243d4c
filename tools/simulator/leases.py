"""Worlds in which services are owned by leave of a majority, and what must hold there besides (docs/leases.md).

    run = RandomRun(seed, steps, leases=True)
    watch = LeaseInvariants(world)              # at every step, whatever any node believes

At no instant of virtual time do two nodes own such a service; no voter votes twice for an epoch, nor for another while a node
that it promised the service to still answers; and a lease that ended is never live again.
"""

import random
from typing import NamedTuple

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.ballots import MAJORITY, term
from coordinator.core.core import Core
from coordinator.policy import Policy
from coordinator.state.votes import newest
from protocol.event import Entry, Ref
from protocol.events import Vote, body_of
from protocol.keys import key_text
from tools.simulator.keys import Keys
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

NAMES = ("lukretia", "genesis", "carthage", "delphi", "ephesus")
SERVICES = ("db", "queue")
TIMINGS = (("100ms", "300ms", "500ms"), ("50ms", "150ms", "250ms"), ("30ms", "80ms", "120ms"))

FAMILIES = ("weather", "cuts", "power", "kills", "stops", "pauses", "disks", "checks", "carrier", "clocks", "orders",
            "oneway")  # fmt: skip
"""What happens there. No disk is lost: a voter that forgot its votes can repeat a number (docs/leases.md, "What is left")."""

DRIFT_PPM = 4_900
"""Two clocks differ by less than the 1 % that the timing allows."""


GUARDED_FAMILIES = (*FAMILIES, "hangs", "downs", "actions")

WATCHDOG = """[watchdog]
device = "/dev/watchdog"
timeout = "1s"
"""


def drawn(rng: random.Random, *, guarded: bool = False) -> Policy:
    """Three to five voters, one of them perhaps a witness; services that are addresses, or `guarded`: scripts as well."""
    nodes = NAMES[: rng.choice((3, 3, 4, 5))]
    witness = nodes[-1] if rng.random() < 0.6 else None
    heartbeat, indoubt, dead = rng.choice(TIMINGS)
    keys = Keys(nodes, real=True).public()
    lines = ['cluster = "drawn"', 'id = "00112233445566778899aabbccddeeff"', "[timing]"]
    lines += [f'heartbeat = "{heartbeat}"', f'indoubt = "{indoubt}"', f'dead = "{dead}"']
    for at, node in enumerate(nodes):
        lines += [f"[nodes.{node}]", f'key = "{key_text(keys[node])}"', f'links = {{ lan = "10.70.0.{11 + at}" }}']
        lines += ["witness = true"] if node == witness else []
    candidates = [node for node in nodes if node != witness]
    for nth, service in enumerate(SERVICES[: rng.choice((1, 1, 2))]):
        order = rng.sample(candidates, rng.randint(2, len(candidates)))
        lines += [
            f"[services.{service}]",
            f"nodes = [{', '.join(chr(34) + node + chr(34) for node in order)}]",
            f'partition = "{MAJORITY}"',
            f'lease = "{rng.choice(("300ms", "500ms", "900ms"))}"',
            f'failback = "{rng.choice(("auto", "manual", "2s"))}"',
            'retry = "1s"',
            f"[[services.{service}.actions]]",
            f'address = "10.70.0.{100 + nth}/24"',
            'interface = "eth0"',
        ]
        for script in range(rng.choice((1, 1, 2)) if guarded else 0):
            lines += [
                f"[[services.{service}.actions]]",
                f'script = "/etc/failover/{service}-{script}"',
                f'timeout = "{rng.choice(("200ms", "1s", "2s"))}"',
            ]
    return armed(parsed("\n".join(lines) + f"\n{WATCHDOG if guarded else ''}", "drawn"))


def drawn_guarded(rng: random.Random) -> Policy:
    return drawn(rng, guarded=True)


def mood(rng: random.Random) -> frozenset[str]:
    return frozenset(rng.sample(FAMILIES, rng.randint(2, len(FAMILIES))))


def guarded_mood(rng: random.Random) -> frozenset[str]:
    return frozenset({*rng.sample(GUARDED_FAMILIES, rng.randint(2, len(GUARDED_FAMILIES))), "hangs"})


class BrokenLease(AssertionError):
    """What a majority allows was not kept. The text says what, where and how."""


class Promise(NamedTuple):
    epoch: int
    until_us: int


class LeaseInvariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self._services = [name for name, service in world.policy.services.items() if service.partition == MAJORITY]
        self._voted: dict[tuple[str, str, int], Ref] = {}
        """Voter, service and epoch to the vote that stands on a disk."""
        self._promised: dict[tuple[str, str, str], Promise] = {}
        """Voter, service and holder."""
        self._seen: dict[tuple[str, str], int] = {}
        """Voter and service to the largest epoch for which it has voted."""
        self._over: set[tuple[str, Ref]] = set()
        """Leases that have ended: the node, and the claim under which it had one."""
        self.claims = self.votes = 0
        world.witnesses.append(self._after_input)
        world.after_step.append(self._after_step)

    def _after_step(self) -> None:
        for service in self._services:
            owners = self._world.owners(service)
            if len(owners) > 1:
                raise BrokenLease(f"{service} is owned by {', '.join(owners)} at {self._world.agenda.now_us} us")

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        faild = self._world.hosts[node].faild
        if faild is None:
            return
        self._votes(node, faild.core)
        if isinstance(seen, saw.HeartbeatHeard):
            self._hears(node, faild.core, seen)
        for effect in ordered:
            if isinstance(effect, do.Append):
                for entry in effect.entries:
                    self._stored(node, entry)
        self._leases(node, faild.core, now)

    def _hears(self, node: str, core: Core, seen: saw.HeartbeatHeard) -> None:
        """A voter that hears a holder ask is bound, unless it has voted for another above that."""
        message = seen.heartbeat.message
        for service, epoch in message.leases.asks.items():
            votes = core.column.votes.get(service, ())
            if service in self._services and not (votes and votes[0].epoch > epoch and votes[0].candidate != message.node):
                length = term(core.policy, core.policy.services[service])
                until_us = self._world.agenda.now_us + 1_000 * (length.lease_ms + length.stop_ms)
                self._promised[node, service, message.node] = Promise(epoch, until_us)

    def _stored(self, node: str, entry: Entry) -> None:
        body = body_of(entry.event)
        if entry.event.node != node:
            return
        self.claims += entry.event.kind == "claim"
        if not isinstance(body, Vote):
            return
        self.votes += 1
        key = (node, entry.event.service, body.epoch)
        if self._voted.setdefault(key, entry.ref) != entry.ref:
            first = self._voted[key]
            raise BrokenLease(f"{node} votes for epoch {body.epoch} of {entry.event.service} in {first} and {entry.ref}")

    def _votes(self, node: str, core: Core) -> None:
        """Looked at when a vote is written: it may reach the disk much later, where that hangs or the node stands still."""
        for service in self._services:
            last = newest(core.column.votes.get(service, ()))
            if last is not None and last.epoch > self._seen.get((node, service), 0):
                self._seen[node, service] = last.epoch
                self._keeps_promises(node, service, last.candidate)

    def _keeps_promises(self, voter: str, service: str, candidate: str) -> None:
        for (who, what, holder), promise in self._promised.items():
            if (who, what) != (voter, service) or holder == candidate or self._world.agenda.now_us >= promise.until_us:
                continue
            host = self._world.hosts[holder]
            if host.owns(service) and host.gates.epoch(service) == promise.epoch:  # not under later votes of others
                raise BrokenLease(f"{voter} votes for {candidate} while it is bound to {holder}, which answers for {service}")

    def _leases(self, node: str, core: Core, now: saw.Now) -> None:
        for held in core.majority.leases.held.values():
            key = (node, held.claim)
            live = held.lease.is_live(now.mono_ms, held.term)
            if live and key in self._over:
                raise BrokenLease(f"{node}: a lease that had ended lives again, under {held.claim}")
            if not live:
                self._over.add(key)
