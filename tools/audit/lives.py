"""What the auditor notes of every event of a history, in a few bytes each: when it counts, the runs, and what claims knew.

    lives = Lives()
    lives.add(event) ...                # each node's events in their order
    lives.close()
    lives.at_ms[event.ref], lives.runs, lives.knew, lives.told, lives.withdrawn

An event counts at its author's wall clock, or with the first that knew it where that clock was ahead. Two corrections look
only inside one node: where the wall clock was stepped while the machine ran, the boot-time clock bridges the step (the newest
setting is believed); and no event counts earlier than the one before it in its feed.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from protocol.event import Event, Head, Ref
from protocol.events import Claim, Down, HeardLastWord, Vote, body_of
from protocol.kinds import Kind
from tools.audit.cast import Cast
from tools.audit.withdrawn import Withdrawn

STEP_MS = 250
"""A change of (wall clock - boot clock) by more than this is a step of the wall clock; less is rounding and drift."""

NOTHING = Head("", 0, 0, b"")


@dataclass(slots=True)
class Run:
    """One life of one faild, as its feed tells it."""

    node: str
    last: Ref
    knew: Mapping[str, Head]
    """The newest heads of others that its last event rested on."""


class Times(Mapping[Ref, int]):
    """Each event's time. A dictionary takes ten times the room of these numbers."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, int], tuple[array[int], array[int]]] = {}

    def put(self, node: str, incarnation: int, number: int, at_ms: int) -> None:
        """The events of one feed come in their order."""
        numbers, times = self._feeds.setdefault((node, incarnation), (array("q"), array("q")))
        numbers.append(number)
        times.append(at_ms)

    def __getitem__(self, ref: Ref) -> int:
        numbers, times = self._feeds[ref[:2]]
        at = ref[2] - 1  # where the feed is whole
        if 0 <= at < len(numbers) and numbers[at] == ref[2]:
            return times[at]
        at = bisect_left(numbers, ref[2])
        if at == len(numbers) or numbers[at] != ref[2]:
            raise KeyError(ref)
        return times[at]

    def __iter__(self) -> Iterator[Ref]:
        return (Ref(*feed, number) for feed, (numbers, _) in self._feeds.items() for number in numbers)

    def __len__(self) -> int:
        return sum(len(numbers) for numbers, _ in self._feeds.values())


@dataclass(slots=True)
class _Node:
    """One node's events so far. The clocks of each, and where a new session of them may begin."""

    incarnations: "array[int]" = field(default_factory=lambda: array("q"))
    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    wall_ms: "array[int]" = field(default_factory=lambda: array("q"))
    boot_ms: "array[int]" = field(default_factory=lambda: array("q"))
    starts: set[int] = field(default_factory=set)
    knew: dict[str, Head] = field(default_factory=dict)
    run: Run | None = None


