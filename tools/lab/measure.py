"""One measurement: from a moment on, what the client lost and what the bystander saw, for IPv4 and IPv6.

measure = Measure(lab)                  # now
lab.failc(...)                          # something happens
measure.until_answered_by("genesis")
seen = measure.seen()[4]                # seen.outage_ms, seen.two_owners_ms, seen.before, seen.after
"""

import time
from typing import NamedTuple

from tools.lab import outage
from tools.lab.lab import Lab
from tools.lab.watchers import FAMILIES

STEADY_NS = 100_000_000
"""An owner that alone answered for so long (50 questions) has taken over."""
SETTLE_NS = 60_000_000
"""Records are written every 20 ms; a window ends so long ago that all of them are there."""


class Seen(NamedTuple):
    """Times of one family, in ms. `tool_late_ms` is how late the prober itself was at worst: what it may have added."""

    outage_ms: float
    two_owners_ms: float
    before: str
    after: str
    tool_late_ms: float


class Measure:
    def __init__(self, lab: Lab):
        self.lab = lab
        self.began_ns = time.monotonic_ns()

    def until_answered_by(self, name: str, deadline_s: float = 15.0) -> None:
        """Wait until this node alone has answered every question of the last 100 ms, in both families."""
        self.lab.wait_until(lambda: self.is_steady(name), f"{name} alone answers", deadline_s)

    def is_steady(self, name: str) -> bool:
        """Whether this node alone has answered (nearly) every question of the last 100 ms, in both families."""
        until_ns = time.monotonic_ns() - SETTLE_NS
        since_ns, mac = until_ns - STEADY_NS, self.lab.nodes[name].mac
        recent = [a for a in self.lab.prober.answers(since_ns) if since_ns <= a.received_ns <= until_ns]
        wanted = STEADY_NS / 1e6 / self.lab.prober.every_ms * 0.9
        return since_ns >= self.began_ns and all(
            sum(a.family == family for a in recent) >= wanted and {a.mac for a in recent if a.family == family} == {mac}
            for family in FAMILIES
        )

    def seen(self, since_ns: int | None = None, until_ns: int | None = None) -> dict[int, Seen]:
        """By family, from the beginning (or a later moment) until now (or an earlier one)."""
        start, end = since_ns or self.began_ns, until_ns or time.monotonic_ns() - SETTLE_NS
        client, bystander = self.lab.prober.answers(start), self.lab.asker.answers(start)
        late_ms = outage.own_lateness_ms(client, start, end)
        return {family: self._of(family, client, bystander, start, end, late_ms) for family in FAMILIES}

    def _of(
        self, family: int, client: list[outage.Answer], bystander: list[outage.Answer], start: int, end: int, late_ms: float
    ) -> Seen:
        gap = outage.longest_gap(client, family, start, end)
        two_ms = outage.two_owners_ms(bystander, family, start, end, self.lab.asker.every_ms)
        return Seen(gap.ms, two_ms, self._name(gap.before), self._name(gap.after), late_ms)

    def first_answer_ms(self, name: str, family: int) -> float | None:
        """How long after the beginning this node's hardware address first answered the client."""
        answers = self.lab.prober.answers(self.began_ns)
        at_ns = outage.first_answer(answers, family, self.lab.nodes[name].mac, self.began_ns)
        return None if at_ns is None else (at_ns - self.began_ns) / 1e6

    def _name(self, mac: str) -> str:
        return next((node.name for node in self.lab.nodes.values() if node.mac == mac), "")
