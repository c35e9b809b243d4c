"""All links of this node: what the core says goes out, what the peers say comes in, verified.

    links = Links(me, policy, identity, run, journal, post, clock_ms)
    await links.start()
    links.beat(heartbeat)           # signed once, to every peer, on every link, over TLS and as a datagram
    links.push(entries, urgent=True)
    links.status()                  # what `failc links` shows
    await links.close()

How messages are sent, and what is dropped, says `coordinator.shell.sending`.
Incoming messages become inputs: HeartbeatHeard for each link and transport, BatchArrived, HeadsArrived, LinkChanged,
LastWordHeard, CommandArrived. Wants are answered here, from the log. Anything else is counted, see `status`.
"""

import time
from collections.abc import Callable, Mapping

from coordinator.core.inputs import Input
from coordinator.policy import Policy
from coordinator.shell.sending import Sending
from coordinator.transport.farewell import Evidence, Farewell, Visited, no_evidence
from coordinator.transport.feed_server import FeedSource
from coordinator.transport.link import LinkStatus
from coordinator.transport.listeners import LinksUnusable
from coordinator.transport.refusal_counts import STRANGER
from coordinator.transport.sessions import Wiring
from protocol.signing import Identity

__all__ = ["FeedSource", "LinkStatus", "Links", "LinksUnusable"]


class Links(Sending):
    def __init__(
        self,
        me: str,
        policy: Policy,
        identity: Identity,
        run: bytes,
        source: FeedSource,
        post: Callable[[Input], None],
        clock_ms: Callable[[], int],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        overfed: Callable[[str], None] = lambda peer: None,
        evidence: Evidence = no_evidence,
        visited: Visited = lambda node, host: None,
    ) -> None:
        """`clock_ms` is monotonic; `wall_ms` judges only when a command expires; `overfed` hears of a peer that says more than
        its share, `visited` of a removed node that connects; `evidence` finds what that is shown. Raises UnusableKey."""
        self._clock_ms = clock_ms
        farewell = Farewell(evidence, visited)
        self._wiring = Wiring(me, policy, identity, run, source, post, clock_ms, wall_ms, overfed, farewell)
        super().__init__(identity, self._wiring.links, self._wiring.heads)

    async def start(self) -> None:
        """Listen and dial. Raises LinksUnusable with the link, the reason and what to do."""
        await self._wiring.start()

    async def close(self) -> None:
        """Say goodbye on every connection, and leave nothing behind."""
        await self._wiring.close()

    async def reconfigure(self, policy: Policy) -> None:
        """Another configuration: what it still allows stays connected. Raises LinksUnusable or UnusableKey: nothing changed."""
        await self._wiring.reconfigure(policy)

    def remember(self, departed: Mapping[str, bytes]) -> None:
        """Name to key of the nodes that only earlier files named."""
        self._wiring.remember(departed)

    def status(self) -> list[LinkStatus]:
        """One line for each link of each peer, and one for each of our links on which a stranger ("?") was refused."""
        now_ms, tally = self._clock_ms(), self._wiring.tally
        known = [link.status(now_ms, tally.of(link.peer, link.name)) for link in self._wiring.links.values()]
        strangers = [LinkStatus(STRANGER, name, False, False, None, tally.of(STRANGER, name)) for name in tally.strangers()]
        return known + strangers
