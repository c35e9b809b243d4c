"""From a body on a link to an input of the core: opened, verified, posted. Everything else is refused with its reason.

    reception.framed(link, connection, Kind.BATCH, body)
    reception.sealed(link, Inside.HEARTBEAT, body)
    reception.in_clear(body)

Each function raises Refused; the caller counts it. A late heartbeat is dropped without a word. What a peer says about
itself must be said by itself: a heartbeat that comes as its own must carry its name, and one of a third node must be marked
as relayed.
"""

import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

from coordinator.core.inputs import (
    BatchArrived,
    CommandArrived,
    HeadsArrived,
    HeartbeatHeard,
    Input,
    LastWordHeard,
    LinkChanged,
    ReplyArrived,
)
from coordinator.policy import Policy
from coordinator.shell.ports import Line
from coordinator.transport.heartbeat_dedup import Copies
from protocol.bodies import Hello, Ping, Reply, Want, read_batch, read_command, read_heads, read_signed
from protocol.canonical import NotCanonical
from protocol.commands import Command, check_expiry, open_command
from protocol.datagram import Inside
from protocol.frames import Kind, frame
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Batch, Keyring, LastWord, Verified, open_batch, open_signed
from protocol.refusals import Reason, Refused

C = TypeVar("C")
"""What stands for a connection."""

K = TypeVar("K")

BATCHES_KEPT = 16
"""Batches just opened: an urgent one comes on every link and transport, and is verified once."""

BATCH_KEPT_BYTES = 16 * 1024

WORDS_KEPT = 32
"""Last words just opened, for the same reason."""


class Receiver(Generic[C]):
    def __init__(
        self,
        copies: Copies,
        keyring: Keyring,
        policy: Policy,
        post: Callable[[Input], None],
        clock_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        serve: Callable[[C, Want], None],
    ) -> None:
        """`clock_ms` is monotonic; `wall_ms` only judges a command's expiry; `serve` answers a want."""
        self._cluster = policy.cluster_id
        self.trust(keyring, policy)
        self._copies = copies
        self._post = post
        self._clock_ms = clock_ms
        self._wall_ms = wall_ms
        self._frames: dict[Kind, Callable[[Line, C, bytes], None]] = {
            Kind.HELLO: self._second_hello,
            Kind.REMOVED: self._second_hello,
            Kind.RELAYED: lambda _link, _, body: self._relayed(body),
            Kind.BATCH: lambda link, _, body: self._batch(link, body),
            Kind.WANT: lambda _link, connection, body: serve(connection, Want.decode(body)),
            Kind.COMMAND: lambda link, _, body: self._command(link, body),
            Kind.LAST_WORD: lambda _link, _, body: self.in_clear(body),
            Kind.HEADS: lambda link, _, body: post(HeadsArrived(link.peer, read_heads(body))),
            Kind.REPLY: lambda link, _, body: post(ReplyArrived(link.peer, Reply.decode(body))),
            Kind.PING: lambda link, _, body: link.pinged(Ping.decode(body), clock_ms()),
            Kind.PONG: lambda link, connection, body: link.ponged(Ping.decode(body), connection),
        }
        self._sealed: dict[Inside, Callable[[Line, bytes], None]] = {
            Inside.BATCH: self._batch,
            Inside.RELAYED: lambda _link, body: self._relayed(body),
            Inside.KNOCK: lambda link, _: link.knocked(clock_ms()),
        }
        self._batches: dict[bytes, Batch] = {}
        self._words: dict[bytes, Verified[LastWord]] = {}

    def trust(self, keyring: Keyring, policy: Policy) -> None:
        """Another configuration: other keys and operators from now on."""
        self._keyring = self._history = keyring
        self._operators = {name: operator.key for name, operator in policy.operators.items()}

    def prove_history(self, keyring: Keyring) -> None:
        """Events count also from nodes that the configuration does not name any more; nothing else does."""
        self._history = keyring

    def greeted(self, link: Line, connection: C, hello: Hello, began_ms: int) -> bool:
        """A hello that fits the link: from here on the connection, which began at `began_ms`, serves it. False where that of
        a later run came before it: nobody is at the other end any more."""
        if not self._copies.begin(hello.node, hello.run, began_ms):
            return False
        if link.adopt(connection, self._clock_ms()):
            self._post(LinkChanged(link.peer, link.name, True))
        self._post(HeadsArrived(link.peer, hello.heads))
        return True

    def framed(self, link: Line, connection: C, kind: Kind, body: bytes) -> None:
        """One frame of an established connection."""
        link.stream_heard(self._clock_ms())
        if kind is Kind.HEARTBEAT:  # nearly always
            self._beat(link, body, datagram=False)
        else:
            self._frames[kind](link, connection, body)

    def sealed(self, link: Line, inside: Inside, body: bytes) -> None:
        """What was sealed in one datagram of this link."""
        link.datagram_heard(self._clock_ms())
        if inside is Inside.HEARTBEAT:
            self._beat(link, body, datagram=True)
        else:
            self._sealed[inside](link, body)

    def in_clear(self, body: bytes) -> None:
        """A last word, from whatever address: its signature is all that counts."""
        word = self._words.get(body)
        if word is None:
            word = open_signed(LastWord, *read_signed(body), self._keyring, self._cluster)
            _keep(self._words, body, word, WORDS_KEPT)
        self._post(LastWordHeard(word))

    def _beat(self, link: Line, body: bytes, datagram: bool) -> None:
        verified = self._copies.read(body, (link.peer, link.name, "datagram" if datagram else "tls"))
        if verified is not None:
            self._post(HeartbeatHeard(verified, link.name, datagram))

    def _relayed(self, body: bytes) -> None:
        verified = self._copies.relayed(body)
        if verified is not None:
            self._post(HeartbeatHeard(verified, ""))

    def _batch(self, link: Line, body: bytes) -> None:
        batch = self._batches.get(body)
        if batch is None:
            batch = open_batch(read_batch(body), self._history, self._cluster, ALWAYS_SIGNED)
            if len(body) <= BATCH_KEPT_BYTES:
                _keep(self._batches, body, batch, BATCHES_KEPT)
        self._post(BatchArrived(batch, link.peer))

    def _command(self, link: Line, body: bytes) -> None:
        raw, signature = read_command(body)
        try:
            signed = open_command(raw, signature, self._operators, self._cluster)
            check_expiry(signed.command, self._wall_ms())
        except Refused as refusal:
            _refuse(link, raw, refusal)
            raise
        self._post(CommandArrived(signed, 0, link.peer))

    def _second_hello(self, link: Line, connection: C, body: bytes) -> None:
        raise Refused(Reason.GARBAGE, "what comes before a hello, or a second one")


def _refuse(link: Line, raw: bytes, refusal: Refused) -> None:
    """The node that passed it on shall know why; where no command can be read, no nonce tells which it was."""
    with contextlib.suppress(NotCanonical):
        reply = Reply(Command.decode(raw).nonce, False, False, f"{refusal.reason}: {refusal}")
        link.send(frame(Kind.REPLY, reply.encode()))


def _keep(kept: dict[bytes, K], body: bytes, value: K, most: int) -> None:
    """Remember the newest `most`."""
    kept[body] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
