"""Everything that can happen next in a world: each choice has a number, which is one byte of a path, and words.

    choices = Choices(Moves(Nodes(("a", "b", "w"))), accidents=2)
    for number in choices.open(world):
        step = choices.take(world, number)
    choices.words[number]                       # "beat a>b", "tick", "crash w", ...

A *round* and a *calm* are many steps taken together, in one fixed order, each looked at as any other: by them a short path
leads far, and what they leave out is reached by the single ones.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tools.explore.cast import HEARTBEAT_MS
from tools.explore.nodes import START, STOP
from tools.explore.world import Moves, Step, Way, World

BUSY = 500
"""Steps inside one choice after which it does not end: the nodes keep each other busy."""


class Choice(NamedTuple):
    words: str
    open: Callable[[World], bool]
    take: Callable[[World], Step]
    is_accident: bool = False


class Choices:
    def __init__(self, moves: Moves, accidents: int) -> None:
        """`accidents`: how many a path may have at most."""
        self.moves, self.accidents = moves, accidents
        self.all = list(self._all())
        self.words = [choice.words for choice in self.all]
        self.numbers = {words: number for number, words in enumerate(self.words)}

    def open(self, world: World) -> list[int]:
        may_go_wrong = world.accidents < self.accidents
        return [
            number for number, choice in enumerate(self.all) if (may_go_wrong or not choice.is_accident) and choice.open(world)
        ]

    def take(self, world: World, number: int) -> Step:
        choice = self.all[number]
        step = choice.take(world)
        if choice.is_accident:
            step = Step(step.world._replace(accidents=step.world.accidents + 1), step.fault)
        return step

    # --- which there are ------------------------------------------------------------------------------------------

    def _all(self) -> Iterator[Choice]:
        moves = self.moves
        names = range(len(moves.nodes.names))
        yield Choice("tick", self._runs, moves.tick)
        yield Choice("calm", self._arrives, self.calm)
        yield Choice("round", self._runs, self.round)
        yield Choice("heal", lambda world: bool(world.cut), lambda world: Step(world._replace(cut=frozenset())))
        for sender, receiver in itertools.permutations(names, 2):
            for kind in ("beat", "feed", "word", "relay", "heads"):
                yield self._arrival((kind, sender, receiver))
            yield self._cut(f"cut {self._pair(sender, receiver)}", [(sender, receiver)])
        for node in names:
            yield from self._of_node(node)
            others = [other for other in names if other != node]
            yield self._cut(
                f"cut {moves.nodes.names[node]}", [way for other in others for way in ((node, other), (other, node))]
            )

    def _of_node(self, node: int) -> Iterator[Choice]:
        moves, name = self.moves, self.moves.nodes.names[node]

        def is_on(world: World) -> bool:
            return moves.is_on(world, node)

        def hears(world: World) -> bool:
            return moves.hears(world, node)

        def pause(world: World) -> Step:
            return Step(world._replace(paused=world.paused | {node}))

        def resume(world: World) -> Step:
            return Step(world._replace(paused=world.paused - {node}))

        yield Choice(f"start {name}", lambda world: not is_on(world), lambda world: moves.give(world, node, START))
        yield Choice(f"resume {name}", lambda world: node in world.paused, resume)
        yield Choice(f"crash {name}", is_on, lambda world: moves.power_off(world, node), is_accident=True)
        yield Choice(f"stop {name}", hears, lambda world: moves.give(world, node, STOP), is_accident=True)
        yield Choice(f"pause {name}", hears, pause, is_accident=True)
        yield self._torn(f"torn {name}", hears, lambda world: moves.tick(world, torn=node), node)

    def _arrival(self, way: Way) -> Choice:
        return Choice(
            f"{way[0]} {self._pair(*way[1:])}",
            lambda world: way in dict(world.going) and self.moves.hears(world, way[2]),
            lambda world: self.moves.deliver(world, way),
        )

    def _torn(self, words: str, is_open: Callable[[World], bool], take: Callable[[World], Step], node: int) -> Choice:
        """The power goes after an order to the disk: open where there is one, and it takes what was ordered with it."""

        def loses_something(world: World) -> bool:
            return is_open(world) and not self.moves.is_on(take(world).world, node)

        return Choice(words, loses_something, take, is_accident=True)

    def _cut(self, words: str, ways: list[tuple[int, int]]) -> Choice:
        return Choice(
            words,
            lambda world: not world.cut.issuperset(ways),
            lambda world: Step(self.moves.cut(world, ways)),
            is_accident=True,
        )

    def _pair(self, sender: int, receiver: int) -> str:
        return f"{self.moves.nodes.names[sender]}>{self.moves.nodes.names[receiver]}"

    def _runs(self, world: World) -> bool:
        return bool(self.moves.running(world))

    def _arrives(self, world: World) -> bool:
        return bool(self.moves.arriving(world))

    # --- many steps at once ---------------------------------------------------------------------------------------

    def calm(self, world: World) -> Step:
        """All that is on its way arrives, and what is said because of it, until it is quiet."""
        step = Step(world)
        for _ in range(BUSY):
            arriving = self.moves.arriving(step.world)
            if not arriving or step.fault:
                return step
            step = self.moves.deliver(step.world, arriving[0])
        return Step(step.world, f"it does not become quiet within {BUSY} deliveries")

    def round(self, world: World) -> Step:
        """One heartbeat of time, in which all arrives at once."""
        step, left_ms = self.calm(world), HEARTBEAT_MS
        for _ in range(BUSY):
            wait_ms = self.moves.wakes_in_ms(step.world)
            if step.fault or wait_ms is None:
                return step
            if wait_ms > left_ms:
                return Step(self.moves.pass_ms(step.world, left_ms), step.fault)
            left_ms -= wait_ms
            step = self.moves.tick(step.world)
            if not step.fault:
                step = self.calm(step.world)
        return Step(step.world, f"{BUSY} instants in one heartbeat")
