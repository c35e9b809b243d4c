"""The merged feeds as one history: when each event counts, in which order they are played, and what was true at T.

    history = History(entries, beginning(policy, entries))
    history.state_at(at_ms)             # the reducer's state over every event that counts by then
    history.order                       # every event once, causes before effects, else by the clock

An event counts at its author's wall clock, or with the first that knew it where that clock was ahead. Two corrections look
only inside one node: where the wall clock was stepped while the machine ran, the boot-time clock bridges the step (the newest
setting is believed); and no event counts earlier than the one before it in its feed. Clocks of two nodes are never compared
to decide anything; only the order of concurrent events on the screen rests on them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from coordinator.core.model import State
from coordinator.core.reducer import reduce
from protocol.event import Entry, Event, Head, Ref
from protocol.events import Down, HeardLastWord, body_of
from protocol.kinds import Kind
from tools.audit.withdrawn import withdrawn_claims

STEP_MS = 250
"""A change of (wall clock - boot clock) by more than this is a step of the wall clock; less is rounding and drift."""


@dataclass(slots=True)
class Run:
    """One life of one faild, as its feed tells it."""

    node: str
    last: Ref
    knew: Mapping[str, Head]
    """The newest heads of others that its last event rested on."""


class History:
    """See the module. `entries`: sound ones, in order inside each feed. `begin`: what the auditor goes by before the first."""

    def __init__(self, entries: Iterable[Entry], begin: State):
        self.begin = begin
        self.nodes: dict[str, list[Event]] = defaultdict(list)
        for entry in sorted(entries, key=lambda entry: entry.ref):
            self.nodes[entry.event.node].append(entry.event)
        self.events: dict[Ref, Event] = {event.ref: event for events in self.nodes.values() for event in events}
        self.at_ms: dict[Ref, int] = {}
        self.runs: dict[Ref, Run] = {}
        """The first event of a run (node-started) to the run."""
        self.knew: dict[Ref, Mapping[str, Head]] = {}
        """What a claim, reclaim or fence rested on, of each other node."""
        for events in self.nodes.values():
            self.at_ms.update(zip((event.ref for event in events), times_ms(events)))
            self._follow(events)
        self.told: dict[Ref, Ref] = ends_told(self.nodes)
        """A last word that somebody recorded, to the `down` of which it told."""

    def _follow(self, events: Sequence[Event]) -> None:
        """One node's events: its runs, and what it knew when it claimed."""
        run: Run | None = None
        knew: dict[str, Head] = {}
        for event in events:
            if event.kind in (Kind.NODE_STARTED, Kind.GAP_DECLARED):
                knew, run = dict(knew), None  # the run before keeps what it knew at its own end
            knew.update((head.node, head) for head in event.heads if head[1:3] > knew.get(head.node, NOTHING)[1:3])
            if event.kind == Kind.NODE_STARTED:
                run = self.runs[event.ref] = Run(event.node, event.ref, knew)
            if run is not None:
                run.last = event.ref
            if event.kind in (Kind.CLAIM, Kind.RECLAIM, Kind.FENCED):
                self.knew[event.ref] = dict(knew)

    @cached_property
    def order(self) -> list[Event]:
        """Every event once: what an event rested on comes before it, concurrent ones by their time."""
        ordered: list[Event] = []
        done: dict[tuple[str, int], int] = defaultdict(int)
        waiting = dict.fromkeys(sorted(self.nodes), 0)
        while waiting:
            ready = [node for node in waiting if self._ready(self.nodes[node][waiting[node]], done)]
            node = min(ready or waiting, key=lambda name: (self.at_ms[self.nodes[name][waiting[name]].ref], name))
            event = self.nodes[node][waiting[node]]
            ordered.append(event)
            done[event.node, event.incarnation] = event.number
            waiting[node] += 1
            if waiting[node] == len(self.nodes[node]):
                del waiting[node]
        return ordered

    def _ready(self, event: Event, done: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything that it knew, as far as it is here, has been played."""
        for node, incarnation, number in self.rests_on(event):
            played = done[node, incarnation]
            if node != event.node and number > played and Ref(node, incarnation, played + 1) in self.events:
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

    @cached_property
    def withdrawn(self) -> frozenset[Ref]:
        """Claims that were taken back before anything ran."""
        return withdrawn_claims(self.nodes)

    @property
    def services(self) -> list[str]:
        return sorted({event.service for event in self.events.values() if event.service})

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


NOTHING = Head("", 0, 0, b"")


def ends_told(nodes: Mapping[str, Sequence[Event]]) -> dict[Ref, Ref]:
    """Recorded last words, each with the `down` of the same claim; not where that was written with the record in hand.

    A node says that it is down in the step in which it writes its `down`; so the word may be recorded by others, and claimed
    upon, before that event is on any disk. Where its disk refused, it writes the event again later: that one came after.
    """
    ends: dict[tuple[str, str, int], tuple[Ref, Mapping[str, Head]]] = {}
    for node, events in nodes.items():
        knew: dict[str, Head] = {}
        for event in events:
            knew.update((head.node, head) for head in event.heads if head[1:3] > knew.get(head.node, NOTHING)[1:3])
            body = body_of(event) if event.kind == Kind.DOWN else None
            if isinstance(body, Down):
                ends[node, event.service, body.epoch] = event.ref, dict(knew)
    told = {}
    for events in nodes.values():
        for event in events:
            end = ends.get(_claim_ended_by(event))
            if end and end[1].get(event.node, NOTHING)[1:3] < event.ref[1:]:
                told[event.ref] = end[0]
    return told


def _claim_ended_by(event: Event) -> tuple[str, str, int]:
    """Node, service and epoch of which a recorded last word says that they are down."""
    body = body_of(event) if event.kind == Kind.LAST_WORD else None
    return (body.node, event.service, body.epoch) if isinstance(body, HeardLastWord) else ("", "", 0)


def times_ms(events: Sequence[Event]) -> list[int]:
    """When each event of one node counts; never falling."""
    times: list[int] = []
    begin = 0
    for at in range(1, len(events) + 1):
        if at == len(events) or _rebooted(events[at - 1], events[at]):
            times += _session_ms(events[begin:at])
            begin = at
    for at in range(1, len(times)):
        times[at] = max(times[at], times[at - 1])
    return times


def _rebooted(before: Event, event: Event) -> bool:
    """The boot clock fell; or a start found another clock, and nobody can say whether it was set or the machine was off."""
    moved_ms = abs(event.wall_ms - event.boot_ms - before.wall_ms + before.boot_ms)
    start = event.kind in (Kind.NODE_STARTED, Kind.GAP_DECLARED)
    return event.boot_ms < before.boot_ms or (start and moved_ms > STEP_MS)


def _session_ms(events: Sequence[Event]) -> list[int]:
    """One time that the machine was up: its boot clock never steps, its wall clock may."""
    offsets = [event.wall_ms - event.boot_ms for event in events]
    if max(offsets) - min(offsets) <= STEP_MS:
        return [event.wall_ms for event in events]
    return [event.boot_ms + offsets[-1] for event in events]
