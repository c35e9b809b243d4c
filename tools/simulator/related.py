"""Worlds of services that need each other or must not meet, and what must hold there besides (decision 0085).

    run = RandomRun(seed, steps, relations=True)
    watch = RelationInvariants(world)           # what really is up on each machine, whatever any node believes

Nothing comes up before what it comes after on its node. What goes in good order goes after what needs it. And what lacks
something, or meets what it must not meet, is down within a few seconds where its node runs and its down actions work.
"""

import random
import re
from collections.abc import Iterator

from coordinator.config import parse
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.policy import Policy, ServicePolicy
from tools.simulator import drawn as plain_worlds
from tools.simulator.chance import mood as plain_mood
from tools.simulator.host import Host
from tools.simulator.orders import armed
from tools.simulator.world import World

IN_ORDER = frozenset({"operator", "everywhere", "standby", "stopping", "move", "failback", "check", "carrier"})
"""Causes for which a service waits for those that need it."""

GONE_US = 8_000_000
"""Judging, a step up that is ended first, and a down action that takes its time; twice that."""


def mood(rng: random.Random) -> frozenset[str]:
    """Files stay as they are: a changed one has other candidates here and there."""
    return plain_mood(rng) - {"files"}


def drawn(rng: random.Random) -> Policy:
    """Any other world of two services or more, each but one with a relation to one that is drawn before it."""
    while len((policy := plain_worlds.drawn(rng)).services) < 2:
        pass
    order = rng.sample(list(policy.services), len(policy.services))
    text, first = policy.text, dict(policy.services)
    for place, name in enumerate(order[1:], 1):
        other = first[order[rng.randrange(place)]]
        key = rng.choice(("with", "with", "here", "here", "after", "apart", "apart"))
        if key in ("with", "here"):
            text, first[name] = _beside(text, name, other), other
        written = f"{other.name}@here" if key == "here" else other.name
        if key != "apart" or len(first[name].nodes) > 1:
            line = f'{"after" if key == "here" else key} = ["{written}"]'
            text = text.replace(f"[services.{name}]\n", f"[services.{name}]\n{line}\n")
        first[name] = _named(first[name], name)
    return armed(parse(text, "drawn"))


def _named(policy: ServicePolicy, name: str) -> ServicePolicy:
    return ServicePolicy(name, policy.nodes, split_winner=policy.split_winner)


def _beside(text: str, name: str, other: ServicePolicy) -> str:
    """The same candidates, and the same winner after a split."""
    begin = text.index(f"[services.{name}]\n")
    end = text.index("[[", begin)
    nodes = ", ".join(f'"{node}"' for node in other.nodes)
    table = re.sub(r"(?m)^nodes = .*$", f"nodes = [{nodes}]", text[begin:end])
    table = re.sub(r"(?m)^split_winner = .*$", f'split_winner = "{other.split_winner}"', table)
    return text[:begin] + table + text[end:]


class BrokenRelation(AssertionError):
    """What a relation promises was not kept. The text says what, where and how."""


class RelationInvariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self._since_us: dict[tuple[str, str, str], int] = {}
        """Node, service and what it lacks or meets, and since when."""
        self.followed = self.put_off = 0
        """Services given up for another; and of these the ones that went before it in good order."""
        world.witnesses.append(self._after_input)
        world.after_step.append(self._after_step)

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        host = self._world.hosts[node]
        for effect in ordered:
            if isinstance(effect, do.Run) and effect.word == "up" and effect.actions[0] == 0:
                self._comes_up(host, effect.service)
            elif isinstance(effect, do.Run) and effect.word == "down":
                self._goes_down(host, effect.service)

    def _comes_up(self, host: Host, service: str) -> None:
        """What it comes after is up by then; what it is with may come up beside it."""
        for after in self._world.policy.services[service].after:
            if after.here and not host.owns(after.service):
                raise BrokenRelation(f"{service} comes up on {host.name}, where {after.service} is not")

    def _goes_down(self, host: Host, service: str) -> None:
        assert host.faild is not None, "an order comes from a running faild"
        column = host.faild.core.column
        cause = column.service(service).cause
        self.followed += cause in ("follows", "apart")
        if cause not in IN_ORDER:
            return
        for name, policy in self._world.policy.services.items():
            if service in policy.needs_here and host.owns(name):
                if not column.service(name).stuck:
                    raise BrokenRelation(f"{service} goes down on {host.name} ({cause}) before {name}, which needs it there")
                self.put_off += 1

    def _after_step(self) -> None:
        now_us, found = self._world.agenda.now_us, set(self._broken())
        self._since_us = {broken: self._since_us.get(broken, now_us) for broken in found}
        for (node, service, other), since_us in self._since_us.items():
            if now_us - since_us > GONE_US:
                raise BrokenRelation(f"{service} is up on {node} for {GONE_US // 1_000_000} s, whatever {other} does there")

    def _broken(self) -> Iterator[tuple[str, str, str]]:
        for host in self._world.hosts.values():
            if host.faild is None or host.frozen:
                continue
            for name, policy in self._world.policy.services.items():
                if not policy.related or not host.owns(name) or host.works.trouble[name].down:
                    continue
                if host.faild.core.column.service(name).stuck:
                    continue
                yield from ((host.name, name, other) for other in policy.needs_here if not host.owns(other))
                yield from ((host.name, name, other) for other in policy.apart if host.owns(other))


def unsettled(world: World, service: str, owner: str) -> str:
    """Why this service may not stay where it is when all is mended; empty where it may."""
    policy = world.policy.services[service]
    away = [other for other in policy.needs_here if world.owners(other) != (owner,)]
    met = [other for other in policy.apart if owner in world.owners(other)]
    return f"{service} is on {owner}, and {', '.join((*away, *met))}" if away or met else ""
