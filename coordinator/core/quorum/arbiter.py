"""What an etcd cluster says about a service, and what may be concluded from it. `coordinator.arbiter` asks it.

    sight = Sight(cluster=0x1234, revision=812)
    sight.went_back(Sight(cluster=0x1234, revision=640))    # "old-revision": it was restored from an old snapshot
    next_epoch(seen, known=7)                               # one above the key's value, the revision and every epoch known
    hold_ms(Term(2_000, 30, 1))                             # 1_950: how long what etcd keeps for 2 s may be counted on

A revision counts all changes of an etcd cluster. It grows as long as that cluster lives; only a cluster that was restored from
an old snapshot, or another one in its place, shows a smaller one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from coordinator.core.quorum.promise import PERCENT, Term


class Refusal(StrEnum):
    """Why an answer is none. Each name stands in the log and in the status."""

    UNREACHABLE = "unreachable"
    SLOW = "slow"
    NO_QUORUM = "no-quorum"
    TLS = "tls"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    GARBAGE = "garbage"
    OVERSIZED = "oversized"
    OTHER_CLUSTER = "other-cluster"
    OLD_REVISION = "old-revision"
    LEASE_TOO_SHORT = "lease-below-minimum"
    LEASE_LOST = "lease-lost"
    LEADER_CHANGED = "leader-changed"


WENT_BACK = frozenset({Refusal.OTHER_CLUSTER, Refusal.OLD_REVISION})
"""After one of these a lease may live of which this etcd knows nothing: nobody claims for one term."""


class Sight(NamedTuple):
    """Which etcd cluster answered, and how many changes it counted."""

    cluster: int
    revision: int

    def went_back(self, seen: "Sight") -> Refusal | None:
        """Whether an answer that was asked for after this sight comes from an older state, or from elsewhere."""
        if seen.cluster != self.cluster:
            return Refusal.OTHER_CLUSTER
        return Refusal.OLD_REVISION if seen.revision < self.revision else None


class Holding(NamedTuple):
    """What stands in the holder's key, which lives as long as the lease that it was put with."""

    node: str
    run: bytes
    epoch: int
    lease: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Both keys of a service, read through a quorum."""

    sight: Sight
    holder: Holding | None
    epoch: int
    """The largest epoch that was ever put; it outlives every lease. 0: none."""
    modified: int
    """The revision at which that epoch was put: a compare-and-put names it. 0: never."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The compare-and-put went through: the service is ours by this lease."""

    sight: Sight
    lease: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The lease was kept alive by a leader that a quorum confirmed afterwards, and the holder's key is still ours."""

    sight: Sight


@dataclass(frozen=True, slots=True)
class Dropped:
    """The lease is gone, and the holder's key with it."""

    sight: Sight


@dataclass(frozen=True, slots=True)
class Refused:
    name: Refusal
    text: str
    sight: Sight | None = None
    """What answered, where it went back: from then on this is what is known of it."""


Said = Seen | Taken | Kept | Dropped | Refused


def next_epoch(seen: Seen, known: int) -> int:
    """The epoch of a claim: above each that was ever put, that any feed here names, and above the revision.

    Obligation: no epoch is given twice. Proof: the put compares the key's revision, so of two that read the same
    value one fails. While etcd forgets nothing the value alone would do; after an old snapshot revision and feeds are left.
    """
    return max(seen.epoch, seen.sight.revision, known) + 1


def hold_ms(term: Term) -> int:
    """How long a holder may go on after it sent what kept its lease alive, where etcd keeps that for `lease`.

    Obligation: when etcd lets the key go, the holder is down, `stop` included.
    Proof: etcd counts `lease` from when it heard, by a clock that is at most `drift` faster than the holder's.
    """
    return term.lease_ms * PERCENT // (PERCENT + term.drift_percent) - term.stop_ms
