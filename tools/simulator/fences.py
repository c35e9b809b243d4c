"""Worlds in which each node can be switched off by the others, and what must hold there besides (docs/fencing.md).

    run = RandomRun(seed, steps, fences=True)
    watch = FenceInvariants(world)              # at every claim, whatever any node believes

No node claims what may not run twice while a node that it takes for dead has it: that one is off. No node is switched off that
its fencer hears. A device that lies is no part of these worlds: a scenario has it.
"""

import random

from coordinator.config import parse
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.policy import Policy
from protocol.event import Ref
from protocol.events import Claim, FencedBy, FenceRequested, Judgement, body_of
from tools.simulator import drawn as plain_worlds
from tools.simulator.chance import Drawn
from tools.simulator.orders import armed
from tools.simulator.world import World

FAMILIES = ("weather", "cuts", "power", "kills", "stops", "pauses", "disks", "actions", "downs", "checks", "carrier", "clocks",
            "stuck", "slow", "oneway")  # fmt: skip
"""What happens there beside "fences". No operator says of a node that is only cut off that it is down, and no disk is lost."""


def drawn(rng: random.Random) -> Policy:
    """Any other world, with a level or two for each node; a service in five need not wait."""
    text = plain_worlds.drawn(rng).text
    for name in parse(text, "drawn").services:
        if rng.random() < 0.2:
            text = text.replace(f"[services.{name}]\n", f"[services.{name}]\nfence = false\n")
    for node in parse(text, "drawn").nodes:
        delay = rng.choice(("0s", "0s", "0s", "2s"))
        text += f'[[nodes.{node}.fence]]\nagent = "fence_dummy"\noptions = {{ plug = "{node}" }}\n'
        text += f'delay = "{delay}"\ntimeout = "{rng.choice(("1s", "3s"))}"\n'
    return armed(parse(text, "drawn"))


def mood(rng: random.Random) -> frozenset[str]:
    return frozenset({*rng.sample(FAMILIES, rng.randint(2, len(FAMILIES))), "fences"})


def trouble(accidents: Drawn) -> None:
    """The devices of a node fail or hang for a while."""
    power, node = accidents.world.power, accidents.node()
    how = accidents.rng.choice(("fails", "fails", "hangs"))
    accidents.say(f"fence-{how} {node}")
    power.trouble[node] = how
    accidents.then(accidents.for_us(), f"fence-works {node}", lambda: power.trouble.update({node: ""}))


class BrokenFence(AssertionError):
    """What a fence promises was not kept. The text says what, where and how."""


class FenceInvariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: set[Ref] = set()
        self.claims = self.fenced_first = 0
        """Of services that wait; and those of them that came when a node had been switched off for them."""
        world.witnesses.append(self._after_input)

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        for effect in ordered:
            if isinstance(effect, do.Append):
                for entry in effect.entries:
                    if entry.event.node == node and entry.ref not in self._seen:
                        self._seen.add(entry.ref)
                        self._look(node, entry.event.service, body_of(entry.event))

    def _look(self, node: str, service: str, body: object) -> None:
        if isinstance(body, FenceRequested) and body.by is FencedBy.CLAIM:
            given = body.given.peers[body.node] if body.given else None
            if given is None or given.judgement is not Judgement.DEAD:
                raise BrokenFence(f"{node} switches {body.node} off, which is not dead to it")
        policy = self._world.policy.services.get(service)
        if not isinstance(body, Claim) or policy is None or not policy.fence:
            return
        self.claims += 1
        self.fenced_first += any(by == node for _, _, by, _ in self._world.power.fenced)
        for other, peer in body.given.peers.items():
            if peer.judgement is Judgement.DEAD and self._world.hosts[other].owns(service):
                raise BrokenFence(f"{node} claims {service}, and {other}, which is dead to it, has it and is not off")
