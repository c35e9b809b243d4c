"""How much of each author's feed is taken in, and how fast: a quota that delays and never selects.

    taken = quota.take(entries, now_ms)         # a prefix of them that ends in a signature, perhaps nothing
    quota.ready(author, now_ms)                 # whether it is of use to ask for more

A feed is taken in as a strict prefix: what is past the quota is left where it is and asked for later, and our heads tell only
what is stored. It is counted by the author and not by the sender, so that no second sender brings more. What a third node
has vouched for in a signed event is history, and free: a node that lost its disk is filled as fast as its peers can serve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coordinator.policy import Policy
from protocol.event import Entry

BURST_BYTES = 4 << 20
"""More than one batch of the largest size costs: a run of events under one signature always fits in the end."""

RATE_BYTES = 64 << 10
"""A second. An idle node writes 20 KiB a day, a failover of one service some 10 KiB; after a month of silence a busy feed of
20 MiB is here within four minutes."""

SERVICE_BURST_BYTES = 32 << 10
SERVICE_RATE_BYTES = 1 << 10
"""For each service of which the author is a candidate: a node with a thousand of them takes over all at once."""

TIGHT = 64
"""While this disk is nearly full everything is divided by this: what is left is for our own claims."""

ENTRY_BYTES = 512
"""What an entry costs besides its bytes: a row, an id, a turn of the fold."""

INCARNATIONS = 5
INCARNATION_MS = 60_000
"""New incarnations of one author: a node that crashes again and again begins a new one each time. One comes back a minute."""


@dataclass(slots=True)
class Bucket:
    size: float
    rate_per_ms: float
    level: float
    at_ms: int

    @classmethod
    def full(cls, size: float, rate_per_ms: float, now_ms: int) -> "Bucket":
        return cls(size, rate_per_ms, size, now_ms)

    def at(self, now_ms: int) -> float:
        """How much the bucket holds now."""
        self.level = min(self.size, self.level + (now_ms - self.at_ms) * self.rate_per_ms)
        self.at_ms = now_ms
        return self.level

    def resize(self, size: float, rate_per_ms: float, now_ms: int) -> None:
        self.at(now_ms)
        self.size, self.rate_per_ms, self.level = size, rate_per_ms, min(self.level, size)


@dataclass(slots=True)
class Allowance:
    """What one author may still bring."""

    feed: Bucket
    incarnations: Bucket
    needs: float = 0.0
    """What the run costs that was refused last: before so much is there, nothing is asked for."""


@dataclass(slots=True)
class Quota:
    policy: Policy
    vouched: Callable[[Entry], bool]
    """Whether a node that is not the author has named this event, or a later one of its feed, in an event of its own."""
    tight: bool = False
    """This node's disk is nearly full."""
    _allowances: dict[str, Allowance] = field(default_factory=dict)

    def take(self, entries: Sequence[Entry], now_ms: int) -> Sequence[Entry]:
        """`entries`: the next of one feed, in order, the last one signed."""
        count = next((at for at, entry in enumerate(entries) if not self.vouched(entry)), len(entries))
        if count == len(entries):
            return entries
        allowance = self._allowance(entries[0].event.node, now_ms)
        begins = entries[0].event.number == 1 and count == 0
        if begins and allowance.incarnations.at(now_ms) < 1:
            return ()
        paid = self._affordable(allowance, entries[count:], now_ms)
        taken = _to_a_signature(entries[: count + paid])
        allowance.incarnations.level -= bool(begins and taken)
        return taken

    def ready(self, author: str, now_ms: int) -> bool:
        """Whether more of this author's feeds could be taken now."""
        allowance = self._allowances.get(author)
        if allowance is None:
            return True
        return allowance.feed.at(now_ms) >= min(allowance.needs, allowance.feed.size)

    def opens(self, author: str, now_ms: int) -> bool:
        """Whether another incarnation of this author could be taken now."""
        allowance = self._allowances.get(author)
        return allowance is None or allowance.incarnations.at(now_ms) >= 1

    def tighten(self, tight: bool, now_ms: int) -> None:
        """The disk is nearly full, or no longer."""
        self.tight = tight
        self.configure(self.policy, now_ms)

    def configure(self, policy: Policy, now_ms: int) -> None:
        self.policy = policy
        for author, allowance in self._allowances.items():
            allowance.feed.resize(*self._sizes(author), now_ms)

    def _affordable(self, allowance: Allowance, entries: Sequence[Entry], now_ms: int) -> int:
        """How many of these fit, up to a signature; they are paid for."""
        level, run, paid, taken = allowance.feed.at(now_ms), 0, 0, 0
        for number, entry in enumerate(entries, 1):
            run += len(entry.raw) + ENTRY_BYTES
            if entry.signature is not None:
                if paid + run > level:
                    allowance.needs = run
                    break
                paid, run, taken = paid + run, 0, number
        allowance.feed.level -= paid
        return taken

    def _allowance(self, author: str, now_ms: int) -> Allowance:
        known = self._allowances.get(author)
        if known is None:
            size, rate = self._sizes(author)
            incarnations = Bucket.full(INCARNATIONS, 1 / INCARNATION_MS, now_ms)
            known = self._allowances[author] = Allowance(Bucket.full(size, rate, now_ms), incarnations)
        return known

    def _sizes(self, author: str) -> tuple[float, float]:
        services = len(self.policy.owned_by(author))
        size, rate = BURST_BYTES + services * SERVICE_BURST_BYTES, (RATE_BYTES + services * SERVICE_RATE_BYTES) / 1000
        return (size / TIGHT, rate / TIGHT) if self.tight else (size, rate)


def _to_a_signature(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Nothing behind the last signature is taken: no signature answers for it yet."""
    end = next((at for at in range(len(entries), 0, -1) if entries[at - 1].signature is not None), 0)
    return entries[:end]
