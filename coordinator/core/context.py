"""What all parts of the core share: who we are, the time of this input, the state and our feed, and what was ordered.

    context.write("", Pulse(gaps={}), ())       # an event of ours: in the state at once, on the disk when `Durable` says so
    context.fold(event)                         # one of a peer
    context.emit(Beat(...))                     # an order; the shell performs them as they come

A part owns its fields, and no other part writes on them. It is given this and the parts that it asks, and it returns what
concerns others: `News` where it takes an input in. What is shared changes by the methods here and by no other way.
"""

from typing import NamedTuple

from coordinator.core.effects import Effect
from coordinator.core.feed_writer import FeedWriter
from coordinator.core.inputs import Now
from coordinator.policy import Policy
from coordinator.state.folded import Folded
from coordinator.state.model import NodeState, State
from coordinator.state.reducer import Told, fold
from protocol.event import Entry, Event, Ref
from protocol.events import Body, Malformed
from protocol.invariant import InvariantBroken, must
from protocol.kinds import Kind
from protocol.messages import LastWord

UNDECIDING = frozenset(
    {Kind.ACTION_STARTED, Kind.LINK_UP, Kind.LINK_DOWN, Kind.PULSE, Kind.JUDGED, Kind.CONFIG_PART}
)  # fmt: skip
"""No row of the decide table can say anything else because of these."""

FIRST = frozenset({Kind.GAP_DECLARED, Kind.NODE_STARTED})
"""With these a run begins: the feed that it continues may end in the last event of another."""

ALL = ""
"""In place of a service: what all of them rest on. An event that is about no service names it so."""


class News(NamedTuple):
    """What a part returns when it has taken an input in: what is to be asked about, besides what the events tell."""

    services: frozenset[str] = frozenset()
    peers: bool = False
    """A peer has said something new, or may be current by events that have come."""


NOTHING_ELSE = News()
"""What followed from the input is done; and time has passed."""


def about(news: News | None, services: frozenset[str]) -> News | None:
    """The same news, and that these services are to be asked about."""
    if not services:
        return news
    return (news or NOTHING_ELSE)._replace(services=services | (news or NOTHING_ELSE).services)


class Context:
    def __init__(self, me: str, policy: Policy, run: bytes, folded: Folded, now: Now) -> None:
        must(len(run) == 8, "a run has 8 bytes")
        self.me, self.run = me, run
        self.policy, self.beside = policy, policy.beside(me)
        self.former: Policy | None = None
        """The configuration before the present one, in this run."""
        self.state, self.feeds = folded.state, folded.feeds
        self.writer = FeedWriter(policy.cluster_id, me, self.feeds, durable=self.feeds.newest.get(me))
        self.out: list[Effect] = []
        self.subjects: set[str] = set()
        """The services that the events were about which were folded since the table was last asked; with ALL among them where
        one was about none."""
        self._unattested_ms: int | None = None
        """When the first event came that no pulse of ours attests yet."""
        self.now, self.now_ms = now, now.mono_ms

    def begin(self, now: Now) -> list[Effect]:
        """Another input: what is ordered from here on is in this list."""
        must(now.mono_ms >= self.now_ms, "the monotonic clock ran backwards")
        self.now, self.now_ms, self.out = now, now.mono_ms, []
        return self.out

    # --- orders ---------------------------------------------------------------------------------------------------

    def emit(self, effect: Effect) -> None:
        self.out.append(effect)

    def emit_before(self, kind: type[Effect], effect: Effect) -> None:
        """Before the first order of this kind; at the end where there is none."""
        first = next((at for at, ordered in enumerate(self.out) if isinstance(ordered, kind)), len(self.out))
        self.out.insert(first, effect)

    def last_word(self, service: str, epoch: int) -> LastWord:
        return LastWord(self.policy.cluster_id, self.me, self.run, service, epoch)

    # --- events ---------------------------------------------------------------------------------------------------

    def write(self, service: str, body: Body, causes: tuple[Ref, ...]) -> Entry:
        """The next event of our feed; its kind is that of the body. `service`: empty where it is about no service."""
        must(not self.over or body.KIND in FIRST, f"nothing stands behind node-stopped, and {body.KIND} would")
        entry = self.writer.write(service, body, causes, self.now)
        told = Told.of(entry.event)
        if isinstance(told.typed, Malformed):
            raise InvariantBroken(f"we would write what no reader takes: {told.typed.text}")
        self._fold(told)
        head = self.column.head
        if head is None or head[:3] != entry.head[:3]:
            raise InvariantBroken(f"our own event {entry.head[:3]} is not the newest of our column: {head}")
        return entry

    def note(self, body: Body, causes: tuple[Ref, ...] = ()) -> Entry | None:
        """An observation, which the log can do without while the disk refuses or we do not know our feed."""
        if not self.joined or self.disk_refuses or self.over:
            return None
        return self.write("", body, causes)

    def fold(self, event: Event) -> None:
        """An event has come to be, here or elsewhere."""
        self._fold(Told.of(event))

    def _fold(self, told: Told) -> None:
        event = told.event
        before, self.state = self.state, fold(self.state, told)
        if event.kind != Kind.PULSE and self._unattested_ms is None:
            self._unattested_ms = self.now_ms
        if event.kind not in UNDECIDING and not self._went_as_it_should(event, before):
            self.subjects.add(event.service)

    def _went_as_it_should(self, event: Event, before: State) -> bool:
        """The end of an action in the middle of a sequence: nothing can be decided anew, and what follows waits
        for no table."""
        if event.kind != Kind.ACTION_FINISHED:
            return False
        service, node = event.service, event.node
        return self.state.column(node).service(service) is before.column(node).service(service)

    def rewind(self, state: State) -> None:
        """To what is on the disk: it refused the rest."""
        self.state = state

    def take_subjects(self) -> set[str]:
        """What was folded since they were last taken."""
        taken, self.subjects = self.subjects, set()
        return taken

    def take_unattested_ms(self) -> int | None:
        """When the first event came to be since this was last asked. A pulse is no news: else two nodes would keep each other
        awake."""
        since_ms, self._unattested_ms = self._unattested_ms, None
        return since_ms

    def adopt(self, policy: Policy) -> None:
        """From here on this configuration counts."""
        self.former, self.policy, self.beside = self.policy, policy, policy.beside(self.me)

    # --- what follows from these ----------------------------------------------------------------------------------

    @property
    def column(self) -> NodeState:
        return self.state.column(self.me)

    @property
    def joined(self) -> bool:
        """Our own feed is known, and open."""
        return self.writer.incarnation > 0

    @property
    def over(self) -> bool:
        """This run has said its last event."""
        return self.writer.incarnation > 0 and not self.column.running

    @property
    def disk_refuses(self) -> bool:
        return self.writer.refused_ms is not None
