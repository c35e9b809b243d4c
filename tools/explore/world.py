"""The nodes, and what is on its way between them: one state of what is explored, and the moves by which it changes.

    world = World.first(nodes)
    moves = Moves(nodes)
    step = moves.deliver(world, ("beat", 0, 1))     # `Step`: the next world, and what is wrong there
    moves.key(world)                                # 16 bytes: equal for worlds that nothing that comes can tell apart

Nothing is wrong where nothing raises, no promise is broken that can still be used, and at most one node may answer.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from tools.explore.nodes import POWER_OFF, WOKE, After, Nodes

Way = tuple[str, int, int]
"""What comes by it, and the numbers of sender and receiver."""

NEWEST_ONLY = frozenset({"beat", "word", "relay"})
"""One that has not arrived when the next one is sent is lost; all others wait in order, and arrive together."""


class World(NamedTuple):
    lives: tuple[int, ...]
    ages_ms: tuple[int, ...]
    """Of each life, since its last instant."""
    going: tuple[tuple[Way, tuple[int, ...]], ...] = ()
    """What is on its way, by its way, sorted."""
    paused: frozenset[int] = frozenset()
    cut: frozenset[tuple[int, int]] = frozenset()
    """Sender and receiver: what is sent from now on is lost."""
    accidents: int = 0
    """How many there were."""

    @classmethod
    def first(cls, nodes: Nodes) -> "World":
        return cls(nodes.first, (0,) * len(nodes.first))


class Step(NamedTuple):
    world: World
    fault: str = ""


class Moves:
    def __init__(self, nodes: Nodes, *, relays: bool = True) -> None:
        """`relays`: whether what third nodes pass on may arrive."""
        self.nodes, self._relays = nodes, relays
        self.numbers = {name: number for number, name in enumerate(nodes.names)}

    # --- what is so -----------------------------------------------------------------------------------------------

    def now_ms(self, world: World, node: int) -> int:
        return self.nodes.lives[world.lives[node]].at_ms + world.ages_ms[node]

    def is_on(self, world: World, node: int) -> bool:
        return self.nodes.lives[world.lives[node]].on

    def hears(self, world: World, node: int) -> bool:
        return self.is_on(world, node) and node not in world.paused

    def running(self, world: World) -> list[int]:
        return [node for node in range(len(world.lives)) if self.hears(world, node)]

    def wakes_in_ms(self, world: World) -> int | None:
        """How long nothing happens by itself; None where no node runs."""
        waits = [self.nodes.lives[world.lives[node]].wake_ms - self.now_ms(world, node) for node in self.running(world)]
        return max(0, min(waits)) if waits else None

    def owners(self, world: World) -> list[str]:
        lives = [self.nodes.lives[life] for life in world.lives]
        return [life.name for life, age_ms in zip(lives, world.ages_ms) if life.up and life.may_answer(life.at_ms + age_ms)]

    def key(self, world: World) -> bytes:
        parts = [self.nodes.keys[life] for life in world.lives]
        for way, messages in world.going:
            parts.append(repr(way).encode())
            parts += [self.nodes.message_keys[message] for message in messages]
        rest = (world.ages_ms, sorted(world.paused), sorted(world.cut), world.accidents)
        return hashlib.blake2b(b"".join([*parts, repr(rest).encode()]), digest_size=16).digest()

    # --- moves ----------------------------------------------------------------------------------------------------

    def give(self, world: World, node: int, given: int, *, relayed: bool = False, torn: bool = False) -> Step:
        """One input for one node, and what becomes of all."""
        after = self.nodes.step(world.lives[node], world.ages_ms[node], given, relayed=relayed, torn=torn)
        lives = (*world.lives[:node], after.life, *world.lives[node + 1 :])
        ages_ms = (*world.ages_ms[:node], 0, *world.ages_ms[node + 1 :])
        world = world._replace(lives=lives, ages_ms=ages_ms, going=self._sent(world, lives, node, after))
        return Step(world, self._fault(world, node, after))

    def _sent(self, world: World, lives: tuple[int, ...], node: int, after: After) -> tuple[tuple[Way, tuple[int, ...]], ...]:
        on = self.nodes.lives[lives[node]].on
        if not after.sent and on:
            return world.going
        going = dict(world.going)
        for each in after.sent:
            if each.way == "relay" and not self._relays:
                continue
            peers = [self.numbers[each.to]] if each.to else [peer for peer in range(len(lives)) if peer != node]
            for peer in peers:
                if (node, peer) in world.cut or not self.is_on(world, peer):
                    continue
                if each.way == "want":
                    self._answered(world, lives, going, node, peer, each.message)
                else:
                    kept = () if each.way in NEWEST_ONLY else going.get((each.way, node, peer), ())
                    going[each.way, node, peer] = (*kept, each.message)
        if not on:
            going = {way: messages for way, messages in going.items() if way[2] != node}
        return tuple(sorted(going.items()))

    def _answered(
        self, world: World, lives: tuple[int, ...], going: dict[Way, tuple[int, ...]], node: int, peer: int, wanted: int
    ) -> None:
        """A request arrives at once, or never; the answer is on its way then."""
        if (peer, node) in world.cut or not self.hears(world, peer):
            return
        batch = self.nodes.batch(lives[peer], wanted)
        if batch is not None and batch not in going.get(("feed", peer, node), ()):
            going["feed", peer, node] = (*going.get(("feed", peer, node), ()), batch)

    def _fault(self, world: World, node: int, after: After) -> str:
        if after.fault:
            return after.fault
        for promise in after.broken:
            holder = world.lives[self.numbers[promise.holder]]
            if self.nodes.lives[holder].may_own_by(promise):
                name = self.nodes.names[node]
                return f"{name} votes for another while it is bound to {promise.holder} under epoch {promise.epoch}"
        owners = self.owners(world)
        return f"{' and '.join(owners)} may both answer" if len(owners) > 1 else ""

    def deliver(self, world: World, way: Way, *, torn: bool = False) -> Step:
        """What waits on one way arrives, in its order."""
        going = dict(world.going)
        messages = going.pop(way)
        step = Step(world._replace(going=tuple(sorted(going.items()))))
        for message in messages:
            if not self.is_on(step.world, way[2]):
                break
            step = self.give(step.world, way[2], message, relayed=way[0] == "relay", torn=torn)
            if step.fault:
                break
        return step

    def pass_ms(self, world: World, ms: int) -> World:
        return world._replace(ages_ms=tuple(age_ms + ms for age_ms in world.ages_ms)) if ms else world

    def tick(self, world: World, *, torn: int | None = None) -> Step:
        """To the next instant at which a node wants to be woken. What they do there at once concerns no other yet."""
        step = Step(self.pass_ms(world, self.wakes_in_ms(world) or 0))
        for node in self.running(world):
            life = self.nodes.lives[step.world.lives[node]]
            if life.wake_ms <= life.at_ms + step.world.ages_ms[node]:
                step = self.give(step.world, node, WOKE, torn=torn == node)
                if step.fault:
                    break
        return step

    def arriving(self, world: World) -> list[Way]:
        return [way for way, _ in world.going if self.hears(world, way[2])]

    def power_off(self, world: World, node: int) -> Step:
        step = self.give(world, node, POWER_OFF)
        return Step(step.world._replace(paused=step.world.paused - {node}), step.fault)

    def cut(self, world: World, ways: Iterable[tuple[int, int]]) -> World:
        return world._replace(cut=world.cut | set(ways))
