"""What goes out, in which frames, and on which links: the same decisions for real links and for simulated ones.

    sending = Sending(signer, ways, heads)
    sending.beat(heartbeat)         # signed once, to every peer, on every link, over TLS and as a datagram
    sending.push(entries, urgent=True)
    sending.want("genesis", "lukretia", 1, 17)

Every function returns at once and never waits for a peer. What could not be sent is dropped by a stated rule: of heartbeats
the newest waits; entries come back when heads are compared; a command is refused (`forward` is False).
"""

from collections.abc import Callable, Sequence

from coordinator.core.feed_index import replaced
from coordinator.shell.batches import bodies
from coordinator.shell.ports import Way, Ways
from protocol.bodies import Pair, Reply, Want, batch_body, command_body, heads_body, signed_body
from protocol.commands import SignedCommand
from protocol.datagram import Inside, last_word_datagram
from protocol.event import Entry, Head
from protocol.frames import Kind, frame
from protocol.invariant import must
from protocol.messages import Domain, Heartbeat, LastWord, Signer, Verified


class Sending:
    def __init__(self, signer: Signer, ways: Ways, heads: Callable[[], tuple[Head, ...]]) -> None:
        """`ways` is looked at anew with each message; `heads`: all that is durable here, as one frame holds it."""
        self._signer = signer
        self._ways = ways
        self._heads = heads

    def beat(self, heartbeat: Heartbeat) -> None:
        """Sign once, send to every peer on every link, as a datagram and over TLS."""
        raw = heartbeat.encode()
        body = signed_body(raw, self._signer.sign(Domain.HEARTBEAT, raw))
        data = frame(Kind.HEARTBEAT, body)
        for fire in [way.beat(body, data) for way in self._ways.values()]:
            fire()

    def push(self, entries: Sequence[Entry], urgent: bool) -> None:
        """Signed entries of one feed, to every connected peer on every link (copies are verified once there).

        `urgent`: as datagrams too; where they are too long for one, each entry that is signed itself goes alone.
        """
        must(entries and entries[-1].signature, "what is pushed ends in a signature: peers drop what stands behind the last")
        pairs = [(entry.raw, entry.signature) for entry in entries]
        for body in bodies(pairs):
            data = frame(Kind.BATCH, body)
            for way in self._ways.values():
                way.send(data)
        if urgent:
            self._hasten(pairs)

    def want(self, peer: str, node: str, incarnation: int, first: int) -> None:
        """Ask `peer` for a feed; nothing is kept where it is not connected: its next heartbeat asks again."""
        self._to(peer, frame(Kind.WANT, Want(node, incarnation, first).encode()))

    def show_heads(self) -> None:
        """How far replaced incarnations are durable here, once to each peer; nothing where there are none."""
        if heads := replaced(self._heads()):
            data = frame(Kind.HEADS, heads_body(heads))
            for peer in sorted({way.peer for way in self._ways.values()}):
                self._to(peer, data)

    def relay(self, peer: str, raw: bytes, signature: bytes) -> None:
        """A third node's heartbeat, as that node signed it: over TLS on one link, and as a datagram on each."""
        body = signed_body(raw, signature)
        self._to(peer, frame(Kind.RELAYED, body))
        for way in self._ways_to(peer):
            way.seal(Inside.RELAYED, body)

    def forward(self, peer: str, command: SignedCommand) -> bool:
        """A signed command for the node that must act. False where it could not be sent: say so to the asker."""
        return self._to(peer, frame(Kind.COMMAND, command_body(command.raw, command.signature)))

    def reply(self, peer: str, reply: Reply) -> None:
        """What became of a command that `peer` passed on. Where it cannot be sent the peer asks again."""
        self._to(peer, frame(Kind.REPLY, reply.encode()))

    def say(self, word: Verified[LastWord]) -> None:
        """A last word, to every peer: in clear as a datagram, since it is signed by itself, and then over TLS."""
        datagram = last_word_datagram(word.raw, word.signature)
        for way in self._ways.values():
            way.shout(datagram)
        data = frame(Kind.LAST_WORD, signed_body(word.raw, word.signature))
        for way in self._ways.values():
            way.send(data)

    def _ways_to(self, peer: str) -> list[Way]:
        """The links to one peer; the one that brought something over TLS last comes first."""
        return sorted((way for way in self._ways.values() if way.peer == peer), key=lambda way: -way.stream_ms)

    def _to(self, peer: str, data: bytes) -> bool:
        """Over the link that brought something last; the next where it is full."""
        return any(way.send(data) for way in self._ways_to(peer))

    def _hasten(self, pairs: list[Pair]) -> None:
        whole = batch_body(pairs)
        for way in self._ways.values():
            if not way.seal(Inside.BATCH, whole):
                _seal_singly(way, pairs)


def _seal_singly(way: Way, pairs: list[Pair]) -> None:
    for pair in pairs:
        if pair[1]:
            way.seal(Inside.BATCH, batch_body([pair]))
