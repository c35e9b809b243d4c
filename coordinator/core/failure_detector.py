"""Who is alive: soft state about the peers, from heartbeats and from our own lateness. It is lost on restart on purpose.

    liveness.heard(heartbeat, link, datagram, now_ms)
    liveness.judgement("genesis", now_ms)            # ALIVE, INDOUBT, DEAD

A peer is alive while its heartbeats arrive on any way, or a third node relays them. A node that did not run has no
opinion: after a stall every silence is counted without the time in which we could not have heard anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.policy import Policy, Timing
from coordinator.state.model import Judgement
from protocol.invariant import InvariantBroken
from protocol.messages import Heard, Heartbeat, Verified

RELAY_AFTER = 1.5
"""Heartbeats: a peer that last heard X longer ago than this gets X's newest from us. Sooner would double the traffic."""

START_GRACE_MS = 1000
"""After our own start a peer gets this on top of `dead`: connecting takes a round of handshakes first."""

SENT_KEPT = 64
"""Own counters whose sending time is remembered; at 100 ms a relayed echo may be 6 s old, far beyond any `dead`."""


@dataclass(slots=True)
class LinkPath:
    """One link to one peer, and when each transport last brought something."""

    stream_ms: int | None = None
    datagram_ms: int | None = None
    gap_ms_max: int = 0

    @property
    def last_ms(self) -> int | None:
        stream_ms, datagram_ms = self.stream_ms, self.datagram_ms
        if stream_ms is None or datagram_ms is None:
            return datagram_ms if stream_ms is None else stream_ms
        return max(stream_ms, datagram_ms)

    def heard(self, datagram: bool, now_ms: int) -> None:
        last_ms = self.last_ms
        if last_ms is not None and now_ms - last_ms > self.gap_ms_max:
            self.gap_ms_max = now_ms - last_ms
        if datagram:
            self.datagram_ms = now_ms
        else:
            self.stream_ms = now_ms


@dataclass(slots=True)
class Peer:
    """What we heard of one peer."""

    paths: dict[str, LinkPath]
    newest: Verified[Heartbeat] | None = None
    heard_ms: int | None = None
    """By any way, relayed ones included."""
    direct_ms: int | None = None
    first_ms: int | None = None
    """When this run was first heard."""
    since_ms: int = 0
    """Since when we listen for it: our own start, or the configuration that brought it."""


