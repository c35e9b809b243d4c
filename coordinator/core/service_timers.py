"""Since when: the conditions of the decide table that must have held for a while. Soft state, measured by this node alone."""

from dataclasses import dataclass, field
from typing import NamedTuple

from coordinator.decision import relations
from coordinator.decision.decide import Act, Decision
from coordinator.decision.snapshot import Snapshot
from coordinator.state import ownership
from coordinator.state.model import UPISH, Judgement, ServicePhase, ServiceState
from protocol.event import Ref

RETRY_MS_MAX = 3_600_000
"""`retry` doubles with each failure in a row, up to an hour."""


LEAD_MS = 5
"""Between a move's being told and the owner's letting go: by then the target has read, verified and stored it. It costs the
operator 5 ms, and nothing the client, whose outage begins only when the owner lets go."""


def retry_wait_ms(retry_ms: int, failures: int) -> int:
    """How long a node stays in FAIL after so many failures in a row."""
    return int(min(RETRY_MS_MAX, retry_ms * 2 ** min(20, max(0, failures - 1))))


PASSED_MS = 10_000
"""For so long a node is passed over where nothing of it changes; each time in a row twice as long, up to RETRY_MS_MAX. What
kept it from claiming may be over without a word: an event that it waited for has come, its clock runs again."""


BUSY_DEADS = 20
"""A node that takes over a thousand services claims them one after the other, a few at a time. For so many times `dead` no
other node takes those that it has not come to: else two nodes would take them from each other."""


class Missed(NamedTuple):
    """While we are up."""

    nodes: frozenset[str]
    """Candidates that were judged dead, and are not back with their newest events."""
    announced_ms: int
    """When we last announced the service, or the first of these was missed."""


class PassedOver(NamedTuple):
    """A node that was passed over, as it was then. What is said of it so holds for as long as it is the same."""

    column: ServiceState
    run: bytes
    """The run of its feed: it may have been starting."""
    times: int
    """In a row."""
    until_ms: int
    unfenced: tuple[str, ...] = ()
    """What it may have waited for: when that is over it claims, and so would we."""

    def same(self, case: Snapshot, node: str) -> bool:
        known = (case.theirs(node), case.state.column(node).run, case.unfenced)
        return (self.column, self.run, self.unfenced) == known


def _has_failed(case: Snapshot, node: str) -> bool:
    """Whether it has tried to switch one of them off, in vain: another may do better."""
    fences = case.state.column(node).fences
    return any(name in fences and fences[name].result and not fences[name].ok for name in case.unfenced)


