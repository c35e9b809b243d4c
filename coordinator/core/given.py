"""What `decide` is given besides the feeds: judgements, fitness and timers, taken in one step and written into the event.

With it a transition can be decided again by anybody, from the feeds at its heads: the lawfulness check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.core.model import Judgement


@dataclass(frozen=True, slots=True)
class PeerGiven:
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


@dataclass(frozen=True, slots=True)
class Given:
    peers: Mapping[str, PeerGiven]
    fit: bool
    """We can append, have a guard that lives and confirms, were not stalled a moment ago, and know our own feed."""
    unfit_because: str = ""
    refused: bool = False
    """A fork of ours stands in the feeds, or a newer incarnation of our feed is proved: nobody goes by what we write."""
    timers: frozenset[str] = field(default_factory=frozenset)
    """Timers that are over: "retry", "failback:NODE", "passed:NODE", "late:NODE" (it names events that it does not
    deliver); and while they still run "settling", and "behind:NODE": events of a node that is not heard are on their way from
    one that is."""

    def to_body(self) -> dict[str, Any]:
        return {
            "fit": self.fit,
            "unfit_because": self.unfit_because,
            "refused": self.refused,
            "timers": sorted(self.timers),
            "peers": {
                name: [str(peer.judgement), peer.silent_ms, peer.fit, peer.current, peer.agrees, peer.same_run]
                for name, peer in self.peers.items()
            },
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Given":
        """Raises KeyError, TypeError or ValueError where the body is not one that `to_body` wrote."""
        peers = {name: PeerGiven(Judgement(item[0]), *item[1:]) for name, item in body["peers"].items()}
        return cls(peers, body["fit"], body["unfit_because"], body["refused"], frozenset(body["timers"]))
