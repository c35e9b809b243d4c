"""The work on one service: what runs here now, one action after the other, and what comes next.

    ARMED ----durable and guarded----> RAISING --last up done--> UP
      |                                   |  up failed             |
      +------------ release -----------> LOWERING <----release-----+
                                          |  every down done -> IDLE (or RAISING again, after a restart in place)
                                          |  a down failed   -> STUCK, tried again
    UP --reclaim--> RECALLED --durable, guarded, no rival left--> RECLAIMING --> UP

The state that others see is in the log; a job is what our own processes do about it. Releases never wait for the disk.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from coordinator.core.decide import Decision
from coordinator.core.effects import Effect, Guard, Run, Unguard, Watch
from coordinator.core.given import Given
from coordinator.core.inputs import ActionFinished, Outcome
from coordinator.core.model import ServiceColumn, ServiceState
from coordinator.policy import ServicePolicy
from protocol.event import Entry, Ref
from protocol.kinds import Kind
from protocol.messages import LastWord

STUCK_RETRY_MS = 10_000
"""How often the down actions of a stuck service are tried again: a mount may come free, an operator may help."""


class Phase(Enum):
    IDLE = auto()
    ARMED = auto()
    RAISING = auto()
    UP = auto()
    RECALLED = auto()
    RECLAIMING = auto()
    LOWERING = auto()
    STUCK = auto()


class Desk(Protocol):
    """What a job needs of the core."""

    def write(self, kind: Kind, service: str, body: dict[str, Any], causes: tuple[Ref, ...]) -> Entry: ...

    def emit(self, effect: Effect) -> None: ...

    def ticket(self) -> int: ...

    def last_word(self, service: str, epoch: int) -> LastWord: ...

    def say_down(self, word: LastWord) -> None: ...

    @property
    def now_ms(self) -> int: ...

    @property
    def guard_alive(self) -> bool: ...


@dataclass(slots=True)
class Job:
    desk: Desk
    policy: ServicePolicy
    phase: Phase = Phase.IDLE
    epoch: int = 0
    before: ServiceColumn = field(default_factory=ServiceColumn)
    """Our column before the claim in ARMED: the table is asked again on it."""
    decision: Decision | None = None
    armed_by: Ref | None = None
    waits: set[str] = field(default_factory=set)
    """"durable", "guard": what a claim or reclaim still needs."""
    stands_ms: int = 0
    """When the claim had all that it needs."""
    index: int = 0
    touched: int = 0
    """How many actions, from the first, may have something up."""
    running: int | None = None
    """Ticket of the action in flight."""
    word: str = ""
    lost: list[str] = field(default_factory=list)
    """Down actions of this lowering that did not end well."""
    again: bool = False
    """After this lowering the actions come up again: a restart in place."""
    to: ServiceState = ServiceState.RECOVER
    cause: str = ""
    causes: tuple[Ref, ...] = ()
    reason: str = ""
    stuck_ms: int = 0
    times_us: dict[str, int] = field(default_factory=dict)
    restarts: int = 0

    # --- orders from the decide table ----------------------------------------------------------------------------

    def claim(self, decision: Decision, given: Given, epoch: int, before: ServiceColumn) -> None:
        """RECOVER -> STARTING: written and guarded; nothing runs before both are confirmed."""
        body = {
            "epoch": epoch,
            "rule": decision.rule,
            "given": given.to_body(),
            "reason": decision.reason,
            "passed_over": [list(item) for item in decision.passed_over],
        }
        self.before, self.decision, self.restarts, self.touched = before, decision, 0, 0
        self._arm(Phase.ARMED, Kind.CLAIM, body, epoch, decision)

    def reclaim(self, decision: Decision, given: Given, epoch: int, rivals: tuple[str, ...]) -> None:
        """UP -> RECLAIM under a new epoch; what is up stays up meanwhile."""
        body = {
            "epoch": epoch,
            "rule": decision.rule,
            "given": given.to_body(),
            "reason": decision.reason,
            "rivals": list(rivals),
        }
        self._arm(Phase.RECALLED, Kind.RECLAIM, body, epoch, decision)

    def _arm(self, phase: Phase, kind: Kind, body: dict[str, Any], epoch: int, decision: Decision) -> None:
        self.phase, self.epoch, self.waits, self.times_us = phase, epoch, {"durable", "guard"}, {}
        self.reason = decision.reason
        entry = self.desk.write(kind, self.policy.name, body, decision.causes)
        self.armed_by = entry.ref
        self.desk.emit(Guard(self.desk.last_word(self.policy.name, epoch)))

    def release(self, decision: Decision, given: Given) -> None:
        """Anything up -> STOPPING: the first down action is ordered in this very step."""
        body = {
            "epoch": self.epoch,
            "rule": decision.rule,
            "to": str(decision.to),
            "cause": decision.cause,
            "given": given.to_body(),
            "reason": decision.reason,
        }
        self.to, self.cause, self.reason = decision.to, decision.cause, decision.reason
        entry = self.desk.write(Kind.RELEASE, self.policy.name, body, decision.causes)
        self.causes, self.again = (entry.ref,), False
        self.desk.emit(Watch(self.policy.name, False))
        self._lower()

    def restart(self, why: str, causes: tuple[Ref, ...]) -> None:
        """Down and up again here, under the same claim: `restarts` of them before another node is tried."""
        self.restarts += 1
        body = {"count": self.restarts, "reason": why}
        entry = self.desk.write(Kind.RESTART, self.policy.name, body, causes)
        self.causes, self.again, self.reason = (entry.ref,), True, why
        self.desk.emit(Watch(self.policy.name, False))
        self._lower()

    # --- what comes back -----------------------------------------------------------------------------------------

    def confirmed(self, what: str) -> bool:
        """A claim is durable, or guarded. True when it has all that it needs."""
        if self.phase not in (Phase.ARMED, Phase.RECALLED):
            return False
        self.waits.discard(what)
        self.stands_ms = self.desk.now_ms
        return not self.waits

    def raise_all(self) -> None:
        """The claim stands: run the up actions in order."""
        self.phase, self.index = Phase.RAISING, 0
        self._next()

    def announce(self) -> None:
        """No rival is left: run the reclaim actions in order."""
        self.phase, self.index = Phase.RECLAIMING, 0
        self._next()

    def finished(self, result: ActionFinished) -> None:
        """An action of ours has ended."""
        if result.ticket != self.running:
            return
        self.running = None
        word, index = self.word, self.index
        entry = self.desk.write(
            Kind.ACTION_FINISHED,
            self.policy.name,
            {
                "action": index,
                "word": word,
                "epoch": self.epoch,
                "outcome": str(result.outcome),
                "took_us": result.took_us,
                "text": result.text,
                "output": result.output,
            },
            (self.armed_by,) if self.armed_by and word != "down" else self.causes,
        )
        if self.phase is Phase.LOWERING:
            self._lowered(result, entry.ref, word)
        elif result.outcome is Outcome.DONE or word == "reclaim":
            self._raised(result, word)
        else:
            self._up_failed(result, entry.ref)

    def _raised(self, result: ActionFinished, word: str) -> None:
        self.times_us["act"] = self.times_us.get("act", 0) + result.took_us - result.announce_us
        self.times_us["announce"] = self.times_us.get("announce", 0) + result.announce_us
        self.index += 1
        self._next()

    def _up_failed(self, result: ActionFinished, ref: Ref) -> None:
        what = f"action {self.index} ({self.policy.actions[self.index].kind}) {result.outcome}: {result.text}"
        if self.restarts < self.policy.restarts:
            self.restart(f"{what}; trying again here", (ref,))
            return
        self.to, self.cause, self.reason, self.again = ServiceState.FAIL, "action", what, False
        body = {"epoch": self.epoch, "rule": "action-failed", "to": "FAIL", "cause": "action", "given": {}, "reason": what}
        self.causes = (self.desk.write(Kind.RELEASE, self.policy.name, body, (ref,)).ref,)
        self._lower()

    # --- up ------------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        if self.index < len(self.policy.actions):
            word = "reclaim" if self.phase is Phase.RECLAIMING else "up"
            if self.desk.guard_alive:  # else `resume`: nothing more goes up that nobody would take down
                self.touched = max(self.touched, self.index + 1)
                self._run(word)
            return
        self.phase = Phase.UP
        times = {name: self.times_us.get(name, 0) for name in ("durable", "act", "announce")}
        body = {"epoch": self.epoch, "reason": self.reason, **{f"{name}_us": value for name, value in times.items()}}
        self.desk.write(Kind.UP, self.policy.name, body, (self.armed_by,) if self.armed_by else ())
        self.desk.emit(Watch(self.policy.name, True))

    def _run(self, word: str) -> None:
        self.word, self.running = word, self.desk.ticket()
        self.desk.emit(Run(self.running, self.policy.name, self.index, word, self.epoch, self.reason))
        body = {"action": self.index, "word": word, "epoch": self.epoch}
        self.desk.write(Kind.ACTION_STARTED, self.policy.name, body, (self.armed_by,) if self.armed_by else ())

    def resume(self) -> None:
        """A new guard stands, and knows what is held: go on where the old one's end stopped us."""
        if self.phase in (Phase.RAISING, Phase.RECLAIMING) and self.running is None:
            self._next()

    # --- down ----------------------------------------------------------------------------------------------------

    def _lower(self) -> None:
        """Down in reverse. An action in flight is awaited first: two of one service never run at once."""
        self.phase, self.lost, self.waits = Phase.LOWERING, [], set()
        if self.running is None:
            self.index = self.touched
            self._lower_next()

    def _lower_next(self) -> None:
        if self.index > 0:
            self.index -= 1
            self._run("down")
        elif self.lost:
            self.phase, self.stuck_ms = Phase.STUCK, self.desk.now_ms
        elif self.again:
            self.touched = 0
            self.raise_all()
        else:
            self._end()

    def _lowered(self, result: ActionFinished, ref: Ref, word: str) -> None:
        if word != "down":  # the action that was in flight when the release came
            self.index = self.touched
        elif result.outcome is not Outcome.DONE:
            self.lost.append(f"{self.policy.actions[self.index].kind}: {result.text or result.outcome}")
        self.causes = (*self.causes[:1], ref)
        self._lower_next()

    def _end(self) -> None:
        self.phase, self.touched = Phase.IDLE, 0
        body = {"epoch": self.epoch, "to": str(self.to), "cause": self.cause, "reason": self.reason}
        self.desk.write(Kind.DOWN, self.policy.name, body, self.causes)
        self.desk.say_down(self.desk.last_word(self.policy.name, self.epoch))
        self.desk.emit(Unguard(self.policy.name, self.epoch))

    def try_again(self) -> None:
        """STUCK: the down actions once more, all of them."""
        self._lower()

    def abandon(self) -> None:
        """The disk refused the claim: nothing of it has run, and nobody has seen it."""
        assert self.phase is Phase.ARMED, "only a claim that has not begun can be abandoned"
        self.phase = Phase.IDLE
        self.desk.emit(Unguard(self.policy.name, self.epoch))

    def unrecall(self) -> None:
        """The disk refused the reclaim: the service is up as before, under its old epoch."""
        assert self.phase is Phase.RECALLED, "only a reclaim that has not begun can be taken back"
        self.phase = Phase.UP

    @property
    def wake_at_ms(self) -> int | None:
        return self.stuck_ms + STUCK_RETRY_MS if self.phase is Phase.STUCK else None
