"""A path of choices as people read it: shortened, and played again with what each node wrote.

words = shortened(names, words)             # still ends in a fault, and no choice can be left out
for line in told(names, words): print(line)
"""

from collections.abc import Iterator, Sequence

from protocol.event import Entry
from protocol.events import Claim, Vote, body_of
from tools.explore.cast import BASE_MS
from tools.explore.choices import Choices
from tools.explore.life import Life
from tools.explore.nodes import Nodes
from tools.explore.world import Moves, World

NOT_OPEN = "is not open here"

ANY_NUMBER = 1 << 30
"""Of accidents: a history that is told counts none."""


class Player:
    """Plays choices by their words; where one is not open the history cannot happen."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.moves = Moves(Nodes(names))
        self.choices = Choices(self.moves, ANY_NUMBER)

    def steps(self, words: Sequence[str]) -> Iterator[tuple[str, World, World, str]]:
        """Each choice with the world before and after it, and what is wrong then. Ends before one that is not open."""
        world = World.first(self.moves.nodes)
        for text in words:
            number = self.choices.numbers.get(text)
            if number is None or not self.choices.all[number].open(world):
                yield text, world, world, NOT_OPEN
                return
            step = self.choices.take(world, number)
            yield text, world, step.world, step.fault
            if step.fault:
                return
            world = step.world


def shortened(names: tuple[str, ...], words: Sequence[str]) -> list[str]:
    """One choice after the other is left out where the rest still ends in a fault."""
    player, left = Player(names), list(words)
    changed = True
    while changed:
        changed = False
        for at in reversed(range(len(left))):
            fewer = _to_fault(player, left[:at] + left[at + 1 :])
            if fewer:
                left, changed = fewer, True
                break
    return left


def _to_fault(player: Player, words: Sequence[str]) -> list[str]:
    """Up to the first fault; empty where there is none."""
    taken = list[str]()
    for text, _, _, fault in player.steps(words):
        taken.append(text)
        if fault == NOT_OPEN:
            return []
        if fault:
            return taken
    return []


def told(names: tuple[str, ...], words: Sequence[str]) -> Iterator[str]:
    """A line for each choice, and one for each event that came to stand on its author's disk."""
    player = Player(names)
    for text, before, after, fault in player.steps(words):
        nodes = player.moves.nodes
        ms = max(nodes.lives[life].at_ms + age_ms for life, age_ms in zip(after.lives, after.ages_ms)) - BASE_MS
        owners = " and ".join(player.moves.owners(after)) or "none"
        yield f"{ms:6d} ms  {text:16s} owner: {owners}"
        for old, new in zip(before.lives, after.lives):
            for entry in written(nodes.lives[old], nodes.lives[new]):
                yield f"            {sentence(entry)}"
        if fault:
            yield f"            WRONG: {fault}"


def written(before: Life, after: Life) -> list[Entry]:
    return [
        entry
        for feed, entries in sorted(after.disk.items())
        if feed[0] == after.name
        for entry in entries[len(before.disk.get(feed, ())) :]
    ]


def sentence(entry: Entry) -> str:
    event, body = entry.event, body_of(entry.event)
    said = f"{event.node} {event.number}: {event.kind}"
    if isinstance(body, Vote):
        return f"{said} for {body.candidate}, epoch {body.epoch}"
    return f"{said}, epoch {body.epoch}" if isinstance(body, Claim) else said
