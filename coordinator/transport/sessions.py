"""Who is connected with whom: listening, dialling, proving who it is, and giving each message to its reader.

    wiring = Wiring(me, policy, identity, run, source, post, clock_ms, wall_ms)
    await wiring.start()
    wiring.links                    # (peer, link name) -> Link
    await wiring.close()

Of two nodes the one with the smaller name dials. A new connection of a link replaces the one that stands: its dialler
had a reason. Whatever breaks the protocol is counted here, under the peer's name once it is proved.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping

from coordinator.core.inputs import Input, LinkChanged, RemovalShown
from coordinator.policy import Policy
from coordinator.transport.asker import Asker
from coordinator.transport.connection import Connection
from coordinator.transport.dialer import Dialer, dial
from coordinator.transport.farewell import Farewell
from coordinator.transport.feed_server import FeedSource, Serving
from coordinator.transport.heartbeat_dedup import Copies
from coordinator.transport.link import Link
from coordinator.transport.listeners import Doors
from coordinator.transport.read_rate import Appetite
from coordinator.transport.receive import Receiver
from coordinator.transport.refusal_counts import STRANGER, RefusalCounts
from coordinator.transport.sockets import Address
from protocol.bodies import HEADS_MAX, Hello, Removal, Want
from protocol.datagram import Opener, check_outside, key_id_of, last_word_body
from protocol.event import Head
from protocol.frames import Kind
from protocol.invariant import must
from protocol.keys import NodeKeyring
from protocol.refusals import Reason, Refused
from protocol.signing import Identity
from protocol.tls import Contexts

STRANGERS_MAX = 64
"""Connections that have not proved who they are. One more, and the oldest is closed: a handshake takes milliseconds, so
a machine that holds many open does not keep the peers out."""

OPENERS_PER_LINK = 2
"""The datagram key of the connection that stands, and of the one before it: something may be on its way."""

WORDS_IN_CLEAR_PER_S = 100
"""Any machine may send them, and each costs a verification of 0.1 ms."""

GOODBYE_S_MAX = 0.2
"""For a peer that reads, far more than enough; one that does not is not waited for."""

PING_S = 1.0
"""Round trips, and whether datagrams arrive, are known so exactly."""


class Wiring:
    def __init__(
        self,
        me: str,
        policy: Policy,
        identity: Identity,
        run: bytes,
        source: FeedSource,
        post: Callable[[Input], None],
        clock_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        overfed: Callable[[str], None],
        farewell: Farewell,
    ) -> None:
        """`overfed` is told a peer that says more than its share, with each frame of it; `farewell` knows who was removed."""
        self.tally = RefusalCounts()
        self.links: dict[tuple[str, str], Link] = {}
        self._me = me
        self._policy = policy
        self._identity = identity
        self._run = run
        self._source = source
        self._post = post
        self._clock_ms = clock_ms
        self._farewell = farewell
        self._keys = {name: node.key for name, node in policy.nodes.items()}
        keyring = NodeKeyring(self._keys)
        self._contexts = self._contexts_for(self._keys)
        self._copies = Copies(me, keyring, policy.cluster_id, policy.timing.heartbeat_ms)
        self._overfed = overfed
        self._appetite = Appetite(lambda peer: len(self._policy.owned_by(peer)), clock_ms)
        self._reception = Receiver(self._copies, keyring, policy, post, clock_ms, wall_ms, self._serve)
        self._doors = Doors(self._accept, self)
        self._dialers: dict[tuple[str, str], Dialer | Asker] = {}
        self._openers: dict[bytes, tuple[Link, Opener]] = {}
        self._strangers: dict[Connection, None] = {}
        self._serving: dict[Connection, Serving] = {}
        self._ticker: asyncio.TimerHandle | None = None
        self._hosts: frozenset[str] = frozenset()
        """The peers' addresses."""
        self._words: Counter[str] = Counter()
        """Last words in clear within this second, by the address they came from."""

    async def start(self) -> None:
        """Listen and dial. Raises LinksUnusable."""
        must(self._ticker is None, "the links are started once: they would be pinged twice a second")
        await self.reconfigure(self._policy)
        self._tick()

    async def reconfigure(self, policy: Policy) -> None:
        """Follow another configuration: links that are the same in both stay connected. On an error nothing has changed."""
        keys = {name: node.key for name, node in policy.nodes.items()}
        same = keys == self._keys  # to make them takes milliseconds, and a start has just done it
        keyring = self._copies.keyring if same else NodeKeyring(keys)
        contexts = self._contexts if same else self._contexts_for(keys)
        await self._doors.move(policy.nodes[self._me].links)
        self._keys, self._contexts, self._copies.keyring = keys, contexts, keyring
        self._copies.beats(policy.timing.heartbeat_ms)
        self._reception.trust(keyring, policy)
        self._prove_history()
        wanted = _pairs(policy, self._me)
        for key in [key for key in self.links if wanted.get(key) != _pairs(self._policy, self._me)[key]]:
            await self._unlink(key)
        self._policy = policy
        self._appetite.forget()
        self._hosts = frozenset(remote[0] for _, remote, _ in wanted.values())
        for key, (local, remote, _) in wanted.items():
            if key in self.links:
                self.links[key].silent_after_ms = policy.timing.dead_ms
            else:
                self._link(key, local, remote)

    def remember(self, departed: Mapping[str, bytes]) -> None:
        """Nodes that only earlier files named: they may knock, and their feeds are taken."""
        if departed != self._farewell.keys:
            self._farewell.keys = departed
            self._contexts = self._contexts_for(self._keys)
            self._prove_history()

    def _prove_history(self) -> None:
        departed = self._farewell.keys
        self._reception.prove_history(NodeKeyring({**departed, **self._keys}) if departed else self._copies.keyring)

    def _contexts_for(self, keys: Mapping[str, bytes]) -> Contexts:
        departed = {name: key for name, key in self._farewell.keys.items() if name not in keys}
        return Contexts(self._identity, {name: key for name, key in keys.items() if name != self._me}, departed)

    async def close(self) -> None:
        """Goodbye to all peers; returns when all sockets are closed."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._doors.shut()
        for key in list(self.links):
            await self._unlink(key)
        for connection in list(self._strangers):
            connection.abort()
        await self._farewell.close()
        await self._doors.close()

    def identify(self, connection: Connection) -> None:
        """TLS has proved the key behind a connection: say hello, or refuse."""
        peer = self._contexts.peer_of(connection.channel)
        connection.peer = peer
        link = self.links.get((peer, connection.link))
        if peer not in self._keys:
            return self._farewell.turn_away(connection)
        if link is None:
            raise Refused(Reason.GARBAGE, f"{peer} has no link {connection.link}")
        if link.dials != bool(connection.expected):
            return self._asked(link, connection)
        hello = Hello(
            self._policy.cluster_id,
            self._me,
            connection.link,
            self._run,
            self.heads(),
            connection.sealer.key_id,
            connection.sealer.key,
        )
        connection.send_frame(Kind.HELLO, hello.encode())

    def _asked(self, link: Link, connection: Connection) -> None:
        """The node that is dialled asks whether it is still known (`asker`): it is, and shall be dialled."""
        if not connection.expected:
            connection.close()
            if link.connection is None:
                link.hurry()

    def heads(self) -> tuple[Head, ...]:
        """All durable heads, or the newest incarnations where a frame cannot hold them: no node continues an older one."""
        heads = self._source.heads()
        return heads if len(heads) <= HEADS_MAX else tuple(sorted(heads, key=lambda head: -head.incarnation)[:HEADS_MAX])

    def greeted(self, connection: Connection, hello: Hello) -> None:
        """The peer's hello: from here on the connection serves its link."""
        link = self.links.get((connection.peer, connection.link))
        if connection.peer not in self._keys:
            return  # it is being told that it was removed
        if hello.cluster != self._policy.cluster_id:
            raise Refused(Reason.WRONG_CLUSTER, f"{connection.peer} is in another cluster, with the same key")
        if link is None or (hello.node, hello.link) != (connection.peer, connection.link):
            raise Refused(
                Reason.GARBAGE, f"a hello of {hello.node} on {hello.link} from {connection.peer} on {connection.link}"
            )
        self._strangers.pop(connection, None)
        if self._reception.greeted(link, connection, hello, connection.began_ms):
            self._remember(link, Opener(hello.key_id, hello.key))
        else:
            connection.close()

    def removed(self, connection: Connection, removal: Removal) -> None:
        """The peer that we dialled does not know us any more."""
        if not connection.expected:
            raise Refused(Reason.GARBAGE, f"{connection.peer} dials us to say that it does not know us")
        self._post(RemovalShown(connection.peer, *removal))

    def framed(self, connection: Connection, kind: Kind, body: bytes) -> None:
        """One frame after the hello. A connection that another has replaced for good is not listened to."""
        link = self.links.get((connection.peer, connection.link))
        if link is None or not link.serves(connection):
            return
        try:
            self._reception.framed(link, connection, kind, body)
        except Refused as refused:
            self.tally.count(link.peer, link.name, refused)
        if wait_ms := self._appetite.eat(link.peer, len(body)):
            connection.rest(wait_ms)
            self._overfed(link.peer)

    def datagram(self, name: str, data: bytes, host: str) -> None:
        """One datagram on our link `name`, from any machine."""
        peer = STRANGER
        try:
            if not check_outside(data):
                return self._word_in_clear(data, host)
            link, opener = self._openers.get(key_id_of(data)) or _unknown()
            peer = link.peer
            if link.name != name:
                raise Refused(Reason.GARBAGE, f"a datagram for link {link.name}")
            self._reception.sealed(link, *opener.open(data))
        except Refused as refused:
            self.tally.count(peer, name, refused)

    def writable(self, connection: Connection) -> None:
        """A slow peer reads again."""
        link = self.links.get((connection.peer, connection.link))
        if link is not None and link.connection is connection:
            link.writable()

    def refused(self, connection: Connection, refused: Refused) -> None:
        """A connection broke the protocol."""
        self.tally.count(connection.peer or STRANGER, connection.link, refused)

    def lost(self, connection: Connection) -> None:
        """A connection has ended, from either side."""
        self._strangers.pop(connection, None)
        if serving := self._serving.pop(connection, None):
            serving.close()
        link = self.links.get((connection.peer, connection.link))
        if link is not None and link.lost(connection):
            self._post(LinkChanged(link.peer, link.name, False))

    def _accept(self, name: str) -> Connection:
        connection = Connection(self._contexts.accept(), name, self, self._clock_ms())
        self._strangers[connection] = None
        if len(self._strangers) > STRANGERS_MAX:
            oldest = next(iter(self._strangers))
            self._strangers.pop(oldest)
            self.tally.count(STRANGER, oldest.link, Refused(Reason.TLS, f"more than {STRANGERS_MAX} unproved connections"))
            oldest.abort()
        return connection

    async def _dial(self, link: Link) -> Connection | None:
        return await dial(link, Connection(self._contexts.dial(link.peer), link.name, self, self._clock_ms(), link.peer))

    def _link(self, key: tuple[str, str], local: Address, remote: Address) -> None:
        peer, name = key
        must(key not in self.links, f"{peer} on {name}: the link that stands ends before another takes its place")
        dead_ms = self._policy.timing.dead_ms
        link = Link(peer, name, local, remote, self._me < peer, self._doors.sender(name), dead_ms)
        self.links[key] = link
        if link.dials:
            dialer = Dialer(link, self._dial)
            link.hurry = dialer.hurry
        self._dialers[key] = dialer if link.dials else Asker(link, self._dial)
        self._dialers[key].start()

    async def _unlink(self, key: tuple[str, str]) -> None:
        """End a link: its connection says goodbye while the link is still known, so that its end is told as any other."""
        link = self.links[key]
        if dialer := self._dialers.pop(key, None):
            await dialer.close()
        while (connection := link.connection) is not None:
            connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S_MAX):
                    await connection.closed.wait()
            connection.abort()
            await connection.closed.wait()
        del self.links[key]
        self._openers = {key_id: found for key_id, found in self._openers.items() if found[0] is not link}

    def _remember(self, link: Link, opener: Opener) -> None:
        older = [key_id for key_id, found in self._openers.items() if found[0] is link]
        for key_id in older[: len(older) + 1 - OPENERS_PER_LINK]:
            del self._openers[key_id]
        self._openers[opener.key_id] = (link, opener)

    def _serve(self, connection: Connection, want: Want) -> None:
        if connection not in self._serving:
            self._serving[connection] = Serving(connection, self._source)
        self._serving[connection].ask(want)

    def _word_in_clear(self, data: bytes, host: str) -> None:
        """A flood from elsewhere must not use up what a peer's guard may say: each peer's address counts for itself."""
        key = host if host in self._hosts else STRANGER
        self._words[key] += 1
        if self._words[key] > WORDS_IN_CLEAR_PER_S:
            raise Refused(Reason.GARBAGE, f"more than {WORDS_IN_CLEAR_PER_S} last words in clear within a second")
        self._reception.in_clear(last_word_body(data))

    def _tick(self) -> None:
        self._words.clear()
        now_ms = self._clock_ms()
        for link in self.links.values():
            link.ping(now_ms)
        self._ticker = asyncio.get_running_loop().call_later(PING_S, self._tick)


def _pairs(policy: Policy, me: str) -> dict[tuple[str, str], tuple[Address, Address, bytes]]:
    """(peer, link) to our address, the peer's, and its key: the links that both have."""
    own = policy.nodes[me].links
    return {
        (peer, name): (own[name], remote, policy.nodes[peer].key)
        for peer in policy.others(me)
        for name, remote in policy.nodes[peer].links.items()
        if name in own
    }


def _unknown() -> tuple[Link, Opener]:
    raise Refused(Reason.UNKNOWN_KEY, "a datagram sealed with a key that no peer gave us")
