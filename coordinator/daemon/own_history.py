"""What a starting node must know of its own feed before its core is there: gathered while the log is looked at.

    reading = Reading(me, policy)
    journal = await Journal.open(..., keyring=reading.keyring, notice=reading.past)
    journal.noticed.owned(), journal.noticed.ends_clean, journal.noticed.untold(journal.cuts)
    core = Core(me, policy, run, journal.noticed.folded or journal.entries(), now, ran=journal.noticed.ran())

The log may be long, so nothing is kept but the events that these questions need, and it is folded while it is proved. The fold
must know first which files this node has lived by: before anything is proved they are looked for by their names. Where the
proved events say otherwise, what was folded is dropped, and the log is read once more.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from coordinator.policy import Policy, ServicePolicy
from coordinator.state import configurations
from coordinator.state.folded import Folded
from coordinator.state.pieces import text_of, whole
from coordinator.state.stored_file import read_policy
from coordinator.trust import known_keys
from protocol.canonical import NotCanonical
from protocol.event import Entry, Event, decode
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from store.cuts import Cut, cuts_told
from store.walk import Rows

CONFIGURING = frozenset({Kind.CONFIG_APPLIED, Kind.CONFIG_PART})


@dataclass(slots=True)
class Past:
    me: str
    configured: list[Event] = field(default_factory=list)
    """The own events that a configuration is made of."""
    told: list[Cut] = field(default_factory=list)
    last: Event | None = None
    """The own newest event."""
    folded: Folded | None = None
    """The log as this node's core begins with it; None where it must be read once more for that."""

    @classmethod
    def of(cls, me: str, entries: Iterable[Entry], folded: Folded | None = None) -> "Past":
        """`entries`: all of a log, in order inside each feed, older incarnations first."""
        past = cls(me, folded=folded)
        for entry in entries:
            if entry.event.node == me:
                past._add(entry.event)
            if folded is not None:
                folded.add(entry)
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


class Reading:
    """How a starting node reads its log. See the module."""

    def __init__(self, me: str, policy: Policy):
        self._me, self._policy = me, policy
        self._ran: list[Policy] = []

    def keyring(self, rows: Rows) -> NodeKeyring:
        """Whose keys prove these rows; asked before any of them is looked at."""
        self._ran = configurations.ran(self._me, _read(rows.naming(self._me, sorted(CONFIGURING))))
        return NodeKeyring(known_keys(self._policy, rows, rows.nodes()))

    def past(self, entries: Iterable[Entry]) -> Past:
        past = Past.of(self._me, entries, Folded.begin(self._me, self._policy, ran=self._ran))
        if [policy.digest for policy in past.ran()] != [policy.digest for policy in self._ran]:
            past.folded = None
        return past


def _read(found: Iterable[bytes]) -> Iterator[Event]:
    for raw in found:
        if type(raw) is not bytes:
            continue  # a tampered file may hold anything; the walk says so
        with contextlib.suppress(NotCanonical):
            event = decode(raw)
            if event.kind in CONFIGURING:
                yield event