@dataclass(slots=True)
class FailureDetector:
    me: str
    run: bytes
    """Our run: an echo of an earlier run's counter says nothing about this one."""
    policy: Policy
    began_ms: int
    """Our own start: until `dead` + START_GRACE_MS after it a peer that was never heard is in doubt."""
    peers: dict[str, Peer] = field(init=False)
    sent_ms: dict[int, int] = field(default_factory=dict)
    patience: dict[str, Timing] = field(init=False)
    """By which each peer is judged."""

    def __post_init__(self) -> None:
        self.peers = {}
        self.reconfigure(self.policy, self.began_ms)

    def reconfigure(self, policy: Policy, now_ms: int) -> None:
        """Another configuration: what was heard of peers and links that stay is kept. A new peer is in doubt for as long as
        after a start: it may hold something, and connecting takes its time."""
        self.policy = policy
        self.set_timings({})
        links = set(policy.nodes[self.me].links)
        kept = self.peers
        self.peers = {}
        for name in policy.others(self.me):
            paths = {link: LinkPath() for link in policy.nodes[name].links if link in links}
            old = kept.get(name)
            self.peers[name] = old or Peer(paths, since_ms=now_ms)
            self.peers[name].paths = {link: (old.paths.get(link) if old else None) or way for link, way in paths.items()}

    def set_timings(self, theirs: Mapping[str, Timing]) -> None:
        """The timing that each peer runs by, as far as its feed says: a slower one is not judged by ours."""
        mine = self.policy.timing
        self.patience = {name: mine.at_least(theirs.get(name, mine)) for name in self.policy.others(self.me)}

    def sent(self, counter: int, now_ms: int) -> None:
        self.sent_ms[counter] = now_ms
        self.sent_ms.pop(counter - SENT_KEPT, None)

    def heard(self, verified: Verified[Heartbeat], link: str, datagram: bool, now_ms: int) -> bool:
        """Count one copy of a heartbeat. True where it is the newest of its node: then its content is news."""
        heartbeat = verified.message
        peer = self.peers.get(heartbeat.node)
        if peer is None:
            return False
        if (way := peer.paths.get(link)) is not None:
            way.heard(datagram, now_ms)
        heard_ms = now_ms if link else self._echoed_ms(heartbeat, now_ms)
        if heard_ms is not None and (peer.heard_ms is None or heard_ms > peer.heard_ms):
            peer.heard_ms = heard_ms
        if link:
            peer.direct_ms = now_ms
        return self._is_newer(peer, verified, now_ms)

    def _echoed_ms(self, heartbeat: Heartbeat, now_ms: int) -> int | None:
        """A relayed heartbeat counts as heard no later than when we sent the counter that it echoes."""
        echo = heartbeat.heard.get(self.me)
        return self.sent_ms.get(echo.counter) if echo is not None and echo.run == self.run else None

    def _is_newer(self, peer: Peer, verified: Verified[Heartbeat], now_ms: int) -> bool:
        old = peer.newest.message if peer.newest else None
        new = verified.message
        if old and old.run == new.run and new.counter <= old.counter:
            return False
        if old is None or old.run != new.run:
            peer.first_ms = now_ms
        peer.newest = verified
        return True

    def forgive(self, late_ms: int) -> None:
        """We did not run for so long: no silence counts that we could not have heard."""
        for peer in self.peers.values():
            peer.since_ms += late_ms
            if peer.heard_ms is not None:
                peer.heard_ms += late_ms
            if peer.direct_ms is not None:
                peer.direct_ms += late_ms
            for way in peer.paths.values():
                way.stream_ms = None if way.stream_ms is None else way.stream_ms + late_ms
                way.datagram_ms = None if way.datagram_ms is None else way.datagram_ms + late_ms

    def silent_ms(self, name: str, now_ms: int) -> int:
        """Since the peer was last heard on any way; since our own start where it never was."""
        peer = self.peers[name]
        return max(0, now_ms - (peer.since_ms if peer.heard_ms is None else peer.heard_ms))

    def judgement(self, name: str, now_ms: int) -> Judgement:
        """Asked of every peer at every heartbeat."""
        timing, peer = self.patience[name], self.peers[name]
        if peer.heard_ms is None:
            silent_ms = now_ms - peer.since_ms
            return Judgement.INDOUBT if silent_ms < timing.dead_ms + START_GRACE_MS else Judgement.DEAD
        silent_ms = now_ms - peer.heard_ms
        if silent_ms < timing.indoubt_ms:
            return Judgement.ALIVE
        return Judgement.INDOUBT if silent_ms < timing.dead_ms else Judgement.DEAD

    def transition_times_ms(self, name: str) -> list[int]:
        """The instants at which the judgement of a silent peer changes."""
        timing, peer = self.patience[name], self.peers[name]
        if peer.heard_ms is None:
            return [peer.since_ms + timing.dead_ms + START_GRACE_MS]
        return [peer.heard_ms + timing.indoubt_ms, peer.heard_ms + timing.dead_ms]

    def reachable(self, name: str, now_ms: int) -> bool:
        """Heard without a third node's help within `indoubt`."""
        direct_ms = self.peers[name].direct_ms
        return direct_ms is not None and now_ms - direct_ms < self.patience[name].indoubt_ms

    def after_ms(self, name: str, judgement: Judgement) -> int:
        """The silence after which this peer is judged so. One that was never heard is in doubt from the beginning."""
        timing, unheard = self.patience[name], self.peers[name].heard_ms is None
        if judgement is Judgement.DEAD:
            return timing.dead_ms + (START_GRACE_MS if unheard else 0)
        return 0 if unheard or judgement is Judgement.ALIVE else timing.indoubt_ms

    def is_heard_by(self, name: str) -> bool:
        """Whether the peer's newest heartbeat says that it heard one of this run within `dead`."""
        newest = self.peers[name].newest
        echo = newest.message.heard.get(self.me) if newest else None
        return echo is not None and echo.run == self.run and echo.ago_ms < self.patience[name].dead_ms

    def may_hear(self, name: str, now_ms: int) -> bool:
        """Whether the peer hears us, as far as can be known: one that has just started has not had the time to say so."""
        first_ms = self.peers[name].first_ms
        return self.is_heard_by(name) or (first_ms is not None and now_ms - first_ms < self.patience[name].dead_ms)

    def answered_since(self, name: str, since_ms: int) -> bool:
        """Whether the peer's newest heartbeat echoes one that we sent later than this: it was said since, too."""
        newest = self.peers[name].newest
        sent_ms = self._echoed_ms(newest.message, since_ms) if newest else None
        return sent_ms is not None and sent_ms > since_ms

    def link_silent_ms(self, name: str, link: str, now_ms: int) -> int:
        last_ms = self.peers[name].paths[link].last_ms
        return max(0, now_ms - (self.peers[name].since_ms if last_ms is None else last_ms))

    def take_gaps_ms(self) -> dict[str, dict[str, int]]:
        """The longest silence of each link to each peer since this was last asked."""
        gaps = {name: {link: way.gap_ms_max for link, way in peer.paths.items()} for name, peer in self.peers.items()}
        for peer in self.peers.values():
            for way in peer.paths.values():
                way.gap_ms_max = 0
        return gaps

    def echoes(self, now_ms: int) -> dict[str, Heard]:
        """What our next heartbeat says about whom we heard."""
        return {
            name: Heard(peer.newest.message.run, peer.newest.message.counter, max(0, now_ms - peer.heard_ms))
            for name, peer in self.peers.items()
            if peer.newest and peer.heard_ms is not None
        }

    def misses(self, listener: Heartbeat, now_ms: int) -> list[str]:
        """Living nodes whose newest heartbeat we should pass on to this sender: it heard them too long ago, or never."""
        after_ms = int(self.policy.timing.heartbeat_ms * RELAY_AFTER)
        return [
            name
            for name, peer in self.peers.items()
            if name != listener.node
            and not _heard_lately(listener, name, after_ms)
            and self.judgement(name, now_ms) is Judgement.ALIVE
            and self._lacks(listener, name, peer, after_ms)
        ]

    def missed_by(self, name: str, now_ms: int) -> list[str]:
        """Living nodes to which this node's newest heartbeat should be passed on as it comes: they heard it too long ago.

        Waiting for the next word of theirs would cost up to a heartbeat on each half of the way, and what is passed on
        counts from when its echo was sent: a pair that hears each other through a third would flicker into doubt.
        """
        after_ms = int(self.policy.timing.heartbeat_ms * RELAY_AFTER)
        return [
            other
            for other, peer in self.peers.items()
            if other != name
            and peer.newest
            and not _heard_lately(peer.newest.message, name, after_ms)
            and self._lacks(peer.newest.message, name, self.peers[name], after_ms)
            and self.judgement(other, now_ms) is Judgement.ALIVE
        ]

    def _lacks(self, listener: Heartbeat, name: str, peer: Peer, after_ms: int) -> bool:
        if peer.newest is None:
            raise InvariantBroken("a peer that is alive was heard")
        heard, ours = listener.heard.get(name), peer.newest.message
        if heard is None:
            return True
        newer = heard.run != ours.run or heard.counter < ours.counter
        return newer and heard.ago_ms > after_ms


def _heard_lately(listener: Heartbeat, name: str, after_ms: int) -> bool:
    """Then it lacks nothing, whatever we have: most often so, and cheap to see."""
    heard = listener.heard.get(name)
    return heard is not None and heard.ago_ms <= after_ms
