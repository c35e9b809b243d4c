"""The work on one service: what runs here now, one action after the other, and what comes next.

Its phases are a table of their own (`service_phases`).

Under which claim it is up, and what that waits for, is its `holding`; how far its actions are is its `progress`.

The state that others see is in the log; a job is what our own processes do about it. Releases never wait for the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from actions.kinds import ACTIONS
from coordinator.core.effects import Cut, Effect, Equip, Guard, Run, SayLastWord, Unguard, Watch
from coordinator.core.holding import Holding
from coordinator.core.inputs import ActionEnding, Outcome, StepFinished
from coordinator.core.progress import Progress
from coordinator.core.service_phases import Phase, Turn, after
from coordinator.decision.decide import Decision
from coordinator.decision.observations import Observations
from coordinator.policy import ServicePolicy
from coordinator.state.model import STOPPED, ServicePhase, ServiceState
from protocol.event import Entry, Ref
from protocol.events import (
    ActionFinished,
    ActionStarted,
    ActionWord,
    Body,
    ByArbiter,
    Claim,
    Down,
    EndState,
    Reclaim,
    Release,
    Restart,
    Up,
)
from protocol.invariant import InvariantBroken, must
from protocol.messages import LastWord

STUCK_RETRY_MS = 10_000
"""How often the down actions of a stuck service are tried again: a mount may come free, an operator may help."""


class Ended(NamedTuple):
    """One action of a step, with the event that tells of its end."""

    action: int
    how: ActionEnding
    ref: Ref


class Desk(Protocol):
    """What a job needs of the core."""

    def write(self, service: str, body: Body, causes: tuple[Ref, ...]) -> Entry: ...

    def emit(self, effect: Effect) -> None: ...

    def ticket(self, service: str) -> int: ...

    def turned(self, service: str, phase: Phase) -> None:
        """Its job has gone over to another phase."""

    def last_word(self, service: str, epoch: int) -> LastWord: ...

    @property
    def now_ms(self) -> int: ...

    @property
    def guard_alive(self) -> bool: ...

    def lease_ends_ms(self, policy: ServicePolicy) -> int:
        """Until when the kernel may let its addresses answer."""

    def is_free(self, policy: ServicePolicy) -> bool:
        """Whether no other service here has one of its addresses up."""


@dataclass(slots=True)
class Job:
    desk: Desk
    policy: ServicePolicy
    _phase: Phase = Phase.IDLE
    holding: Holding = field(init=False)
    progress: Progress = field(init=False)
    again: bool = False
    """After this lowering the actions come up again: a restart in place."""
    to: ServicePhase = ServicePhase.RECOVER
    cause: str = ""
    causes: tuple[Ref, ...] = ()
    reason: str = ""
    stuck_ms: int = 0
    restarts: int = 0
    up_ms: int = 0
    """When the last of its up actions was done."""
    next_policy: ServicePolicy | None = None
    """Configured anew while something of the old actions may be up: what brought it up takes it down first."""

    def __post_init__(self) -> None:
        self.holding, self.progress = Holding(self.policy.name), Progress(self.policy.name)

    @property
    def running(self) -> Run | None:
        """The step in flight."""
        return self.progress.running

    @property
    def phase(self) -> Phase:
        return self._phase

    def _turn(self, turn: Turn) -> None:
        self._phase = after(self._phase, turn)
        self.desk.turned(self.policy.name, self._phase)

    # --- orders from the decide table ----------------------------------------------------------------------------

    def claim(
        self, decision: Decision, given: Observations, epoch: int, before: ServiceState, leave: ByArbiter | None = None
    ) -> None:
        """RECOVER -> STARTING: written and guarded; nothing runs before both are confirmed."""
        must(not self.progress.started and self.running is None, f"{self.policy.name}: nothing of it is up when it is claimed")
        must(epoch > before.epoch, f"{self.policy.name}: epoch {epoch} comes after our own {before.epoch}")
        self.holding.begin(decision, before)
        self.restarts = 0
        rule, reason, passed_over = decision.rule, decision.reason, tuple(decision.passed_over)
        claim = Claim(epoch=epoch, rule=rule, given=given, reason=reason, passed_over=passed_over, arbiter=leave)
        self._arm(Turn.CLAIM, claim, decision)

    def reclaim(self, decision: Decision, given: Observations, epoch: int, rivals: tuple[str, ...]) -> None:
        """UP -> RECLAIM under a new epoch; what is up stays up meanwhile."""
        reclaim = Reclaim(epoch=epoch, rule=decision.rule, given=given, reason=decision.reason, rivals=rivals)
        self._arm(Turn.RECLAIM, reclaim, decision)

    def _arm(self, turn: Turn, body: Claim | Reclaim, decision: Decision) -> None:
        self._turn(turn)
        self.holding.arm(body.epoch, self.desk.now_ms)
        self.progress.forget_times()
        self.reason = decision.reason
        self.again, self.causes = False, ()
        entry = self.desk.write(self.policy.name, body, decision.causes)
        self.holding.name(entry.ref)
        self.desk.emit(Guard(self.desk.last_word(self.policy.name, body.epoch), self.policy))

    def release(self, decision: Decision, given: Observations) -> None:
        """Anything up -> STOPPING: the first down action is ordered in this very step."""
        epoch, to, cause, reason = self.holding.epoch, EndState(decision.to), decision.cause, decision.reason
        release = Release(epoch=epoch, rule=decision.rule, to=to, cause=cause, given=given, reason=reason)
        self.to, self.cause, self.reason = decision.to, cause, reason
        entry = self.desk.write(self.policy.name, release, decision.causes)
        self.causes, self.again = (entry.ref,), False
        self.desk.emit(Watch(self.policy.name, False))
        self._lower()

    def restart(self, why: str, causes: tuple[Ref, ...]) -> None:
        """Down and up again here, under the same claim: `restarts` of them before another node is tried."""
        must(self.restarts < self.policy.restarts, f"{self.policy.name}: {self.restarts} restarts are all that it may have")
        self.restart_by_check(why, causes)

    def restart_by_check(self, why: str, causes: tuple[Ref, ...]) -> None:
        """The same, as often as a check with on_fail = "restart" asks for it."""
        self._forget_times()
        self.restarts += 1
        entry = self.desk.write(self.policy.name, Restart(count=self.restarts, reason=why), causes)
        self.causes, self.again, self.reason = (entry.ref,), True, why
        self.desk.emit(Watch(self.policy.name, False))
        self._lower()

    # --- a new configuration --------------------------------------------------------------------------------------

    def configure(self, policy: ServicePolicy) -> None:
        """Timeouts, checks and the like count at once. Other actions wait in `next_policy` until nothing of the old is up."""
        must(policy.name == self.policy.name, f"{self.policy.name}: the configuration of {policy.name} is another's")
        if self.phase is not Phase.IDLE and not policy.works_as(self.policy):
            self.next_policy = policy
            return
        told_anew = self.phase is not Phase.IDLE and policy.actions != self.policy.actions
        self.policy, self.next_policy = policy, None
        self.desk.emit(Equip(policy))
        if told_anew:  # the guard would take it down with the old timeouts
            self.desk.emit(Guard(self.desk.last_word(policy.name, self.holding.epoch), policy))

    def stay(self) -> None:
        """The newest configuration has nothing of it any more: no new actions come."""
        self.next_policy = None

    def renew(self, causes: tuple[Ref, ...]) -> None:
        """Other actions are configured: down with the old ones, then up with the new, under the same claim."""
        self._forget_times()
        why = "its actions are configured anew: the old ones go down, then the new ones come up"
        entry = self.desk.write(self.policy.name, Restart(count=self.restarts, reason=why), causes)
        self.causes, self.again, self.reason = (entry.ref,), True, why
        self.desk.emit(Watch(self.policy.name, False))
        self._lower()

    def _forget_times(self) -> None:
        """What took how long until it was up stands in the log already; while it comes up, the next try is a part of it."""
        if self.phase is Phase.UP:
            self.progress.forget_times()

    def _renewed(self) -> None:
        """The old actions are down. Before the first of the new ones the guard must know how to take them down."""
        if self.next_policy is None:
            raise InvariantBroken("only a job with new actions is renewed")
        self._turn(Turn.NEW_ACTIONS)
        self.policy, self.next_policy = self.next_policy, None
        free = self.desk.is_free(self.policy)
        self.holding.wait_anew("guard", *(() if free else ("address",)), now_ms=self.desk.now_ms)
        self.desk.emit(Equip(self.policy))
        self.desk.emit(Guard(self.desk.last_word(self.policy.name, self.holding.epoch), self.policy))

    # --- what comes back -----------------------------------------------------------------------------------------

    def confirmed(self, what: str, took_us: int = 0) -> bool:
        """A claim is durable, or guarded. True when it has all that it needs."""
        if what == "durable":
            self.progress.took("durable", took_us)
            self.holding.written()
        if self.phase not in (Phase.ARMED, Phase.RECALLED, Phase.RENEWED):
            return False
        ready = self.holding.comes(what)
        if self.phase is Phase.RENEWED:
            if ready:
                self.raise_all()
            return False
        self.holding.stands(self.desk.now_ms)
        return ready

    def raise_all(self, turn: Turn = Turn.STANDS) -> None:
        """The claim stands: run the up actions in order."""
        self.holding.must_stand()
        self._turn(turn)
        self.progress.begin()
        self._next()

    def announce(self) -> None:
        """No rival is left: run the reclaim actions in order."""
        waits = self.holding.waits
        must(not waits, f"{self.policy.name}: nothing is announced that still waits for {waits}")
        self._turn(Turn.UNRIVALLED)
        self.progress.begin()
        self._next()

    def finished(self, result: StepFinished) -> None:
        """The step in flight has ended: written, and on to the next."""
        step = self.progress.ended(result.ticket, said=result.said)
        instant = self._is_instant(step)
        ended = [self._written(step, instant, *each) for each in zip(step.actions, result.endings, strict=True)]
        bad = next((item for item in ended if item.how.outcome is not Outcome.DONE), None)
        if self.phase is Phase.LOWERING:
            self._lowered(step, ended)
        elif bad is None or step.word == "reclaim":
            self._raised(ended)
        else:
            self._up_failed(bad)

    def _written(self, step: Run, instant: bool, action: int, how: ActionEnding) -> Ended:
        finished = ActionFinished(
            action=action,
            word=ActionWord(step.word),
            epoch=self.holding.epoch,
            outcome=how.outcome,
            took_us=how.took_us,
            text=how.text,
            output=how.output,
        )
        if instant:
            self._started(step, action)
        causes = self.causes if step.word == "down" else self._brought_by
        return Ended(action, how, self.desk.write(self.policy.name, finished, causes).ref)

    def _raised(self, ended: list[Ended]) -> None:
        self.progress.raised([item.how for item in ended], len(self.policy.actions))
        self._next()

    def _up_failed(self, bad: Ended) -> None:
        what = f"action {bad.action} ({self.policy.actions[bad.action].kind}) {bad.how.outcome}: {bad.how.text}"
        if self.restarts < self.policy.restarts:
            self.restart(f"{what}; trying again here", (bad.ref,))
            return
        self.to, self.cause, self.reason, self.again = ServicePhase.FAIL, "action", what, False
        epoch, to = self.holding.epoch, EndState.FAIL
        release = Release(epoch=epoch, rule="action-failed", to=to, cause="action", given=None, reason=what)
        self.causes = (self.desk.write(self.policy.name, release, (bad.ref,)).ref,)
        self._lower()

    # --- up ------------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        step = self.progress.next_up(self._kinds())
        if step:
            word = "reclaim" if self.phase is Phase.RECLAIMING else "up"
            if self.desk.guard_alive:  # else `resume`: nothing more goes up that no guard would take down
                self.progress.touch(step)
                self._run(word, step)
            return
        must(self.progress.started == len(self.policy.actions), f"{self.policy.name}: all actions have run")
        self.up_ms = self.up_ms if self.phase is Phase.RECLAIMING else self.desk.now_ms
        self._turn(Turn.ALL_UP)
        durable, act, announce = (self.progress.times_us.get(name, 0) for name in ("durable", "act", "announce"))
        up = Up(epoch=self.holding.epoch, reason=self.reason, durable_us=durable, act_us=act, announce_us=announce)
        self.desk.write(self.policy.name, up, self._brought_by)
        self.desk.emit(Watch(self.policy.name, True))

    def _kinds(self) -> tuple[str, ...]:
        return tuple(action.kind for action in self.policy.actions)

    def _run(self, word: str, actions: tuple[int, ...], last_word: LastWord | None = None) -> None:
        holding, name = self.holding, self.policy.name
        must(word == "down" or holding.epoch == holding.durable_epoch, "what goes up has an epoch that is on the disk")
        ends_ms = 0 if word == "down" else self.desk.lease_ends_ms(self.policy)
        step = Run(self.desk.ticket(name), name, actions, word, holding.epoch, self.reason, last_word, ends_ms)
        self.progress.run(step)
        self.desk.emit(step)
        if not self._is_instant(step):
            for action in actions:
                self._started(step, action)

    def _is_instant(self, step: Run) -> bool:
        """Addresses begin and end in one system call: that they began is written when they have ended, and holds nothing up."""
        return all(ACTIONS[self.policy.actions[action].kind].instant for action in step.actions)

    def _started(self, step: Run, action: int) -> None:
        started = ActionStarted(action=action, word=ActionWord(step.word), epoch=self.holding.epoch)
        causes = self.causes[:1] if step.word == "down" else self._brought_by
        self.desk.write(self.policy.name, started, causes)

    @property
    def _brought_by(self) -> tuple[Ref, ...]:
        """The events by which things go up: the claim or reclaim, and after a restart in place that as well."""
        return (*self.holding.claim, *(self.causes[:1] if self.again else ()))

    def resume(self) -> None:
        """A new guard stands, and knows what is held: go on where the old one's end stopped us."""
        if self.phase in (Phase.RAISING, Phase.RECLAIMING) and self.running is None:
            self._next()

    # --- down ----------------------------------------------------------------------------------------------------

    def _lower(self) -> None:
        """Down in reverse. A step up in flight is ended first, whatever it waits for: to release needs nothing, and an `up` and
        a `down` of one service never run at once."""
        self._turn(Turn.LOWER)
        self.progress.lower()
        self.holding.let_go()
        if self.running is None:
            self.progress.lower_from_the_top()
            self._lower_next()
        elif self.running.word != "down":
            self.desk.emit(Cut(self.policy.name, self.running.ticket))

    def _lower_next(self) -> None:
        down = self.progress.next_down(self._kinds())
        if down:
            ends = self.progress.ends_well() and not self.again and not self.tells_why_first
            self._run("down", down, self.desk.last_word(self.policy.name, self.holding.durable_epoch) if ends else None)
        elif self.progress.lost:
            self._turn(Turn.LOST)
            self.stuck_ms = self.desk.now_ms
        elif self.again:
            self.progress.all_down()
            self._renewed() if self.next_policy else self.raise_all(Turn.AGAIN)
        else:
            self._end()

    def _lowered(self, step: Run, ended: list[Ended]) -> None:
        if step.word != "down":  # it was in flight when the release came
            self.progress.lower_from_the_top()
        else:
            lost = [item for item in ended if item.how.outcome is not Outcome.DONE]
            kinds = self._kinds()
            self.progress.lose([f"{kinds[item.action]}: {item.how.text or item.how.outcome}" for item in lost])
        self.causes = (*self.causes[:1], ended[-1].ref)
        self._lower_next()

    def _end(self) -> None:
        lost, stood = self.progress.lost, self.holding.durable_epoch
        must(not lost, f"{self.policy.name}: down is what is down for certain, not {lost}")
        self._turn(Turn.ALL_DOWN)
        self.progress.all_down()
        down = Down(epoch=self.holding.epoch, to=EndState(self.to), cause=self.cause, reason=self.reason)
        self.desk.write(self.policy.name, down, self.causes)
        told = self.progress.said or self.tells_why_first
        if not told and stood:  # else it has been said already, or no peer has seen the claim
            self.desk.emit(SayLastWord(self.desk.last_word(self.policy.name, stood)))
        self.desk.emit(Unguard(self.policy.name, self.holding.epoch))

    @property
    def tells_why_first(self) -> bool:
        """It is stopped everywhere: a last word is faster than the events that say so, and another node would take it over."""
        return self.cause == STOPPED and self.to is ServicePhase.FAIL

    def try_again(self) -> None:
        """STUCK: the down actions once more, all of them."""
        self._lower()

    def abandon(self) -> None:
        """The disk refused the claim: nothing of it has run, and no peer has seen it."""
        must(not self.progress.started, f"{self.policy.name}: only a claim of which nothing ran is abandoned")
        self._turn(Turn.REFUSED)
        self.desk.emit(Unguard(self.policy.name, self.holding.epoch))

    def unrecall(self, *, again: bool) -> None:
        """The disk refused the reclaim: the service is up as before, under the epoch that the disk knows. `again`: that is a
        reclaim too, and still waits for its rivals."""
        self._turn(Turn.STILL_RECALLED if again else Turn.REFUSED)
        self.holding.fall_back(again=again)
        self.desk.emit(Guard(self.desk.last_word(self.policy.name, self.holding.epoch), self.policy))

    def rename(self, kept: Callable[[tuple[Ref, ...]], tuple[Ref, ...]]) -> None:
        """The disk refused some events: `kept` has their new names, without those that never happened."""
        self.holding.name(next(iter(kept(self.holding.claim)), None))
        self.causes = kept(self.causes)

    @property
    def unguarded(self) -> bool:
        """The claim stands, nothing of it is up, and the guard alone is waited for."""
        return self.phase in (Phase.ARMED, Phase.RENEWED) and self.holding.waits == {"guard"}

    @property
    def wake_at_ms(self) -> int | None:
        return self.stuck_ms + STUCK_RETRY_MS if self.phase is Phase.STUCK else None
