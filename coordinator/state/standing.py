"""What operators' commands have brought about, over all feeds and all their incarnations. It only ever grows.

    state.orders.of("hold", "web")              # event to effect, of the orders that count
    state.orders.feed("genesis", 7).nonces      # what one feed has obeyed

An effect is named by the event that brought it, and none is taken out when its node begins a new incarnation: an order
outlives a lost disk wherever one copy of its event is left. So the state does not depend on the order of arrival.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from coordinator.state.replacing import replace
from protocol.commands import Command
from protocol.event import Event, Ref
from protocol.events.fences import FencedBy

MOVES_KEPT = 8
"""The latest ones of a service: an older move is over, whatever became of it."""

FIRST_RULES = 1
"""Runs of these rules obeyed commands that name no acting node."""

Subject = tuple[str, ...]
"""What an effect is about: ("hold", service), ("unhold", service), ("move", service), ("fenced", service, node),
("readmit", node), ("off", node); and the same word and subject for what takes effect by its command alone."""

ENDED_BY = {"hold": "unhold", "standby": "unstandby", "fail-everywhere": "recover"}
"""Orders that stand, and the word that ends them: it names the events that brought them."""


class Word(NamedTuple):
    """What ends a holding from outside: a fence, an operator's word, a last word."""

    epoch: int
    """Up to which the holding counts as over."""
    ref: Ref
    """The event that says so."""
    run: bytes = b""
    """The run of the node that held: what a later run claims is another holding, whatever its number. Empty where unknown."""


@dataclass(frozen=True, slots=True)
class Move:
    service: str
    target: str
    epoch: int
    """The service's epoch before the holding that it asks for."""
    for_ms: int
    ref: Ref

    @property
    def place(self) -> tuple[int, bool, Ref]:
        """Which of two moves was ordered later: of one epoch the target's own, which it wrote when it held the service."""
        return (self.epoch, self.ref.node == self.target, self.ref)


@dataclass(frozen=True)
class FeedOrders:
    """What counts for the commands of one feed: a node in one incarnation."""

    rules: int = 0
    """The rules of the run that it is in; 0 before its first start."""
    configs: tuple[bytes, ...] = ()
    """The digests that it lived by, the newest first: the newest that counts judges its commands by its keys and roles."""
    nonces: Mapping[bytes, int] = field(default_factory=dict)
    """For the commands obeyed, until when each could be given (ms since 1970): none is obeyed twice."""
    obeyed: tuple[Ref, Command] | None = None
    """The last command obeyed: what follows from it stands in the next event, or not at all."""
    denied: tuple[Ref, str] | None = None
    """The last event without authority, with the reason."""


    fencing: Mapping[str, "Fencing"] = field(default_factory=dict)
    """Node to the fencing of it that this feed has begun, until it says what became of it."""
    later: "Later | None" = None
    """What is judged again when another file comes to count."""


class Fencing(NamedTuple):
    request: Ref
    run: bytes
    by: FencedBy


class Off(NamedTuple):
    """A run of a node is over, since its power is off."""

    run: bytes
    ref: Ref
    """The event that says so."""
    by: FencedBy


OFFS_KEPT = 64
"""The latest ones about a node: an older one is about a run that is over in any case."""


@dataclass(frozen=True, slots=True)
class Later:
    """Of a feed that goes by a file which does not count here: what it was before, and what it has said since about orders."""

    before: FeedOrders
    events: tuple[Event, ...] = ()
    full: bool = False
    """There was more than is kept, and nothing of it is judged again."""


UNHEARD = FeedOrders()


@dataclass(frozen=True)
class Orders:
    feeds: Mapping[tuple[str, int], FeedOrders] = field(default_factory=dict)
    effects: Mapping[Subject, Mapping[Ref, Any]] = field(default_factory=dict)
    first: frozenset[Ref] = frozenset()
    """The effects that a run of the first rules wrote."""
    signed: Mapping[bytes, int] = field(default_factory=dict)
    """Digest of a file that an administrator has signed, to the number under which it is to be applied."""
    signed_by: Mapping[bytes, Ref] = field(default_factory=dict)
    """The same digest to the event that holds that command: of several the one with the lowest name."""
    second: bool = False
    """Whether any node runs by later rules: then the first ones give no orders any more."""

    def of(self, *subject: str) -> Mapping[Ref, Any]:
        """The effects about this subject that count."""
        found = self.effects.get(subject, {})
        if self.second and self.first:
            return {ref: effect for ref, effect in found.items() if ref not in self.first}
        return found

    def standing(self, word: str, subject: str) -> frozenset[Ref]:
        """The orders of this word that no other has ended."""
        return frozenset(self.of(word, subject)).difference(*self.of(ENDED_BY[word], subject).values())

    def of_first_rules(self) -> tuple[str, ...]:
        """The orders in force that end with the first start of this release, as they were typed; none where one has started."""
        if self.second:
            return ()
        holds = [f"hold {name}" for word, name, *_ in self.effects if word == "hold" and self.standing("hold", name)]
        moves = [f"move {name}" for word, name, *_ in self.effects if word == "move"]
        return tuple(sorted(holds + moves))

    def feed(self, node: str, incarnation: int) -> FeedOrders:
        return self.feeds.get((node, incarnation), UNHEARD)

    def obeyed_by(self, node: str, nonce: bytes) -> bool:
        """Whether a command with this nonce stands in any feed of this node."""
        return any(nonce in feed.nonces for (name, _), feed in self.feeds.items() if name == node)

    def obeyed_anywhere(self, nonce: bytes) -> bool:
        return any(nonce in feed.nonces for feed in self.feeds.values())

    def with_feed(self, node: str, incarnation: int, feed: FeedOrders) -> "Orders":
        return replace(self, feeds={**self.feeds, (node, incarnation): feed})

    def without(self, refs: Set[Ref]) -> "Orders":
        """As if these events had brought nothing about. A file that one of them signed stays signed."""
        left = {about: {ref: one for ref, one in found.items() if ref not in refs} for about, found in self.effects.items()}
        return replace(self, effects={about: found for about, found in left.items() if found}, first=self.first - refs)

    def with_effect(self, subject: Subject, ref: Ref, effect: Any) -> "Orders":
        known = {**self.effects.get(subject, {}), ref: effect}
        if subject[0] == "move" and len(known) > MOVES_KEPT:
            del known[min(known, key=lambda one: known[one].place)]
        if subject[0] == "off" and len(known) > OFFS_KEPT:
            del known[min(known, key=lambda one: (one.incarnation, one.number, one.node))]
        first = self.first | {ref} if self.feed(*ref[:2]).rules == FIRST_RULES else self.first
        return replace(self, effects={**self.effects, subject: known}, first=first)