class Lives:
    """See the module."""

    def __init__(self) -> None:
        self.at_ms = Times()
        self.runs: dict[Ref, Run] = {}
        """The first event of a run (node-started) to the run."""
        self.knew: dict[Ref, Mapping[str, Head]] = {}
        """What a claim, reclaim or fence rested on, of each other node."""
        self.told: dict[Ref, Ref] = {}
        """A last word that another node recorded, to the `down` of which it told; not where that was written with the record
        in hand."""
        self.withdrawn: Set[Ref] = frozenset()
        """The claims of which nothing ever ran."""
        self.reclaims: set[Ref] = set()
        self.cast: dict[tuple[str, str], Cast] = {}
        """Service and voter to the votes that it has given."""
        self.left: dict[tuple[str, str], Cast] = {}
        """Service and node to the claims that it has made by leave of an arbiter."""
        self.fenced = False
        """Whether any operator's word of an end is among them."""
        self._services: set[str] = set()
        self._nodes: dict[str, _Node] = defaultdict(_Node)
        self._claims = Withdrawn()
        self._ends: dict[tuple[str, str, int], tuple[Ref, Mapping[str, Head]]] = {}
        self._words: list[tuple[Ref, tuple[str, str, int]]] = []

    @property
    def services(self) -> list[str]:
        return sorted(self._services)

    def add(self, event: Event) -> None:
        node, kind = self._nodes[event.node], event.kind
        if event.service:
            self._services.add(event.service)
        if kind in (Kind.NODE_STARTED, Kind.GAP_DECLARED):
            node.starts.add(len(node.numbers))
            node.knew, node.run = dict(node.knew), None  # the run before keeps what it knew at its own end
        node.incarnations.append(event.incarnation)
        node.numbers.append(event.number)
        node.wall_ms.append(event.wall_ms)
        node.boot_ms.append(event.boot_ms)
        for head in event.heads:
            if head[1:3] > node.knew.get(head.node, NOTHING)[1:3]:
                node.knew[head.node] = head
        if kind == Kind.NODE_STARTED:
            node.run = self.runs[event.ref] = Run(event.node, event.ref, node.knew)
        if node.run is not None:
            node.run.last = event.ref
        if kind in (Kind.CLAIM, Kind.RECLAIM, Kind.FENCED):
            self.knew[event.ref] = dict(node.knew)
        if kind == Kind.RECLAIM:
            self.reclaims.add(event.ref)
        self.fenced = self.fenced or kind in (Kind.FENCED, Kind.FENCE_RESULT)
        self._claims.add(event)
        self._end(event, node)
        self._vote(event)
        self._leave(event)

    def _vote(self, event: Event) -> None:
        body = body_of(event) if event.kind == Kind.VOTE else None
        if isinstance(body, Vote):
            self.cast.setdefault((event.service, event.node), Cast()).add(event.ref, body.candidate, body.epoch)

    def _leave(self, event: Event) -> None:
        body = body_of(event) if event.kind == Kind.CLAIM else None
        if isinstance(body, Claim) and body.arbiter is not None:
            self.left.setdefault((event.service, event.node), Cast()).add(event.ref, event.node, body.epoch)

    def _end(self, event: Event, node: _Node) -> None:
        """A node says that it is down in the step in which it writes its `down`; so the word may be recorded by others, and
        claimed upon, before that event is on any disk. Where its disk refused, it writes the event again later, and that one
        came after.
        """
        if event.kind not in (Kind.DOWN, Kind.LAST_WORD):
            return
        body = body_of(event)
        if isinstance(body, Down):
            self._ends[event.node, event.service, body.epoch] = event.ref, dict(node.knew)
        elif isinstance(body, HeardLastWord):
            self._words.append((event.ref, (body.node, event.service, body.epoch)))

    def close(self) -> None:
        """After the last event."""
        for name, node in self._nodes.items():
            for incarnation, number, at_ms in zip(node.incarnations, node.numbers, _times_ms(node)):
                self.at_ms.put(name, incarnation, number, at_ms)
        self._nodes.clear()
        self.withdrawn = self._claims.claims
        for ref, claim in self._words:
            end = self._ends.get(claim)
            if end and end[1].get(ref.node, NOTHING)[1:3] < ref[1:]:
                self.told[ref] = end[0]
        self._ends.clear()
        self._words.clear()


def _times_ms(node: _Node) -> Iterator[int]:
    """When each event of one node counts; never falling."""
    newest, begin, count = 0, 0, len(node.numbers)
    for at in range(1, count + 1):
        if at == count or _rebooted(node, at):
            for at_ms in _session_ms(node.wall_ms[begin:at], node.boot_ms[begin:at]):
                newest = max(newest, at_ms)
                yield newest
            begin = at


def _rebooted(node: _Node, at: int) -> bool:
    """The boot clock fell; or a start found another clock, and it cannot be said whether it was set or the machine was off."""
    wall_ms, boot_ms = node.wall_ms, node.boot_ms
    if boot_ms[at] < boot_ms[at - 1]:
        return True
    moved_ms = abs(wall_ms[at] - boot_ms[at] - wall_ms[at - 1] + boot_ms[at - 1])
    return at in node.starts and moved_ms > STEP_MS


def _session_ms(wall_ms: "array[int]", boot_ms: "array[int]") -> Iterator[int]:
    """One time that the machine was up: its boot clock never steps, its wall clock may."""
    offsets = [wall - boot for wall, boot in zip(wall_ms, boot_ms)]
    if max(offsets) - min(offsets) <= STEP_MS:
        return iter(wall_ms)
    return (boot + offsets[-1] for boot in boot_ms)
