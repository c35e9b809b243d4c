"""The votes that one voter has given for one service, over all its incarnations, as the auditor notes them.

    cast = Cast()
    cast.add(ref, "genesis", 8) ...             # in the order of its feed
    cast.first_for_another("lukretia", 7, last) # its first vote above epoch 7 for a node that is not lukretia, up to `last`

A living node forgets the votes of a disk that was lost. An auditor does not: that they were given stays true.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from protocol.event import Ref


@dataclass(slots=True)
class Cast:
    epochs: list[int] = field(default_factory=list)
    """Rising. A vote that is not above all before it breaks the rules, and shows nothing."""
    votes: list[tuple[Ref, str]] = field(default_factory=list)
    """The event of each, and for whom it is."""

    def add(self, ref: Ref, candidate: str, epoch: int) -> None:
        if not self.epochs or epoch > self.epochs[-1]:
            self.epochs.append(epoch)
            self.votes.append((ref, candidate))

    def first_for_another(self, candidate: str, epoch: int, last: Ref) -> Ref | None:
        for at in range(bisect_right(self.epochs, epoch), len(self.votes)):
            ref, given = self.votes[at]
            if ref > last:
                return None
            if given != candidate:
                return ref
        return None
