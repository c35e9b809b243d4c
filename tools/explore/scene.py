"""One exploration, as one process sees it: a path of choices leads to a world, and each world to the next ones.

    scene = Scene(START["owned"], accidents=2)
    world = scene.world(path)                   # bytes: one choice each
    for found in scene.expand(path): ...        # `Found`: the key of the next world, its path, and what is wrong there

A path is all that is kept of a world between two levels: to come back to one, the choices are taken again, and what
each core does is looked up. Paths come in order, so that most of the way is that of the one before.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tools.explore.choices import Choices
from tools.explore.nodes import Nodes
from tools.explore.starts import Start
from tools.explore.world import Moves, World


class Found(NamedTuple):
    key: bytes
    path: bytes
    fault: str = ""


class NoSuchPath(ValueError):
    """A choice is not open where it stands in a path."""


class Scene:
    def __init__(self, start: Start, accidents: int) -> None:
        self.start = start
        self.nodes = Nodes(start.names)
        self.moves = Moves(self.nodes, relays=start.relays)
        self.choices = Choices(self.moves, accidents)
        self.first = World.first(self.nodes)
        self.fault = ""
        """On the way to the first world: then nothing is explored."""
        for words in start.words:
            step = self.choices.take(self.first, self.choices.numbers[words])
            self.first, self.fault = step.world._replace(accidents=0), self.fault or step.fault
        self._way: list[tuple[bytes, World]] = [(b"", self.first)]

    def world(self, path: bytes) -> World:
        while not path.startswith(self._way[-1][0]):
            self._way.pop()
        for at in range(len(self._way[-1][0]), len(path)):
            world = self.choices.take(self._way[-1][1], path[at]).world
            self._way.append((path[: at + 1], world))
        return self._way[-1][1]

    def expand(self, path: bytes) -> Iterator[Found]:
        world = self.world(path)
        for number in self.choices.open(world):
            step = self.choices.take(world, number)
            yield Found(self.moves.key(step.world), path + bytes([number]), step.fault)

    def key(self, path: bytes) -> bytes:
        return self.moves.key(self.world(path))

    def words(self, path: bytes) -> list[str]:
        return [self.choices.words[number] for number in path]

    def path(self, words: list[str]) -> bytes:
        """Raises NoSuchPath."""
        for text in words:
            if text not in self.choices.numbers:
                raise NoSuchPath(f"'{text}' is no choice; choices are: {', '.join(self.choices.words)}")
        return bytes(self.choices.numbers[text] for text in words)
