"""What `decide` is given besides the feeds: judgements, fitness and timers, taken in one step and written into the event.

With it any reader can decide a transition again, from the feeds at its heads: the lawfulness check.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.events.shapes import COUNT, MS, NODES_MAX, REASON, TRUTH, Listed, Mapped, OneOf, Row, Shaped, Text, shaped
from protocol.events.words import Judgement

TIMERS_MAX = 128
"""`retry`, `settling`, and for each of sixteen nodes seven of their own."""


@dataclass(frozen=True, slots=True)
class PeerObservations:
    judgement: Judgement
    silent_ms: int
    fit: bool
    """By its newest heartbeat."""
    current: bool
    """Its feed is here up to the head in its newest heartbeat."""
    agrees: bool
    """It runs the configuration that we run."""
    same_run: bool = True
    """Its heartbeat is of the run that its feed is in; else it has started anew, and what the old run held is down."""


class _Peer(Row):
    """A peer as the list [judgement, silent_ms, fit, current, agrees, same_run]."""

    def write(self, value: PeerObservations) -> list[object]:
        return [str(value.judgement), value.silent_ms, value.fit, value.current, value.agrees, value.same_run]


PEER = _Peer((OneOf(Judgement), MS, TRUTH, TRUTH, TRUTH, TRUTH), PeerObservations, optional=1)


class _Timers(Listed):
    """A set of names, written in their order."""

    def read(self, value: object, where: str) -> frozenset[str]:  # type: ignore[override]
        return frozenset(super().read(value, where))

    def write(self, value: frozenset[str]) -> list[str]:  # type: ignore[override]
        return sorted(value)


@dataclass(frozen=True, slots=True)
class Observations(Shaped):
    peers: Mapping[str, PeerObservations] = shaped(Mapped(PEER, NODES_MAX))
    fit: bool = shaped(TRUTH)
    """We can append, have a guard that lives and confirms, were not stalled a moment ago, and know our own feed."""
    unfit_because: str = shaped(REASON, "")
    refused: bool = shaped(TRUTH, False)
    """A fork of ours stands in the feeds, or a newer incarnation of our feed is proved: no peer goes by what we write."""
    timers: frozenset[str] = shaped(_Timers(Text(160, 1), TIMERS_MAX), frozenset())
    """Timers that are over: "retry", "failback:NODE", "passed:NODE", "late:NODE" (it names events that it does not
    deliver), "deaf:NODE" (a holder that does not hear us); and while they still run "settling", "awaited:NODE" (by its own word
    its claim is on the way), "coming:NODE" (it said so after what put it into FAIL), "behind:NODE": events of a node that is
    not heard are on their way from one that is, and "collecting:NODE": a candidate has not given its number yet."""
    evidence: Mapping[str, int] = shaped(Mapped(COUNT, NODES_MAX), dict, sparse=True)
    """Candidate to the number that its script gave since the service is free, where the largest takes it."""
