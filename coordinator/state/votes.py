"""The votes in one feed, as the fold keeps them: for each service the newest for each candidate.

    votes = with_vote(votes, Voted(epoch=8, candidate="genesis", voters=1, ref=ref, ...))
    newest(votes)                               # the last one that the feed's author has given
    for_another(votes, "lukretia")              # the largest epoch for which somebody else has its vote

A vote moves nothing but what its own feed says: whether it counts is asked by who counts votes (`counted`).
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.event import Ref

CANDIDATES_KEPT = 16
"""A cluster has no more nodes; a feed that names more keeps those of the largest epochs."""


class Voted(NamedTuple):
    epoch: int
    candidate: str
    voters: int
    """The number of the set of voters by which it was given."""
    run: bytes
    """The candidate's run that asked, and the counter of the heartbeat in which it did."""
    counter: int
    ref: Ref


Votes = tuple[Voted, ...]
"""Of one service in one feed, the newest first; one for each candidate."""


def with_vote(votes: Votes, vote: Voted) -> Votes:
    """After another one, which has an epoch above all of them."""
    return (vote, *(known for known in votes if known.candidate != vote.candidate))[:CANDIDATES_KEPT]


def newest(votes: Votes) -> Voted | None:
    return votes[0] if votes else None


def for_another(votes: Votes, candidate: str) -> int:
    """The largest epoch of a vote for another node; 0 where there is none."""
    return next((vote.epoch for vote in votes if vote.candidate != candidate), 0)


def counted(votes: Votes, candidate: str, epoch: int) -> Voted | None:
    """The vote for this claim, where it is the newest one: its author votes for no other meanwhile."""
    return next((vote for vote in votes if (vote.candidate, vote.epoch) == (candidate, epoch)), None)


def last_number(feeds: Iterable[Votes]) -> int:
    """The number of the newest vote of a feed, over all services; 0 where there is none."""
    return max((votes[0].ref.number for votes in feeds if votes), default=0)
