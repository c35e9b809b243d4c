"""How events are named: by node, incarnation and number, without the event itself."""

from typing import NamedTuple

NUMBER_MAX = 2**53
"""The largest number or incarnation: milliseconds for 285,000 years, exact in every reader of JSON, and with room above for the
next one. A larger one would be a feed that cannot be continued."""

NAME_MAX = 64
"""Characters in a node's, a service's or a kind's name; the configuration allows 63."""


class Ref(NamedTuple):
    """The name of an event. `number` counts from 1 without a gap inside one incarnation."""

    node: str
    incarnation: int
    number: int

    def __str__(self) -> str:
        """As a sentence for people names it."""
        return f"{self.node}/{self.incarnation}/{self.number}"


class Head(NamedTuple):
    """How far a feed is known: the last number and its event id (32 bytes)."""

    node: str
    incarnation: int
    number: int
    id: bytes

    @property
    def feed(self) -> tuple[str, int]:
        return (self.node, self.incarnation)
