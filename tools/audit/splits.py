"""`failaudit splits`: every time that two nodes held one service, from the second claim until one was left.

splits_of(evidence)         # over all services, in the order of their beginning
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from coordinator.core.ballots import MAJORITY
from coordinator.policy import Policy
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import Event, Ref
from protocol.kinds import Kind
from protocol.moment import lasting
from store.findings import Finding, Flaw
from tools.audit.clock import show
from tools.audit.evidence import Evidence, gather
from tools.audit.history import NOTHING, History
from tools.audit.knowledge import End, open_ends, reach
from tools.audit.options import asked_for, auditing, is_source, settings
from tools.audit.owners_at import Held, Tenure, keeps
from tools.audit.showing import print_json, print_lines

TURNS = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.DOWN, Kind.NODE_STARTED, Kind.GAP_DECLARED, Kind.FENCED, Kind.LAST_WORD, Kind.UP,
        Kind.VOTE, Kind.FENCE_RESULT,
    }
)  # fmt: skip
"""Kinds after which the holders may be others."""

SURVIVAL = "survival"
"""The rule where none decided: the holder that would have won has ended in another way."""


@dataclass(slots=True)
class Split:
    service: str
    began: Ref
    """The event with which the second holder appeared."""
    from_ms: int
    owners: set[str] = field(default_factory=set)
    to_ms: int | None = None
    winner: str | None = None
    rule: str = ""
    reclaimed_ms: int | None = None
    knew: dict[str, Ref] = field(default_factory=dict)
    """Node to its first claim or reclaim that knew of this split: its announcement is an answer to it."""

    def as_json(self, open_ends: Iterable[End] = ()) -> dict[str, Any]:
        return {
            "service": self.service,
            "from": show(self.from_ms),
            "from_ms": self.from_ms,
            "to": None if self.to_ms is None else show(self.to_ms),
            "to_ms": self.to_ms,
            "owners": sorted(self.owners),
            "winner": self.winner,
            "rule": self.rule,
            "reclaimed_at": None if self.reclaimed_ms is None else show(self.reclaimed_ms),
            "reclaimed_at_ms": self.reclaimed_ms,
            "open_ends": [end.as_json() for end in open_ends],
        }

    def __str__(self) -> str:
        until = f"until {show(self.to_ms)} ({lasting(self.to_ms - self.from_ms)})" if self.to_ms is not None else "and still"
        announced = f"announced again at {show(self.reclaimed_ms)}" if self.reclaimed_ms is not None else "NOT announced again"
        owners = " and ".join(sorted(self.owners))
        kept = "is the only one left" if self.rule == SURVIVAL else keeps(self.rule)
        return f"{self.service}: {owners} from {show(self.from_ms)} {until}; {self.winner} {kept}, {announced}"


@click.command()
@auditing("[SERVICE] [SOURCE]...")
def splits(words: tuple[str, ...]) -> None:
    """Every split: from when to when, which nodes, which of them kept the service by which rule, and when it announced it
    again."""
    named = [word for word in words if not is_source(word)]
    evidence = gather(asked_for(tuple(word for word in words if word not in named)).sources)
    wanted = {evidence.service(name) for name in named}
    every, state = _played(evidence)
    found = [split for split in every if not wanted or split.service in wanted]
    if settings().json:
        print_json([split.as_json(_open_ends(evidence, state, split)) for split in found])
    else:
        services = wanted or {*evidence.policy.services, *evidence.history.services}
        ends = ", ".join(map(str, reach(evidence, state, services)))
        said = [str(split) for split in found] or ["no split: at no time did two nodes hold one service"]
        print_lines([*said, f"known: {ends}; what a node did after that is not here"])


def splits_of(evidence: Evidence) -> list[Split]:
    """Every split of the history, also those that last. An end and a claim in one millisecond are none."""
    return _played(evidence)[0]


def _played(evidence: Evidence) -> tuple[list[Split], State]:
    watch = Watch(evidence.history, evidence.policy)
    state = evidence.history.begin
    for event in evidence.history.order:
        state = reduce(state, event)
        watch.see(state, event)
    return watch.splits, state


def _open_ends(evidence: Evidence, state: State, split: Split) -> list[End]:
    """Feeds that do not reach the end of a split; where it lasts, the last event that is here."""
    last_ms = max(evidence.history.at_ms.values(), default=0) if split.to_ms is None else split.to_ms
    return open_ends(evidence, state, split.service, last_ms)


class Watch:
    """The splits of a history, found as it is played."""

    def __init__(self, history: History, policy: Policy):
        self._history = history
        self._tenure = Tenure(history, policy)
        self._found: list[Split] = []
        self._current: dict[str, Split] = {}

    @property
    def splits(self) -> list[Split]:
        return [split for split in self._found if split.to_ms != split.from_ms]

    def see(self, state: State, event: Event) -> None:
        """`state`: with this event."""
        if event.kind not in TURNS:
            return
        for service in [event.service] if event.service else self._history.services:
            split = self._current.get(service)
            if split is not None or len(self._tenure.owners(state, service)) > 1:
                self._follow(self._tenure.at(state, service), split, event)
        _answered(self._history, self._found, event)

    def _follow(self, held: Held, split: Split | None, event: Event) -> None:
        """`split`: the one that goes on; None where one begins."""
        at_ms = self._history.at_ms[event.ref]
        if split is None:
            split = self._current[held.service] = Split(held.service, event.ref, at_ms)
            self._found.append(split)
        split.owners |= set(held.owners)
        if held.split or held.owner == split.winner:
            split.winner, split.rule = held.owner, held.rule
        elif held.owner:
            split.winner, split.rule = held.owner, SURVIVAL
        if not held.split:
            split.to_ms = max(at_ms, split.from_ms)
            del self._current[held.service]


def _answered(history: History, found: list[Split], event: Event) -> None:
    """The winner's `up` after a reclaim tells the neighbours again who answers. That is the answer to the newest split that the
    reclaim knew, and to each one of which no claim of the winner had known before. What it knew says its feed, and no clock.
    """
    here = [split for split in found if split.service == event.service]
    if event.kind in (Kind.CLAIM, Kind.RECLAIM):
        for split in here:
            if _knew(history, event.ref, split.began):
                split.knew.setdefault(event.node, event.ref)
    elif event.kind == Kind.UP:
        for reclaim in (cause for cause in event.causes if cause in history.lives.reclaims):
            known = [split for split in here if _knew(history, reclaim, split.began)]
            for split in known:
                answers = split is known[-1] or split.knew.get(event.node) == reclaim
                if answers and split.winner == event.node and split.reclaimed_ms is None:
                    split.reclaimed_ms = history.at_ms[event.ref]


def _knew(history: History, claim: Ref, ref: Ref) -> bool:
    """Whether the author of a claim knew of an event of its own or of another node."""
    return ref < claim if ref.node == claim.node else history.knew.get(claim, {}).get(ref.node, NOTHING)[1:3] >= ref[1:]


def split_findings(splits: Iterable[Split], policy: Policy) -> Iterator[Finding]:
    """Two owners are an accident under `serve` and a broken promise under any other policy."""
    for split in splits:
        service = policy.services.get(split.service)
        if service is not None and service.partition != "serve":
            until = show(split.to_ms) if split.to_ms is not None else "the end of these logs"
            held = f"{' and '.join(sorted(split.owners))} held {split.service} from {show(split.from_ms)} until {until}"
            shown = ", and no votes show that either lease was over" if service.partition == MAJORITY else ""
            yield Finding(Flaw.SPLIT, *split.began, f"{held}, under partition = {service.partition}{shown}")
