"""Continue the own feed, or open a new incarnation: the first question of a run, asked before anything is written.

A node continues its feed only when every other node has answered and none has more of it, or when its own disk ends in a
clean stop and no peer that answers soon has more. Else it opens a new incarnation, which declares the gap; an older disk is
completed from the peers before that (docs/decisions/0004-joining.md). Otherwise a restored backup would use a number
twice, and that is a fork. design.md, section 8.
"""

from dataclasses import dataclass, field

from coordinator.core.feed_index import FeedIndex
from protocol.event import NUMBER_MAX, Head
from protocol.messages import ShortHead

CLOCK_MAX = NUMBER_MAX // 2
"""A clock that is beyond this is broken, and an incarnation must leave room for those after it."""

WAIT_MS = 1000
"""On top of `dead`: as long as a peer counts as in doubt after our start, it may still answer."""


@dataclass(slots=True)
class FeedRecovery:
    me: str
    feeds: FeedIndex
    began_ms: int
    patience_ms: int
    others: frozenset[str]
    clean: bool
    glance_ms: int
    """How long a clean end waits for answers all the same: it may be an old one that was restored."""
    answers: dict[str, ShortHead | None] = field(default_factory=dict)
    older: bool = False
    """A peer had more of our feed than our disk: this disk has lost something, and peers may have lost the rest of it."""

    def answered(self, peer: str, head: ShortHead | None) -> int | None:
        """A peer's heartbeat says what it has of our feed. Returns the number to ask it for, where it has more."""
        self.answers[peer] = head
        first = self.feeds.behind(self.me, head) if head else None
        self.older = self.older or first is not None
        return first

    def verdict(self, now_ms: int) -> str:
        """ "wait", "continue" or "new"."""
        ours = self.feeds.newest.get(self.me)
        if self._forked(ours):
            return "new"
        behind = any(head and self.feeds.behind(self.me, head) for head in self.answers.values())
        heard_all = self.others <= self.answers.keys()
        if ours and not behind and not self.older and (heard_all or (self.clean and now_ms >= self.began_ms + self.glance_ms)):
            return "continue"
        if (self.older or not ours) and heard_all and not behind:
            return "new"
        return "new" if now_ms >= self.deadline_ms else "wait"

    def _forked(self, ours: Head | None) -> bool:
        """A peer holds another event at our last number: this disk went back in time and on."""
        return ours is not None and any(
            head is not None and (head.incarnation, head.number) == (ours.incarnation, ours.number) and head.id8 != ours.id[:8]
            for head in self.answers.values()
        )

    def next_incarnation(self, wall_ms: int) -> int:
        """Larger than every one that our own signature proves; the wall clock keeps it unique where nothing is known any more.

        What a peer only names can forbid to continue, and sets no number: a head of 2^62 without a signature would leave no
        room above it. Where it was true, its events come later and it is outdone then.
        """
        ours = self.feeds.newest.get(self.me)
        return max(min(wall_ms, CLOCK_MAX), ours.incarnation + 1 if ours else 1)

    @property
    def deadline_ms(self) -> int:
        return self.began_ms + self.patience_ms

    def wakes_ms(self) -> tuple[int, int]:
        return (self.began_ms + self.glance_ms, self.deadline_ms)
