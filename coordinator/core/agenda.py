"""About which services the table is to be asked now, and when it is to be asked again.

    if agenda.is_due(news, outlook, at_beat):   # most inputs change nothing on which a decision rests
        names = agenda.asked(news, outlook, at_beat, seen)
        agenda.settled(name, wake_ms, ...)      # for each, when it has nothing more to say
        agenda.close(wakes_ms)

Nothing is marked as changed: what the table is given is compared with what it was given when it was last asked.
"""

from collections.abc import Iterable
from typing import NamedTuple

from coordinator.core.context import ALL, Context, News
from coordinator.core.dependants import Dependants
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.fitness import Fitness
from coordinator.core.rounds import Round
from coordinator.core.services import Services
from coordinator.core.wakes import NEVER_MS, Wakes
from coordinator.policy import Policy
from coordinator.state.model import Judgement

BEGUN_MS = 3
"""After something was begun, until what follows from it is looked at: by then its claim is stored, or its step has ended."""

BEGUN_MAX = 32
"""Services that are begun in one turn, claims that wait for disk and guard included; the others follow. A thousand at once
would take half a second, their claims as long again when they are durable, and our heartbeats would wait for both."""


class Outlook(NamedTuple):
    """What all services rest on besides the feeds, as far as it is quickly looked at after each input: what time alone can
    change, timers apart (a silence that has become doubt, a disk that hangs), and what is in no event."""

    unfit_because: str
    judgements: tuple[Judgement, ...]
    policy: Policy | None = None
    disowned: tuple[str, ...] = ()
    """The peers that have said that they do not know this node."""


class Agenda:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        services: Services,
        fitness: Fitness,
        dependants: Dependants,
    ) -> None:
        self.context, self.liveness, self.services, self.fitness = context, liveness, services, fitness
        self.dependants = dependants
        self.wakes = Wakes()
        """The first timer of each service, as it was when the table was last asked about it."""
        self.review_ms = NEVER_MS
        """When the first timer of a decision is over, as the last review saw it: most heartbeats change nothing about it."""
        self.outlook = Outlook("", ())
        """As the last review saw it."""
        self.outside: tuple[object, ...] = ()
        """What the table was given for all services alike when it was last asked, apart from how long each peer was silent."""
        self.current: frozenset[str] = frozenset()
        """The peers whose newest events were here when the table was last asked."""
        self.hears_us: frozenset[str] = frozenset()
        """The living peers that have heard us within `dead`, by their own word, as the table was last asked."""
        self.shared: set[str] = set()
        """Services that another node holds beside us, by its feed."""
        self.undecided: set[str] = set()
        """Services about which the table was asked while the newest events of a living peer were not here."""
        self.postponed: dict[str, None] = {}
        """Services whose turn did not come, since many wanted one: in this order they follow."""

    def is_due(self, news: News, outlook: Outlook, at_beat: bool) -> bool:
        """`at_beat`: what was begun and waits for its turn is looked at again."""
        if news.peers or news.services or self.context.subjects or self.context.now_ms >= self.review_ms:
            return True
        return outlook != self.outlook or (at_beat and bool(self.services.busy or self.shared))

    def asked(self, news: News, outlook: Outlook, at_beat: bool, seen: Round) -> set[str] | None:
        """The services that are to be asked about; None for all of them."""
        told, subjects = seen.told, self.context.subjects
        peers = tuple((name, p.judgement, p.fit, p.agrees, p.same_run) for name, p in told.peers.items())
        outside = (*peers, told.fit, told.unfit_because, told.refused, seen.behind)
        current = frozenset(name for name, peer in told.peers.items() if peer.current)
        as_before = outlook == self.outlook and outside == self.outside
        came, went = current - self.current, self.current - current
        self.outlook, self.outside, self.current = outlook, outside, current
        due = self.wakes.take_due(self.context.now_ms)
        if ALL in subjects or not as_before:
            return None
        hears_us = frozenset(name for name in seen.alive if self.liveness.is_heard_by(name))
        if at_beat or hears_us != self.hears_us:  # it decides which of two holders gives way, and is in no event
            due |= self.shared
        self.hears_us = hears_us
        due |= subjects | news.services | self.services.barred.keys() | self.dependants.relatives(subjects | news.services)
        if at_beat:
            due |= self.services.busy
        if came:
            due |= self.undecided
        if went:
            due.update(name for name, timers in self.services.timers.items() if timers.ready)
        return due

    def settled(self, name: str, wake_ms: int, *, shared: bool, undecided: bool) -> None:
        """The table has nothing more to say about this service before that time, as far as time alone goes."""
        self.wakes.wake(name, wake_ms)
        (self.shared.add if shared else self.shared.discard)(name)
        (self.undecided.add if undecided else self.undecided.discard)(name)

    def forget(self, name: str) -> None:
        self.wakes.forget(name)

    def close(self, wakes_ms: Iterable[int]) -> None:
        """It was asked until nothing was left to say, also about what was written meanwhile. `wakes_ms`: when time changes
        what is known of peers."""
        context = self.context
        related = self.dependants.relatives(context.take_subjects())
        if related:
            self.postpone([name for name in self.services.jobs if name in related])
        if self.postponed and len(self.services.armed()) < BEGUN_MAX:
            self.review_ms = context.now_ms + BEGUN_MS
        else:
            wakes = (self.wakes.first_ms, self.fitness.stalled_until_ms, *wakes_ms, NEVER_MS)
            self.review_ms = min(ms for ms in wakes if ms > context.now_ms)

    # --- what has to wait -----------------------------------------------------------------------------------------

    def postpone(self, names: Iterable[str]) -> None:
        """Behind those that wait already: no news keeps them waiting for ever."""
        self.postponed.update(dict.fromkeys(names))

    def takes(self, name: str) -> None:
        """Its turn has come."""
        self.postponed.pop(name, None)

    def next_postponed(self) -> str:
        name = next(iter(self.postponed))
        del self.postponed[name]
        return name
