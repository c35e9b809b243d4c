"""The voter's side: what it has promised for one service, and whether it may vote.

    record = Ballot.first()
    record.refusal(Ask("genesis", 7, voters=1), known_epoch=6, voters=1, now_ms=0)      # None: it may vote
    record = record.with_vote(ask, now_ms=0, term=term)                                 # once the vote is on the disk
    record = record.with_heartbeat("genesis", 7, now_ms=100, term=term)
    record.refusal(Ask("lukretia", 8, voters=1), known_epoch=7, voters=1, now_ms=200)   # Refusal(..., wait_ms=...)

A promise binds the voter, by its own clock, from when it heard; the holder's lease ends by the holder's clock, counted from
when it sent. What lies between the two, and the drift of both clocks, makes the promise the longer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocol.invariant import must

PERCENT = 100


@dataclass(frozen=True)
class Term:
    """How long a lease of one service lasts, and how long after its end the holder is certainly down."""

    lease_ms: int
    stop_ms: int
    drift_percent: int = 1
    """By how much at most one clock runs faster than another."""

    def __post_init__(self) -> None:
        must(self.lease_ms > 0 and self.stop_ms >= 0 and 0 <= self.drift_percent < PERCENT, f"no term: {self}")

    @property
    def promise_ms(self) -> int:
        """How long a voter is bound by what it heard.

        Obligation: when it is over by the voter's clock, the holder is down.
        Proof: the holder sent before the voter heard; its clock shows lease + stop before the voter's shows (1 + drift) of it.
        """
        return -(-(self.lease_ms + self.stop_ms) * (PERCENT + self.drift_percent) // PERCENT)


@dataclass(frozen=True)
class Ask:
    """A candidate asks for a vote. `voters`: the number of the set of voters by which it counts."""

    candidate: str
    epoch: int
    voters: int


@dataclass(frozen=True)
class Refusal:
    reason: str
    wait_ms: int | None = None
    """The candidate may ask again then; None where waiting is not what helps."""


@dataclass(frozen=True)
class Ballot:
    """What one voter has voted and promised for one service."""

    epoch: int = 0
    """The largest that it has voted for; it stands in its feed, and so outlives a restart."""
    voted_for: str = ""
    promises: Mapping[str, int] = field(default_factory=dict)
    """Node to the time until which no other may have a vote, in ms of our own clock."""
    silent_until_ms: int | None = None
    """It gives no vote before: it has restarted, and may have promised what it forgot. None: it was here all the time."""

    @classmethod
    def first(cls) -> "Ballot":
        return cls()

    @classmethod
    def restarted(cls, epoch: int, voted_for: str, now_ms: int, term: Term) -> "Ballot":
        """After a start: the votes stand in the feed, the promises are lost, and so each is kept for a full term again.

        Obligation: no promise from before the start is broken.
        Proof: each was made before the start, so it is over one term after it at the latest.
        """
        must((epoch > 0) == bool(voted_for), f"a vote for epoch {epoch} is one for a candidate, not for '{voted_for}'")
        return cls(epoch, voted_for, {}, now_ms + term.promise_ms)

    def with_read(self, epoch: int, voted_for: str) -> "Ballot":
        """What its own feed says of its newest vote, read from the disk or from peers after a start."""
        must(epoch > self.epoch, f"the feed says epoch {epoch}, and {self.epoch} is known")
        return replace(self, epoch=epoch, voted_for=voted_for)

    def refusal(self, ask: Ask, known_epoch: int, voters: int, now_ms: int) -> Refusal | None:
        """Why the candidate gets no vote; None where it may have one.

        `known_epoch`: the largest of this service that the voter has read. `voters`: the number of the newest set of voters
        that it has voted for or has read.
        Obligation: at most one vote for an epoch, and none while another may own by what was promised.
        Proof: the epoch is above each that had a vote, and each promise to another node is over.
        """
        if ask.voters != voters:
            return Refusal(f"it counts by voters {ask.voters}, and voters {voters} are in force")
        if ask.epoch <= max(self.epoch, known_epoch):
            return Refusal(f"epoch {ask.epoch} is not above {max(self.epoch, known_epoch)}, which is known here")
        if self.silent_until_ms is not None and now_ms < self.silent_until_ms:
            return Refusal("it has restarted, and keeps for one term what it may have promised", self.silent_until_ms - now_ms)
        node, until_ms = max(self._to_others(ask.candidate, now_ms), key=lambda item: item[1], default=("", now_ms))
        return Refusal(f"it is promised to {node}", until_ms - now_ms) if node else None

    def with_vote(self, ask: Ask, now_ms: int, term: Term) -> "Ballot":
        """After a vote that `refusal` had nothing against. A vote is itself a promise."""
        must(ask.epoch > self.epoch, f"a vote for epoch {ask.epoch} after one for {self.epoch}")
        must(not self._to_others(ask.candidate, now_ms), f"a vote for {ask.candidate} breaks a promise")
        silent_ms = max(0, (self.silent_until_ms or now_ms) - now_ms)
        must(not silent_ms, f"a vote for {ask.candidate} {silent_ms} ms before what a restart forgot is over")
        voted = replace(self, epoch=ask.epoch, voted_for=ask.candidate)
        return voted._promised(ask.candidate, now_ms, term)

    def with_heartbeat(self, holder: str, epoch: int, now_ms: int, term: Term) -> "Ballot":
        """A heartbeat that asks for it, of a node that holds the service under `epoch`, as the voter has read.

        A holder asks while its lease is live, and a voter is bound by all that it echoes: whether the holder hears the voter
        is no condition, since the holder could not know how the voter judged it (docs/leases.md, the fourth history). A voter
        that has voted for another node above this epoch promises nothing: its vote's number tells the holder so.
        """
        if epoch < self.epoch and self.voted_for != holder:
            return self
        return self._promised(holder, now_ms, term)

    def with_end(self, holder: str) -> "Ballot":
        """The holder's `down` has been read, or a fence of it has succeeded: there is nothing left to wait for."""
        return replace(self, promises={node: ms for node, ms in self.promises.items() if node != holder})

    def _promised(self, node: str, now_ms: int, term: Term) -> "Ballot":
        until_ms = max(now_ms + term.promise_ms, self.promises.get(node, 0))
        return replace(self, promises={**self.promises, node: until_ms})

    def _to_others(self, candidate: str, now_ms: int) -> list[tuple[str, int]]:
        return [(node, ms) for node, ms in sorted(self.promises.items()) if node != candidate and now_ms < ms]
