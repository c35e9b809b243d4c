"""What this node saw of the others, as events: judgements, links, and now and then a pulse.

A judgement is written when a transition rests on it, else at most once a second and peer, with the number of changes.
A pulse follows news within a minute. While nothing happens the pulses thin out: after 2, 4, 8, 16 minutes, then every 30.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from coordinator.core.failure_detector import FailureDetector
from coordinator.state.model import Judgement, NodeState
from protocol.event import Entry, Ref
from protocol.events import Body, Judged, Late, LinkDown, LinkUp, Pulse

WRITE_EVERY_MS = 1000
PULSE_MS = 60_000
"""Within so long a pulse attests what has come: until then its author could rewrite it, and no other feed would show it."""

PULSE_MS_MAX = 30 * PULSE_MS
"""So often all the same: 48 a day show that this feed was not cut, and what pulses alone could hide is half an hour."""


class Scribe(Protocol):
    """What is needed of the core."""

    def note(self, body: Body, causes: tuple[Ref, ...] = ()) -> Entry | None:
        """Write an event about no service; None while the disk refuses, since this one can be seen again later."""

    def take_unattested_ms(self) -> int | None:
        """When the first event came to be since this was last asked, pulses apart."""

    @property
    def column(self) -> NodeState: ...

    @property
    def now_ms(self) -> int: ...


@dataclass(slots=True)
class ObservationEvents:
    scribe: Scribe
    liveness: FailureDetector
    written_ms: dict[str, int] = field(default_factory=dict)
    """Peer, or peer/link, to when we last wrote about it."""
    changes: dict[str, int] = field(default_factory=dict)
    last: dict[str, Judgement] = field(default_factory=dict)
    withheld: dict[str, Judgement] = field(default_factory=dict)
    """Peer to the judgement that would have been written if one had not been a moment before."""
    link_up: dict[tuple[str, str], bool] = field(default_factory=dict)
    link_ref: dict[tuple[str, str], Ref] = field(default_factory=dict)
    pulse_due_ms: int = 0
    pulse_pause_ms: int = PULSE_MS
    """From the next pulse to the one behind it."""
    late_ms_max: int = 0

    def restart(self, now_ms: int) -> None:
        self.scribe.take_unattested_ms()
        self.pulse_due_ms, self.pulse_pause_ms = now_ms + PULSE_MS, PULSE_MS

    def was_late(self, late_ms: int) -> None:
        """This node was woken so late; the next pulse tells the largest."""
        self.late_ms_max = max(self.late_ms_max, late_ms)

    def rename(self, kept: Callable[[tuple[Ref, ...]], tuple[Ref, ...]]) -> None:
        """The disk refused some events: `kept` has their new names, without those that never happened."""
        self.link_ref = {key: name for key, ref in self.link_ref.items() for name in kept((ref,))}

    def judgements(self, *, must: bool) -> bool:
        """Write what changed since it was last written. `must`: a transition rests on it. True where something was."""
        wrote = False
        for peer in self.liveness.peers:
            judgement = self.liveness.judgement(peer, self.scribe.now_ms)
            if judgement is not self.last.get(peer, Judgement.INDOUBT):
                self.changes[peer] = self.changes.get(peer, 0) + 1
                self.last[peer] = judgement
            was = Judgement(self.scribe.column.judgement.get(peer, Judgement.INDOUBT))
            if judgement is was:
                self.withheld.pop(peer, None)
            elif must or self._due(peer):
                wrote = self._judged(peer, judgement, was) or wrote
            else:
                self.withheld[peer] = judgement
        return wrote

    def _due(self, name: str) -> bool:
        written_ms = self.written_ms.get(name)
        return written_ms is None or self.scribe.now_ms - written_ms >= WRITE_EVERY_MS

    def _judged(self, peer: str, judgement: Judgement, was: Judgement) -> bool:
        now_ms = self.scribe.now_ms
        paths = self.liveness.peers[peer].paths
        late = self._late(peer, judgement)
        judged = Judged(
            peer=peer,
            judgement=judgement,
            was=was,
            silent_ms=self.liveness.silent_ms(peer, now_ms),
            links={link: self.liveness.link_silent_ms(peer, link, now_ms) for link in paths},
            count=self.changes.pop(peer, 1),
            after_ms=0 if judgement is Judgement.ALIVE else self.liveness.after_ms(peer, judgement),
            late=late,
        )
        links = tuple(ref for (name, _), ref in sorted(self.link_ref.items()) if name == peer)
        before = self.scribe.column.judged.get(peer)
        entry = self.scribe.note(judged, (*links, *((before,) if before else ())))
        self.written_ms[peer] = now_ms
        return entry is not None

    def _late(self, peer: str, judgement: Judgement) -> Late | None:
        withheld = self.withheld.pop(peer, None) is judgement
        if judgement is Judgement.ALIVE:
            return None
        if self.liveness.peers[peer].heard_ms is None:
            return Late.UNHEARD
        return Late.WITHHELD if withheld else None

    def links(self) -> None:
        """Links that fell silent for `indoubt`, or are heard again."""
        now_ms, limit_ms = self.scribe.now_ms, self.liveness.policy.timing.indoubt_ms
        for peer, known in self.liveness.peers.items():
            for link, way in known.paths.items():
                up = way.last_ms is not None and now_ms - way.last_ms < limit_ms
                if up is not self.link_up.get((peer, link), False) and self._due(f"{peer}/{link}"):
                    self._link(peer, link, up)

    def _link(self, peer: str, link: str, up: bool) -> None:
        silent_ms = self.liveness.link_silent_ms(peer, link, self.scribe.now_ms)
        before = self.link_ref.get((peer, link))
        seen = LinkUp if up else LinkDown
        entry = self.scribe.note(seen(peer=peer, link=link, silent_ms=silent_ms), (before,) if before else ())
        if entry:
            self.link_up[(peer, link)], self.link_ref[(peer, link)] = up, entry.ref
            self.written_ms[f"{peer}/{link}"] = self.scribe.now_ms

    def pulse(self) -> None:
        """Where it is due, the largest gap of every link since: near misses, and the proof that silence was not truncation."""
        self._look_for_news()
        if self.scribe.now_ms < self.pulse_due_ms:
            return
        self.pulse_pause_ms = min(2 * self.pulse_pause_ms, PULSE_MS_MAX)
        self.pulse_due_ms = self.scribe.now_ms + self.pulse_pause_ms
        self.scribe.note(Pulse(gaps=self.liveness.take_gaps_ms(), late_ms_max=self.late_ms_max))
        self.late_ms_max = 0

    def _look_for_news(self) -> None:
        since_ms = self.scribe.take_unattested_ms()
        if since_ms is not None:
            self.pulse_due_ms, self.pulse_pause_ms = min(self.pulse_due_ms, since_ms + PULSE_MS), PULSE_MS
