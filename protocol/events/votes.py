"""What a voter writes about a service that is owned by leave of a majority (docs/leases.md)."""

from dataclasses import dataclass
from typing import ClassVar

from protocol.events.body import Body
from protocol.events.shapes import COUNT, EPOCH, NODE, NUMBER_MAX, RUN, Whole, shaped
from protocol.kinds import Kind

VOTERS = Whole(1, NUMBER_MAX)
"""The number of a set of voters: the first is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote(Body):
    """The author votes once for an epoch, and promises the candidate one term from when it was asked."""

    KIND: ClassVar[str] = Kind.VOTE
    candidate: str = shaped(NODE)
    epoch: int = shaped(EPOCH)
    voters: int = shaped(VOTERS)
    """The number of the set of voters by which both count."""
    run: bytes = shaped(RUN)
    counter: int = shaped(COUNT)
    """The candidate's heartbeat that asked: its lease counts from when it sent that one, and not from when it first asked."""
