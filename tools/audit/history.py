"""The merged feeds as one history: when each event counts, in which order they are played, and what was true at T.

    history = History(entries, beginning(policy, entries))
    history.state_at(at_ms)             # the reducer's state over every event that counts by then
    history.order                       # every event once, causes before effects, else by the clock

When an event counts is noted in `lives`. Clocks of two nodes are never compared to decide anything; only the order of
concurrent events on the screen rests on them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import Entry, Event, Ref
from tools.audit.lives import NOTHING as NOTHING
from tools.audit.lives import Lives
from tools.audit.lives import Run as Run

T = TypeVar("T")


class History:
    """See the module. `entries`: sound ones, in order inside each feed. `begin`: what the auditor goes by before the first."""

    def __init__(self, entries: Iterable[Entry], begin: State):
        nodes: dict[str, list[Event]] = defaultdict(list)
        lives = Lives()
        for entry in sorted(entries, key=lambda entry: entry.ref):
            nodes[entry.event.node].append(entry.event)
            lives.add(entry.event)
        lives.close()
        self._take(lives, nodes, {event.ref: event for events in nodes.values() for event in events}, begin)

    def _take(
        self, lives: Lives, nodes: Mapping[str, Sequence[Event]], events: Mapping[Ref, Event], begin: State
    ) -> None:
        self.lives = lives
        self.nodes = nodes
        self.events = events
        self.begin = begin
        self.at_ms = lives.at_ms
        self.runs = lives.runs
        self.knew = lives.knew
        self.told = lives.told
        self.withdrawn = lives.withdrawn
        self.services = lives.services

    @cached_property
    def order(self) -> list[Event]:
        """Every event once: what an event rested on comes before it, concurrent ones by their time."""
        return list(self.played({node: iter(events) for node, events in self.nodes.items()}, lambda event: event))

    def played(self, feeds: Mapping[str, Iterator[T]], event_of: Callable[[T], Event]) -> Iterator[T]:
        """The order, one by one: of each feed the next one waits, and no more is kept."""
        done: dict[tuple[str, int], int] = {}
        waiting = {node: first for node in sorted(feeds) if (first := self._next(feeds[node], event_of)) is not None}
        while waiting:
            ready = [name for name, next_one in waiting.items() if self._is_ready(next_one, done)]
            node = ready[0] if len(ready) == 1 else min(ready or waiting, key=lambda name: (waiting[name].at_ms, name))
            played = waiting[node]
            yield played.item
            done[played.feed] = played.number
            after = self._next(feeds[node], event_of)
            if after is None:
                del waiting[node]
            else:
                waiting[node] = after

    def _next(self, feed: Iterator[T], event_of: Callable[[T], Event]) -> "_Waiting[T] | None":
        item = next(feed, None)
        if item is None:
            return None
        event = event_of(item)
        node = event.node
        others = [Ref(*head[:3]) for head in event.heads if head.node != node]
        rests_on = (*others, *(ref for ref in self.causes(event) if ref.node != node))
        return _Waiting(item, (event.node, event.incarnation), event.number, self.at_ms[event.ref], rests_on)

    def _is_ready(self, waiting: "_Waiting[T]", done: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything that it knew, as far as it is here, has been played."""
        for ref in waiting.rests_on:
            played = done.get(ref[:2], 0)
            if ref[2] > played and Ref(ref[0], ref[1], played + 1) in self.at_ms:
                return False
        return True

    def rests_on(self, event: Event) -> list[Ref]:
        """Everything that must have happened before it, by its own words and by what it told of."""
        return [Ref(*head[:3]) for head in event.heads] + list(self.causes(event))

    def causes(self, event: Event) -> tuple[Ref, ...]:
        """The events that it names, and the `down` of which it told: its author had written that, and not yet stored it."""
        told = self.told.get(event.ref)
        return (*event.causes, told) if told else event.causes

    def until(self, at_ms: int) -> list[Event]:
        """The events that count by `at_ms`, in the order of `order`: of each feed a beginning."""
        cut = {
            node: bisect_right(events, at_ms, key=lambda event: self.at_ms[event.ref]) for node, events in self.nodes.items()
        }
        self._close(cut)
        last = {node: self.nodes[node][count - 1].ref for node, count in cut.items() if count}
        return [event for event in self.order if event.node in last and event.ref <= last[event.node]]

    def _close(self, cut: dict[str, int]) -> None:
        """What an event that counts has known counts as well, whatever its author's clock said: else an owner whose clock is
        ahead would seem to hold what it had given up, and the log would show a split that never was."""
        waiting = [event for node, count in cut.items() for event in self.nodes[node][:count]]
        while waiting:
            event = waiting.pop()
            for node, incarnation, number in self.rests_on(event):
                events, had = self.nodes.get(node, []), cut.get(node, 0)
                known = Ref(node, incarnation, number)
                if had < len(events) and events[had].ref <= known:
                    cut[node] = bisect_right(events, known, key=lambda later: later.ref)
                    waiting += events[had : cut[node]]

    def state_at(self, at_ms: int) -> State:
        state = self.begin
        for event in self.until(at_ms):
            state = reduce(state, event)
        return state

    @cached_property
    def effects(self) -> Mapping[Ref, Sequence[Event]]:
        """Event to the events that name it as a cause."""
        effects: dict[Ref, list[Event]] = defaultdict(list)
        for event in self.order:
            for cause in self.causes(event):
                effects[cause].append(event)
        return effects

    def bracket(self, ref: Ref) -> tuple[Event | None, Event | None]:
        """Others' newest event that this one rested on, and the first one that rested on it: its time by other clocks."""
        before: dict[str, Event] = {}
        for event in self.nodes[ref.node]:
            for head in event.heads:
                known = self.events.get(Ref(*head[:3]))
                if known is not None:
                    before[head.node] = known
            if event.ref == ref:
                break
        covering = [first for node in self.nodes if node != ref.node if (first := self.first_that_knew(node, ref))]
        lower = max(before.values(), key=lambda event: self.at_ms[event.ref], default=None)
        return lower, min(covering, key=lambda event: self.at_ms[event.ref], default=None)

    def first_that_knew(self, node: str, ref: Ref) -> Event | None:
        """The first event of `node` whose heads cover this event of another."""
        for event in self.nodes[node]:
            if any(head.node == ref.node and head[1:3] >= ref[1:] for head in event.heads):
                return event
        return None


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """The next event of one node."""

    item: T
    feed: tuple[str, int]
    number: int
    at_ms: int
    rests_on: tuple[Ref, ...]
    """Events of other nodes."""
