"""One machine as it stands between two inputs: its core, its disk, its gate, and what we know of what it has promised.

    life = Life("a")                            # without power, with an empty disk
    life.may_answer(now_ms)                     # its address is up, and the kernel may still let it answer
    life.broken(vote, now_ms)                   # the promises that a vote would break

Every instant in it is one of its own clock, which shows `at_ms` when it is looked at for the last time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from protocol.event import Entry, Ref

Feed = tuple[str, int]


class Promise(NamedTuple):
    """A voter has heard a holder ask, or has voted for a candidate: until then no other may have its vote."""

    holder: str
    run: bytes
    epoch: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Life:
    name: str
    at_ms: int = 0
    frozen: bytes = b""
    """The core, as `Shared.freeze` keeps it; empty while the machine is off."""
    wake_ms: int = 0
    run: bytes = b""
    runs: int = 0
    disk: Mapping[Feed, tuple[Entry, ...]] = field(default_factory=dict)
    up: bool = False
    """Its address is there."""
    gate_ms: int = 0
    """Until when it may answer at the latest: the end of the lease that the kernel knew last, and what stopping takes."""
    promised: tuple[Promise, ...] = ()
    over: frozenset[Ref] = frozenset()
    """The claims of this run whose leases were seen to have ended."""
    epoch: int = 0
    """Of its last claim."""
    holds: bool = False

    @property
    def on(self) -> bool:
        return bool(self.frozen)

    def may_answer(self, now_ms: int) -> bool:
        return self.on and self.up and now_ms < self.gate_ms

    def may_own_by(self, promise: Promise) -> bool:
        """Whether what was promised may still be used: by the run that asked for it, for a holding that has not ended."""
        ended = self.epoch > promise.epoch or (self.epoch == promise.epoch and not self.holds)
        return self.on and self.run == promise.run and not ended

    def feed(self, feed: Feed, first: int) -> tuple[Entry, ...]:
        return self.disk.get(feed, ())[first - 1 :]


def stored(disk: Mapping[Feed, tuple[Entry, ...]], entries: tuple[Entry, ...]) -> dict[Feed, tuple[Entry, ...]]:
    """A commit: what is there already is left alone."""
    found = dict(disk)
    for entry in entries:
        feed = (entry.event.node, entry.event.incarnation)
        if entry.event.number == len(found.get(feed, ())) + 1:
            found[feed] = (*found.get(feed, ()), entry)
    return found
