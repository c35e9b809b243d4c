"""All links of this node: what the core says goes out, what the peers say comes in, verified.

    links = Links(me, policy, identity, run, journal, post, clock_ms)
    await links.start()
    links.beat(heartbeat)           # signed once, to every peer, on every link, over TLS and as a datagram
    links.push(entries, urgent=True)
    links.status()                  # what `failc links` shows
    await links.close()

Every sending function returns at once and never waits for a peer. What could not be sent is dropped by a stated rule:
of heartbeats the newest waits; entries come back when heads are compared; a command is refused (`forward` is False).
Incoming messages become inputs: HeartbeatHeard for each link and transport, BatchArrived, HeadsArrived, LinkChanged,
LastWordHeard, CommandArrived. Wants are answered here, from the log. Anything else is counted, see `status`.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from coordinator.core.feed_index import replaced
from coordinator.core.inputs import Input
from coordinator.policy import Policy
from coordinator.transport.farewell import Evidence, Farewell, Visited, no_evidence
from coordinator.transport.feed_server import FeedSource, signed_length
from coordinator.transport.link import Link, LinkStatus
from coordinator.transport.listeners import LinksUnusable
from coordinator.transport.refusal_counts import STRANGER
from coordinator.transport.sessions import Wiring
from protocol.bodies import Pair, Reply, Want, batch_body, command_body, heads_body, signed_body
from protocol.commands import SignedCommand
from protocol.datagram import Inside, last_word_datagram
from protocol.event import Entry
from protocol.frames import Kind, frame
from protocol.messages import Domain, Heartbeat, LastWord, Verified
from protocol.signing import Identity

__all__ = ["FeedSource", "LinkStatus", "Links", "LinksUnusable"]


class Links:
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
        self._identity = identity
        self._clock_ms = clock_ms
        farewell = Farewell(evidence, visited)
        self._wiring = Wiring(me, policy, identity, run, source, post, clock_ms, wall_ms, overfed, farewell)

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

    def beat(self, heartbeat: Heartbeat) -> None:
        """Sign once, send to every peer on every link, as a datagram and over TLS."""
        raw = heartbeat.encode()
        body = signed_body(raw, self._identity.sign(Domain.HEARTBEAT, raw))
        data = frame(Kind.HEARTBEAT, body)
        for fire in [link.beat(body, data) for link in self._wiring.links.values()]:
            fire()

    def push(self, entries: Sequence[Entry], urgent: bool) -> None:
        """Signed entries of one feed, to every connected peer on every link (copies are verified once there).

        `urgent`: as datagrams too; where they are too long for one, each entry that is signed itself goes alone.
        """
        pairs = [(entry.raw, entry.signature) for entry in entries]
        for body in _bodies(pairs):
            data = frame(Kind.BATCH, body)
            for link in self._wiring.links.values():
                link.send(data)
        if urgent:
            self._hasten(pairs)

    def want(self, peer: str, node: str, incarnation: int, first: int) -> None:
        """Ask `peer` for a feed; nothing is kept where it is not connected: its next heartbeat asks again."""
        self._to(peer, frame(Kind.WANT, Want(node, incarnation, first).encode()))

    def show_heads(self) -> None:
        """How far replaced incarnations are durable here, once to each peer; nothing where there are none."""
        if heads := replaced(self._wiring.heads()):
            data = frame(Kind.HEADS, heads_body(heads))
            for peer in sorted({link.peer for link in self._wiring.links.values()}):
                self._to(peer, data)

    def relay(self, peer: str, raw: bytes, signature: bytes) -> None:
        """A third node's heartbeat, as that node signed it."""
        body = signed_body(raw, signature)
        self._to(peer, frame(Kind.RELAYED, body))
        for link in self._wiring.links_of(peer):
            link.seal(Inside.RELAYED, body)

    def forward(self, peer: str, command: SignedCommand) -> bool:
        """A signed command for the node that must act. False where it could not be sent: say so to the asker."""
        return self._to(peer, frame(Kind.COMMAND, command_body(command.raw, command.signature)))

    def reply(self, peer: str, reply: Reply) -> None:
        """What became of a command that `peer` passed on. Where it cannot be sent the peer asks again."""
        self._to(peer, frame(Kind.REPLY, reply.encode()))

    def say(self, word: Verified[LastWord]) -> None:
        """A last word, to every peer: in clear as a datagram, since it is signed by itself, and then over TLS."""
        datagram = last_word_datagram(word.raw, word.signature)
        for link in self._wiring.links.values():
            link.shout(datagram)
        data = frame(Kind.LAST_WORD, signed_body(word.raw, word.signature))
        for link in self._wiring.links.values():
            link.send(data)

    def status(self) -> list[LinkStatus]:
        """One line for each link of each peer, and one for each of our links on which a stranger ("?") was refused."""
        now_ms, tally = self._clock_ms(), self._wiring.tally
        known = [link.status(now_ms, tally.of(link.peer, link.name)) for link in self._wiring.links.values()]
        strangers = [LinkStatus(STRANGER, name, False, False, None, tally.of(STRANGER, name)) for name in tally.strangers()]
        return known + strangers

    def _to(self, peer: str, data: bytes) -> bool:
        """Over the link that brought something last; the next where it is full."""
        return any(link.send(data) for link in self._wiring.links_of(peer))

    def _hasten(self, pairs: list[Pair]) -> None:
        whole = batch_body(pairs)
        for link in self._wiring.links.values():
            if not link.seal(Inside.BATCH, whole):
                _seal_singly(link, pairs)


def _seal_singly(link: Link, pairs: list[Pair]) -> None:
    for pair in pairs:
        if pair[1]:
            link.seal(Inside.BATCH, batch_body([pair]))


def _bodies(pairs: list[Pair]) -> list[bytes]:
    """As many batches as their limit asks for, each up to a signature; what has none behind it is left out."""
    bodies, at = [], 0
    while count := signed_length(pairs[at:]):
        bodies.append(batch_body(pairs[at : at + count]))
        at += count
    return bodies
