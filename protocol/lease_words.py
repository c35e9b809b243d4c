"""What a heartbeat says of services that are owned by leave of a majority: one element of it, where there is something to say.

    words = LeaseWords(asks={"db": 7})          # I hold it under epoch 7: promise it to me
    words = LeaseWords(wants={"db": 8})         # give me your vote for epoch 8
    words = LeaseWords(bound={"db": ("genesis", 430)})

A word asks, and gives nothing: votes are events, and a promise is what a voter does with what it has heard (docs/leases.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol.canonical import NotCanonical
from protocol.event import NAME_MAX, NUMBER_MAX

WAIT_MS_MAX = 2**40


@dataclass(frozen=True, slots=True)
class LeaseWords:
    asks: Mapping[str, int] = field(default_factory=dict)
    """Service to the epoch under which the sender holds it, while its lease is live: every voter that echoes this is bound."""
    wants: Mapping[str, int] = field(default_factory=dict)
    """Service to the epoch for which the sender would have votes."""
    bound: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Service to the node to which the sender is promised, and for how many ms yet: it gives no other its vote before. An empty
    name: it has restarted, and does not know to whom."""

    def __bool__(self) -> bool:
        return bool(self.asks or self.wants or self.bound)

    def packed(self) -> list[dict[str, Any]]:
        """Plain values with sorted keys."""
        return [{name: each[name] for name in sorted(each)} for each in (self.asks, self.wants, self.bound)]

    @classmethod
    def read(cls, value: Any) -> "LeaseWords":
        """Raises NotCanonical. Lists come as tuples. Three that are empty say nothing: they only keep a place."""
        if type(value) is not tuple or len(value) != 3 or any(type(each) is not dict for each in value):
            raise NotCanonical("what this message says of leases is not [asks, wants, bound]")
        asks, wants, bound = value
        for name in (*asks, *wants, *bound):
            if type(name) is not str or not 0 < len(name) <= NAME_MAX:
                raise NotCanonical("what this message says of leases names no service")
        if not all(type(epoch) is int and 0 < epoch <= NUMBER_MAX for epoch in (*asks.values(), *wants.values())):
            raise NotCanonical("an epoch of this message is not a number from 1 to 2^53")
        if not all(map(_is_bound, bound.values())):
            raise NotCanonical("a promise of this message is not [node, milliseconds]")
        return cls(asks, wants, bound)


def _is_bound(item: Any) -> bool:
    if type(item) is not tuple or len(item) != 2:
        return False
    node, wait_ms = item
    return type(node) is str and len(node) <= NAME_MAX and type(wait_ms) is int and 0 <= wait_ms <= WAIT_MS_MAX


NO_LEASE_WORDS = LeaseWords()
