"""All links of a simulated node: production decides what is sent where (`Sending`) and what of it counts (`Receiver`).

    links = Links(host, run, policy, post)
    links.connected("genesis", "lan", True)         # the network has made a connection
    links.take("genesis", "lan", mail, None)        # a datagram; else when its connection began
"""

from collections.abc import Callable
from functools import partial

from coordinator.core.inputs import Input, LinkChanged, RemovalShown
from coordinator.policy import Policy
from coordinator.shell.batches import READ_ENTRIES, Asked, read_next, signed_length
from coordinator.shell.sending import Sending
from coordinator.transport.heartbeat_dedup import Copies
from coordinator.transport.receive import Receiver
from protocol.bodies import Hello, Pair, Removal, Want, batch_body
from protocol.datagram import check_outside, last_word_body
from protocol.frames import FrameReader, Kind, frame
from protocol.refusals import Refused
from tools.simulator.link import Link
from tools.simulator.machine import Machine
from tools.simulator.messages import Mail, Sealed
from tools.simulator.orders import EXPIRES_MS

SERVED_US = 1_000
"""A batch is read from the disk, sent, and taken in, before the next one goes."""


class Links(Sending):
    def __init__(self, host: Machine, run: bytes, policy: Policy, post: Callable[[Input], None]) -> None:
        surroundings, name = host.surroundings, host.name
        self._host = host
        self._run = run
        self._post = post
        self._policy = policy
        self._keyring = surroundings.keys.keyring
        self._links: dict[tuple[str, str], Link] = {}
        self._asked: dict[Link, Asked] = {}
        super().__init__(surroundings.keys.signer(name), self._links, host.disk.as_heads)
        self._copies = Copies(name, self._keyring, policy.cluster_id, policy.timing.heartbeat_ms)
        self._receiver = Receiver(self._copies, self._keyring, policy, post, self._mono_ms, lambda: EXPIRES_MS, self._serve)
        self.configure(policy)

    def configure(self, policy: Policy) -> None:
        """Another configuration is in force. Every key of the cluster is known here, whatever it names."""
        self._policy = policy
        self._copies.beats(policy.timing.heartbeat_ms)
        self._receiver.trust(self._keyring, policy)
        network, me = self._host.surroundings.network, self._host.name
        wanted = [(peer, name) for peer in policy.others(me) for name in network.links_between(me, peer)]
        for key in [key for key in self._links if key not in wanted]:
            self._asked.pop(self._links.pop(key), None)
        for peer, name in wanted:
            if (peer, name) not in self._links:
                self._links[peer, name] = Link(network, me, peer, name)

    def close(self) -> None:
        self._asked.clear()

    def connected(self, peer: str, name: str, up: bool) -> None:
        """A connection stands, and we say hello on it; or the end of one is known."""
        link = self._links.get((peer, name))
        if link is None:
            return
        if up:
            self._host.surroundings.network.stream(self._host.name, peer, name, frame(Kind.HELLO, self._hello(name).encode()))
        else:
            self._asked.pop(link, None)
            if link.lost():
                self._post(LinkChanged(peer, name, False))

    def take(self, sender: str, name: str, mail: Mail, began_us: int | None) -> None:
        try:
            if began_us is None:
                self._datagram(sender, name, mail)
            elif isinstance(mail, bytes):
                for kind, body in FrameReader().feed(mail):
                    self._framed(sender, name, kind, body, began_us // 1000)
        except Refused as refusal:
            self._host.surroundings.refused(self._host.name, sender, refusal)

    def _datagram(self, sender: str, name: str, mail: Mail) -> None:
        link = self._links.get((sender, name))
        if link is not None and isinstance(mail, Sealed):
            self._receiver.sealed(link, *mail)
        elif sender in self._policy.nodes and isinstance(mail, bytes) and not check_outside(mail):
            self._receiver.in_clear(last_word_body(mail))

    def _framed(self, sender: str, name: str, kind: Kind, body: bytes, began_ms: int) -> None:
        link = self._links.get((sender, name))
        if kind is Kind.REMOVED:
            self._post(RemovalShown(sender, *Removal.decode(body)))
        elif link is not None and kind is Kind.HELLO:
            self._receiver.greeted(link, link, Hello.decode(body), began_ms)
        elif link is not None and link.up:
            self._receiver.framed(link, link, kind, body)

    def _hello(self, name: str) -> Hello:
        heads = self._host.disk.as_heads()
        return Hello(self._policy.cluster_id, self._host.name, name, self._run, heads, bytes(8), bytes(32))

    def _mono_ms(self) -> int:
        return self._host.now().mono_ms

    def _serve(self, link: Link, want: Want) -> None:
        """Batch after batch until nothing is left, each when the one before it is read."""
        asked = self._asked.setdefault(link, Asked())
        idle = not asked
        asked.ask(want)
        if idle:
            self._host.later(0, partial(self._send_next, link, asked))

    def _send_next(self, link: Link, asked: Asked) -> None:
        if self._asked.get(link) is not asked or not asked:
            return
        feed, first = asked.next
        pairs = self._signed(feed, first)
        sent = bool(pairs) and link.send(frame(Kind.BATCH, batch_body(pairs)))
        asked.sent(feed, first, len(pairs) if sent else 0)
        if asked:
            self._host.later(SERVED_US, partial(self._send_next, link, asked))

    def _signed(self, feed: tuple[str, int], first: int) -> list[Pair]:
        """Durable entries from `first` on, ending in a signed one."""
        stored, pairs, limit = self._host.disk.feed(*feed), list[Pair](), READ_ENTRIES
        while limit:
            read = [(entry.raw, entry.signature) for entry in stored[first - 1 : first - 1 + limit]]
            count = signed_length(read)
            pairs, limit = read[:count], read_next(len(read), count, limit)
        return pairs
