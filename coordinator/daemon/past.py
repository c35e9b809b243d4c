"""What a starting node must know of its own feed before its core is there: gathered while the log is looked at.

    journal = await Journal.open(..., notice=partial(Past.of, me))
    journal.noticed.owned(), journal.noticed.ends_clean, journal.noticed.untold(journal.cuts)

The log may be long, so nothing is kept but the events that these questions need.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from coordinator.core import configurations
from coordinator.core.pieces import text_of, whole
from coordinator.policy import Policy, ServicePolicy
from coordinator.state.file_v1 import read_policy
from protocol.event import Entry, Event
from protocol.kinds import Kind
from store.cuts import Cut, cuts_told

CONFIGURING = frozenset({Kind.CONFIG_APPLIED, Kind.CONFIG_PART})


@dataclass(slots=True)
class Past:
    me: str
    configured: list[Event] = field(default_factory=list)
    """The own events that a configuration is made of."""
    told: list[Cut] = field(default_factory=list)
    last: Event | None = None
    """The own newest event."""

    @classmethod
    def of(cls, me: str, entries: Iterable[Entry]) -> "Past":
        """`entries`: all of a log, in order inside each feed, older incarnations first."""
        past = cls(me)
        for entry in entries:
            if entry.event.node == me:
                past._add(entry.event)
        return past

    def _add(self, event: Event) -> None:
        self.last = event
        if event.kind in CONFIGURING:
            self.configured.append(event)
        elif event.kind == Kind.TAIL_CUT:
            self.told += cuts_told(event)

    @property
    def ends_clean(self) -> bool:
        """Whether the own newest feed ends in node-stopped."""
        return self.last is not None and self.last.kind == Kind.NODE_STOPPED

    def owned(self) -> tuple[ServicePolicy, ...]:
        """What this node might own by the configuration under which it last ran."""
        last = next((event for event in reversed(self.configured) if event.kind == Kind.CONFIG_APPLIED), None)
        text = text_of(last, whole(self.configured)) if last else None
        policy = read_policy(text) if text else None
        return policy.owned_by(self.me) if policy else ()

    def ran(self) -> list[Policy]:
        """Every file that this node has lived by."""
        return configurations.ran(self.me, self.configured)

    def untold(self, cuts: Sequence[Cut]) -> tuple[Cut, ...]:
        """The cuts of which no event of ours tells: what no peer can complete is missing again at every start."""
        return tuple(cut for cut in cuts if not any(cut[:3] == known[:3] and cut.last <= known.last for known in self.told))
