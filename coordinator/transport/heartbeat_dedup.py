"""One heartbeat arrives up to four times for two links: verified once, believed on each way, refused when replayed.

    verified = copies.read(body, ("genesis", "lan", "tls"))     # raises Refused; None for one that comes too late
    verified = copies.relayed(body)                             # by a third node, as often as it likes
    copies.begin("genesis", run, began_ms)                      # said in a hello: its earlier runs are over

A way is a peer, a link and a transport. The same heartbeat on another way is a copy; on the same way it is a replay, and so is
one of a run that is over. A counter far behind its run's newest that never came by this way is late: a stream that stood still
delivers what the datagrams have overtaken. It tells nothing any more, and no peer is at fault.

Which of two runs is over is told by when their connections began, never by which hello came last: a process that was killed
leaves a hello in the kernel's buffers, and a lossy way may deliver it behind that of the next run.
"""

from collections import deque
from dataclasses import dataclass, field

from protocol.bodies import read_signed
from protocol.invariant import must
from protocol.messages import Heartbeat, Keyring, Verified, open_heartbeat
from protocol.refusals import Reason, Refused
from protocol.window import Window

KEPT_MIN = 64
KEPT_MS = 5000
"""Heartbeats of one run that may still be copied: for longer than a stream can stall and live (USER_TIMEOUT_MS)."""

LIVES_KEPT = 4
"""Runs of one node that we listen to at once: while it restarts, a relayed heartbeat may come from either."""

OVER_KEPT = 64
"""Runs of one node known to be over."""

Way = tuple[str, str, str]
"""Peer, link, transport."""


@dataclass(slots=True)
class Copy:
    verified: Verified[Heartbeat]
    body: bytes
    life: "Life"
    late: bool
    """It is not kept."""


@dataclass(slots=True)
class Life:
    """One run of one node."""

    newest: int = 0
    copies: dict[int, Copy] = field(default_factory=dict)
    came: dict[Way, Window] = field(default_factory=dict)

    def forget(self, newest: int, kept: int) -> list[Copy]:
        """A new newest counter: what falls out of the window."""
        must(newest > self.newest, f"the newest heartbeat {newest} of a run comes after {self.newest}")
        self.newest = newest
        old = [counter for counter in self.copies if counter <= newest - kept]
        return [self.copies.pop(counter) for counter in old]


class Copies:
    def __init__(self, me: str, keyring: Keyring, cluster: bytes, heartbeat_ms: int) -> None:
        self.keyring = keyring
        self.beats(heartbeat_ms)
        self._me = me
        self._cluster = cluster
        self._lives: dict[str, dict[bytes, Life]] = {}
        self._over: dict[str, deque[bytes]] = {}
        self._proved: dict[str, tuple[int, bytes]] = {}
        """Of each node the newest connection that has proved a run, by when it began, and that run."""
        self._bodies: dict[bytes, Copy] = {}
        self._before: Heartbeat | None = None
        """The newest of any node: while nothing happens, all have the same heads."""

    def beats(self, heartbeat_ms: int) -> None:
        """With another timing another number of heartbeats may still be copied."""
        self.kept = max(KEPT_MIN, KEPT_MS // heartbeat_ms)

    def read(self, body: bytes, way: Way) -> Verified[Heartbeat] | None:
        """The verified heartbeat, or None where it is late; raises Refused."""
        copy = self._bodies.get(body) or self._new(body)
        heartbeat = copy.verified.message
        if heartbeat.node != way[0]:
            raise Refused(Reason.REPLAYED, f"a heartbeat of {heartbeat.node} as if it were {way[0]}'s")
        came = copy.life.came.get(way)
        if came is None:
            came = copy.life.came[way] = Window()
        if not came.is_new(heartbeat.counter, self.kept):
            raise Refused(Reason.REPLAYED, f"heartbeat {heartbeat.counter} of a run that is at {copy.life.newest}, by {way[2]}")
        came.remember(heartbeat.counter, self.kept)
        return None if copy.late else copy.verified

    def relayed(self, body: bytes) -> Verified[Heartbeat] | None:
        """The same for a heartbeat that a third node passes on: it repeats it until we hear for ourselves."""
        copy = self._bodies.get(body) or self._new(body)
        return None if copy.late else copy.verified

    def begin(self, node: str, run: bytes, began_ms: int) -> bool:
        """`node` proved, over a TLS connection that began here at `began_ms`, that this is its run: its others are over.

        False where another run was proved by a connection that began later: this one was over before its hello came.
        """
        newest_ms, newest = self._proved.get(node, (began_ms, run))
        if began_ms < newest_ms and run != newest:
            return False
        self._proved[node] = max(newest_ms, began_ms), run
        over = self._over.get(node)
        if over is not None and run in over:
            over.remove(run)
        lives = self._lives.setdefault(node, {})
        for old in [other for other in lives if other != run]:
            self._end(node, old)
        lives.setdefault(run, Life())
        return True

    def _new(self, body: bytes) -> Copy:
        verified = open_heartbeat(*read_signed(body), self.keyring, self._cluster, self._before)
        heartbeat = self._before = verified.message
        if heartbeat.node == self._me:
            raise Refused(Reason.REPLAYED, "our own heartbeat")
        life = self._life(heartbeat)
        if heartbeat.counter in life.copies:
            raise Refused(Reason.REPLAYED, f"another heartbeat {heartbeat.counter} than the one that came before")
        if heartbeat.counter <= life.newest - self.kept:
            return Copy(verified, body, life, late=True)
        if heartbeat.counter > life.newest:
            for old in life.forget(heartbeat.counter, self.kept):
                self._bodies.pop(old.body, None)
        copy = life.copies[heartbeat.counter] = self._bodies[body] = Copy(verified, body, life, late=False)
        return copy

    def _life(self, heartbeat: Heartbeat) -> Life:
        if heartbeat.run in self._over.get(heartbeat.node, ()):
            raise Refused(Reason.REPLAYED, "a heartbeat of a run that is over")
        lives = self._lives.setdefault(heartbeat.node, {})
        if heartbeat.run not in lives and len(lives) >= LIVES_KEPT:
            self._drop(lives.pop(next(iter(lives))))
        return lives.setdefault(heartbeat.run, Life())

    def _end(self, node: str, run: bytes) -> None:
        self._drop(self._lives[node].pop(run))
        self._over.setdefault(node, deque(maxlen=OVER_KEPT)).append(run)

    def _drop(self, life: Life) -> None:
        for copy in life.copies.values():
            self._bodies.pop(copy.body, None)
