"""The holder's side: how long a node may own a service by what a majority of the voters has told it.

    lease = Lease.asked("genesis", epoch=7, voters=voters, at_ms={"genesis": 1_000, "witness": 1_000})
    lease.until_ms(term)                                    # 1_500: when it asked, and `lease`
    lease = lease.with_echo("witness", sent_ms=1_400, now_ms=1_420, term=term)
    lease.is_live(1_800, term)                              # True until 1_900

A lease is looked at before anything else that happens at a moment (`seen_at`): one that has ended is never live again. Only
a new claim with new votes makes another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coordinator.core.quorum.arithmetic import Voters
from coordinator.core.quorum.promise import Term
from protocol.invariant import must


@dataclass(frozen=True)
class VoterView:
    """What a holder knows of one voter when a heartbeat of it has come."""

    vote_number: int
    """The number of the voter's newest vote, as its heartbeat tells."""
    read_to: int
    """The number of its newest vote that the holder has read: all before it are read too."""
    newest_for_another: int
    """The largest epoch of a vote for another node, among what was read; 0: none."""
    voters: int
    """The number of the newest set of voters for which it has voted, among what was read."""
    knows_claim: bool
    """Its heartbeat names the holder's claim or something later: it knows to whom it promises."""


def counts(view: VoterView, epoch: int, voters: int) -> bool:
    """Whether an echo in this heartbeat extends the lease of `epoch`.

    Obligation: a voter whose echo counts has promised the holder, and has voted for no later claim before it promised.
    Proof: its votes up to that heartbeat are read, none of them is for another at a later epoch or for other voters, and it
    knew the claim: then it promised when it heard what it echoes.
    """
    if view.read_to < view.vote_number or not view.knows_claim:
        return False
    return view.newest_for_another < epoch and view.voters <= voters


@dataclass(frozen=True)
class Lease:
    holder: str
    epoch: int
    voters: Voters
    sent_ms: Mapping[str, int]
    """Voter to when we sent what it has echoed last, or asked for the vote that it gave."""
    over: bool = False

    @classmethod
    def asked(cls, holder: str, epoch: int, voters: Voters, at_ms: Mapping[str, int]) -> "Lease":
        """By votes: of which voter, and when it was asked. The caller has counted them: `voters.has_majority`."""
        must(voters.has_majority(at_ms), f"{sorted(at_ms)} are no majority of {sorted(voters.names)}")
        must(holder and epoch > 0, f"'{holder}' under epoch {epoch} holds nothing")
        return cls(holder, epoch, voters, dict(at_ms))

    def until_ms(self, term: Term) -> int:
        """When it ends, by our own clock.

        Obligation: at each moment before it, each of a majority of the voters has a promise to us that is not over.
        Proof: each of them heard after this time less `lease`, and is bound from then on for longer than `lease`.
        """
        newest = self.voters.newest_of_majority(self.sent_ms)
        must(newest is not None, "a lease has a majority")
        return (newest or 0) + term.lease_ms

    def is_live(self, now_ms: int, term: Term) -> bool:
        return not self.over and now_ms < self.until_ms(term)

    def seen_at(self, now_ms: int, term: Term) -> "Lease":
        """The same lease, or one that is over for good."""
        return self if self.over or self.is_live(now_ms, term) else replace(self, over=True)

    def with_echo(self, voter: str, sent_ms: int, now_ms: int, term: Term) -> "Lease":
        """A voter has echoed what we sent at `sent_ms`, and `counts` had nothing against it."""
        must(sent_ms <= now_ms, "an echo of what has not been sent")
        lease = self.seen_at(now_ms, term)
        if lease.over or voter not in self.voters.names or sent_ms <= self.sent_ms.get(voter, sent_ms - 1):
            return lease
        longer = replace(lease, sent_ms={**self.sent_ms, voter: sent_ms})
        must(longer.until_ms(term) >= lease.until_ms(term), f"an echo of {voter} makes the lease shorter")
        return longer

    def with_voters(self, voters: Voters, now_ms: int, term: Term) -> "Lease":
        """A change of voters has been read. Echoes of those that stay count on; where they are no majority now, it is over."""
        must(voters.number > self.voters.number, f"voters {voters.number} after {self.voters.number}")
        kept = {name: ms for name, ms in self.sent_ms.items() if name in voters.names}
        if not voters.has_majority(kept):
            return replace(self, voters=voters, over=True)
        return replace(self, voters=voters, sent_ms=kept).seen_at(now_ms, term)
