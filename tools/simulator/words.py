"""Reading one line of a scenario, word by word; every complaint says the line, what is wrong and what is meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.config.durations import BadQuantity, milliseconds
from coordinator.policy import Policy
from protocol.names import NUMBER_MAX


class BadScenario(Exception):
    """The scenario cannot be played. The text is one line for people: file, line, what, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as written: what happens when."""

    file: str
    number: int
    at_ms: int
    verb: str
    args: tuple[str, ...]
    text: str

    def wrong(self, what: str) -> BadScenario:
        return BadScenario(f"{self.file}:{self.number}: {what}")


class Words:
    """The arguments of one line, taken from the left."""

    def __init__(self, line: Line, policy: Policy, usage: str) -> None:
        self.line = line
        self.policy = policy
        self._usage = usage
        self._left = list(line.args)

    def wrong(self, what: str) -> BadScenario:
        return self.line.wrong(f"{what}. Write: at TIME {self._usage}")

    def more(self) -> bool:
        return bool(self._left)

    def next(self, what: str) -> str:
        if not self._left:
            raise self.wrong(f"{self.line.verb} lacks {what}")
        return self._left.pop(0)

    def done(self) -> None:
        if self._left:
            raise self.wrong(f"{self.line.verb}: {self._left[0]!r} is too much")

    def node(self) -> str:
        return self._known(self.next("a node"), tuple(self.policy.nodes), "node")

    def nodes(self) -> tuple[str, ...]:
        """One or more, to the end of the line."""
        names = [self.node()]
        while self.more():
            names.append(self.node())
        return tuple(names)

    def pair(self) -> tuple[str, str]:
        """Two nodes; a node has no link to itself."""
        one, other = self.node(), self.node()
        if one == other:
            raise self.wrong(f"{self.line.verb} names {one} twice")
        return one, other

    def service(self) -> str:
        return self._known(self.next("a service"), tuple(self.policy.services), "service")

    def link(self, a: str, b: str) -> str:
        both = [link for link in self.policy.nodes[a].links if link in self.policy.nodes[b].links]
        return self._known(self.next("a link"), both, f"link between {a} and {b}")

    def time(self) -> int:
        """A duration in ms."""
        return duration(self.next("a time"), self)

    def number_or(self, word: str) -> int | None:
        """A whole number; None for this word."""
        text = self.next("a number")
        if text != word and not (text.isascii() and text.isdigit() and int(text) <= NUMBER_MAX):
            raise self.wrong(f"{text!r} is no whole number, and not {word}")
        return None if text == word else int(text)

    def share(self) -> float:
        """`10` or `10%` as 0.1."""
        text = self.next("a percentage")
        number = text.removesuffix("%")
        try:
            percent = float(number)
        except ValueError:
            percent = -1.0
        if not 0 <= percent <= 100:
            raise self.wrong(f"{text!r} is not a percentage from 0 to 100")
        return percent / 100

    def choice(self, value: str, known: Sequence[str], what: str) -> str:
        return self._known(value, known, what)

    def _known(self, name: str, known: Sequence[str], what: str) -> str:
        if name not in known:
            raise self.wrong(f"no {what} {name!r}; there is {', '.join(known)}")
        return name


def duration(text: str, words: Words) -> int:
    try:
        return milliseconds(text)
    except BadQuantity as error:
        raise words.wrong(str(error).rstrip(".")) from None