@dataclass(slots=True)
class ServiceTimers:
    """For one service."""

    ready: dict[str, int] = field(default_factory=dict)
    """Better candidate to since when it is ready to take the service back."""
    idle: dict[str, int] = field(default_factory=dict)
    """Better candidate to since when we expect it to claim."""
    expected: dict[str, int] = field(default_factory=dict)
    """The same, whatever it claims meanwhile."""
    passed: dict[str, "PassedOver"] = field(default_factory=dict)
    """Expected, and it did not claim."""
    deaf: dict[str, int] = field(default_factory=dict)
    """Rival to since when it says, and we hear, that it does not hear us."""
    missed: Missed | None = None
    failed: tuple[ServiceState, int] | None = None
    settles_ms: int = 0
    """After leaving FAIL, or after a claim that was reconsidered: until then no claim."""
    moved: tuple[object, int] | None = None
    led: tuple[Ref, int] | None = None
    """The move that is on our disk, and since when."""
    gone: dict[str, int] = field(default_factory=dict)
    """A service that must be up somewhere while this one is, to since when no node has it."""
    unheard: tuple[Ref | None, int] | None = None
    """My claim, and since when a rival of it is known by its events alone."""

    def over(self, case: Snapshot, now_ms: int) -> frozenset[str]:
        """The timers that are over; call it before `decide`."""
        names = {f"passed:{node}" for node in self._passed(case, now_ms)}
        names |= {f"failback:{node}" for node in self._ready(case, now_ms)}
        due = self._retry_at_ms(case, now_ms)
        if due is not None and now_ms >= due:
            names.add("retry")
        if now_ms < self.settles_ms:
            names.add("settling")
        if case.service.after:
            names |= {f"gone:{other}" for other in self._gone(case, now_ms)}
        return frozenset(names)

    def deaf_for_long(self, deaf: list[str], now_ms: int, dead_ms: int) -> frozenset[str]:
        """Those of these rivals, which live and by their own word do not hear us, that have been so for `dead`: at the heal of
        a cut the first heartbeats say so too."""
        self.deaf = {node: self.deaf.get(node, now_ms) for node in deaf}
        return frozenset(f"deaf:{node}" for node, since_ms in self.deaf.items() if now_ms - since_ms >= dead_ms)

    def settle(self, until_ms: int) -> None:
        """No claim before that."""
        self.settles_ms = until_ms

    def _passed(self, case: Snapshot, now_ms: int) -> list[str]:
        self.passed = {node: passed for node, passed in self.passed.items() if passed.same(case, node)}
        return sorted(node for node, passed in self.passed.items() if now_ms < passed.until_ms)

    def _pass_over(self, case: Snapshot, node: str, now_ms: int) -> None:
        times = self.passed[node].times + 1 if node in self.passed else 1
        until_ms = now_ms + min(RETRY_MS_MAX, PASSED_MS << min(times - 1, 20))
        self.passed[node] = PassedOver(case.theirs(node), case.state.column(node).run, times, until_ms, case.unfenced)

    def _ready(self, case: Snapshot, now_ms: int) -> list[str]:
        wait_ms = case.service.failback_ms
        if case.mine.state is not ServicePhase.UP or wait_ms is None:
            self.ready = {}
            return []
        fit = [node for node in case.better if self._could_take(case, node)]
        self.ready = {node: self.ready.get(node, now_ms) for node in fit}
        return [node for node, since_ms in self.ready.items() if now_ms - since_ms >= wait_ms]

    @staticmethod
    def _could_take(case: Snapshot, node: str) -> bool:
        peer = case.given.peers[node]
        return peer.current and peer.agrees and not case.theirs(node).last_failed and not case.why_not(node)

    def _gone(self, case: Snapshot, now_ms: int) -> list[str]:
        """For `dead`: as long as a failover takes."""
        gone = relations.unheld(case) if case.mine.state in UPISH else ()
        self.gone = {other: self.gone.get(other, now_ms) for other in gone}
        return [other for other, since_ms in self.gone.items() if now_ms - since_ms >= case.policy.timing.dead_ms]

    def _retry_at_ms(self, case: Snapshot, now_ms: int) -> int | None:
        mine = case.mine
        if mine.state is not ServicePhase.FAIL or mine.cause not in ("action", "check") or case.service.retry_ms is None:
            self.failed = None
            return None
        if self.failed is None or self.failed[0].changed != mine.changed:
            self.failed = (mine, now_ms)
        return self.failed[1] + retry_wait_ms(case.service.retry_ms, mine.failures)

    def decided(self, case: Snapshot, decision: Decision, now_ms: int, dead_ms: int) -> bool:
        """Note which nodes we wait for. True where one has just been passed over: decide again."""
        if decision.act is not Act.STAY or decision.rule != "better-will-claim":
            self.idle, self.expected = {}, {}
            return False
        self.expected = {node: self.expected.get(node, now_ms) for node in case.expected}
        awaited = {node for node in case.expected if self._is_coming(case, node, now_ms, dead_ms)}
        self.idle = {node: now_ms if node in awaited else self.idle.get(node, now_ms) for node in case.expected}
        late = [node for node, since_ms in self.idle.items() if now_ms - since_ms >= dead_ms]
        for node in late:
            self._pass_over(case, node, now_ms)
        return bool(late)

    def _is_coming(self, case: Snapshot, node: str, now_ms: int, dead_ms: int) -> bool:
        """Its claim is on the way to its disk, or it takes one service after the other and has not come to this one; or it
        waits until a dead node is switched off, as we would."""
        if case.unfenced and not _has_failed(case, node):
            return True
        busy = f"busy:{node}" in case.given.timers and now_ms - self.expected[node] < BUSY_DEADS * dead_ms
        return busy or f"awaited:{node}" in case.given.timers

    def speaks_soon(self, case: Snapshot, decision: Decision, now_ms: int, dead_ms: int) -> bool:
        """Whether a rival is known by its events and not yet by its heartbeats: then who wins is not decided yet.

        When a cut heals, either may come first. Announcing before the rival is heard, the winner would not wait for the
        loser's end, and the loser would announce as well. A rival that says nothing within `dead` has died since.
        """
        nodes = {ref.node for ref in decision.causes if ref.node in case.given.peers}
        if not any(case.holds(node) and node not in case.rivals for node in nodes):
            return False
        if self.unheard is None or self.unheard[0] != case.mine.claim:
            self.unheard = (case.mine.claim, now_ms)
        return now_ms - self.unheard[1] < dead_ms

    def announces(self, case: Snapshot, now_ms: int) -> bool:
        """Whether to announce again what is up: a candidate that is dead may have announced it, unknown to us."""
        if case.mine.state is not ServicePhase.UP or case.rivals:
            self.missed = None
            return False
        before = self.missed or Missed(frozenset(), now_ms)
        missed = frozenset(node for node in case.others if self._is_missed(case, node, before.nodes))
        back = bool(before.nodes - missed)
        due = bool(before.nodes) and now_ms - before.announced_ms >= case.service.announce_every_ms
        self.missed = Missed(missed, now_ms if back or due or not before.nodes else before.announced_ms)
        return back or due

    @staticmethod
    def _is_missed(case: Snapshot, node: str, before: frozenset[str]) -> bool:
        peer = case.given.peers[node]
        back = peer.judgement is Judgement.ALIVE and peer.current
        return peer.judgement is Judgement.DEAD or (node in before and not back)

    def move_over(self, case: Snapshot, now_ms: int) -> bool:
        """Whether the move that we hold the service under has lasted as long as it was asked for."""
        move = ownership.active_move(case.state, case.name)
        if move is None or not move.for_ms or case.mine.state not in UPISH:
            self.moved = None
            return False
        if self.moved is None or self.moved[0] != move.ref:
            self.moved = (move.ref, now_ms)
        return now_ms - self.moved[1] >= move.for_ms

    def has_led(self, move: Ref, now_ms: int) -> bool:
        """Whether a move that is durable here now was so for long enough; call it only for such a one."""
        if self.led is None or self.led[0] != move:
            self.led = (move, now_ms)
        return now_ms - self.led[1] >= LEAD_MS

    def wakes_ms(self, case: Snapshot, now_ms: int, dead_ms: int) -> list[int]:
        """When one of these will be over."""
        wakes = [since_ms + dead_ms for since_ms in (*self.idle.values(), *self.deaf.values())]
        wakes += [since_ms + (case.service.failback_ms or 0) for since_ms in self.ready.values()]
        wakes += [since_ms + dead_ms for since_ms in self.gone.values()]
        wakes += [self.settles_ms, *(passed.until_ms for passed in self.passed.values())]
        if self.led:
            wakes.append(self.led[1] + LEAD_MS)
        if self.missed and self.missed.nodes:
            wakes.append(self.missed.announced_ms + case.service.announce_every_ms)
        if self.unheard is not None:
            wakes.append(self.unheard[1] + dead_ms)
        due = self._retry_at_ms(case, now_ms)
        move = ownership.active_move(case.state, case.name)
        if self.moved and move:
            wakes.append(self.moved[1] + move.for_ms)
        return [ms for ms in (*wakes, due) if ms is not None and ms > now_ms]
