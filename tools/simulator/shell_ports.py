"""The shell's ports in virtual time: log, guard, actions and clock of one simulated `faild` (`coordinator.shell.ports`).

What becomes of an order is told as soon as the machine runs: a frozen process hears nothing.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.policy import Policy, ServicePolicy
from coordinator.shell.held import Held
from coordinator.shell.ports import Stored
from coordinator.shell.steps import ended
from protocol.event import Entry, Head, Ref
from protocol.messages import LastWord, Verified
from store.journal import Written
from store.refusals import JournalRefused
from tools.simulator.actions import Order
from tools.simulator.candidate_scripts import CandidateScripts
from tools.simulator.checks import Checks
from tools.simulator.disk import Result
from tools.simulator.machine import Machine

TIMER_LATE_US = 300
"""An event loop wakes a little late."""

SLOW_GUARD, SLOW_GUARD_SHARE = 20, 0.1
"""Now and then the guard's word takes longer than the disk's: nothing may run on the disk's word alone."""

Post = Callable[[saw.Input], None]


class ClockPort:
    def __init__(self, host: Machine) -> None:
        self._host = host
        self._surroundings = host.surroundings
        self._closed = False
        self._at_ms = 0
        self._act: Callable[[], None] = lambda: None
        self._due_us: int | None = None
        self.now = host.now

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        def in_its_turn() -> None:
            if not self._closed:
                act(*given)

        self._host.later(0, in_its_turn)

    def wake_at(self, at_ms: int, act: Callable[[], None]) -> None:
        self._at_ms, self._act = at_ms, act
        self._arm()

    def close(self) -> None:
        self._closed = True

    def _arm(self) -> None:
        """An earlier look than needed stays entered, and enters the next one."""
        agenda = self._surroundings.agenda
        at_us = max(self._host.clocks.world_us(self._at_ms), agenda.now_us)
        if self._due_us is None or at_us < self._due_us:
            self._due_us = at_us
            agenda.at(at_us + self._surroundings.rng.randint(0, TIMER_LATE_US), partial(self._due, at_us))

    def _due(self, at_us: int) -> None:
        if at_us != self._due_us or self._closed:
            return
        if self._host.frozen:
            self._host.when_awake(partial(self._due, at_us))
            return
        self._due_us = None
        if self._host.now().mono_ms >= self._at_ms:
            self._act()
        else:
            self._arm()


class LogPort:
    def __init__(self, host: Machine) -> None:
        self._host = host

    def order(self, entries: Sequence[Entry], tell: Callable[[Stored | JournalRefused], None]) -> None:
        agenda = self._host.surroundings.agenda
        began_us = agenda.now_us

        def written(result: Result) -> None:
            told = result if isinstance(result, JournalRefused) else Written(result, agenda.now_us - began_us)
            self._host.when_awake(partial(tell, told))

        self._host.disk.append(entries, written)

    def fetch(self, first: Ref, limit: int, tell: Callable[[Sequence[Entry]], None]) -> None:
        at = first.number - 1
        self._host.later(0, lambda: tell(self._host.disk.feed(first.node, first.incarnation)[at : at + limit]))

    def heads(self) -> tuple[Head, ...]:
        return self._host.disk.as_heads()


class GuardPort:
    def __init__(self, host: Machine, post: Post) -> None:
        self._host = host
        self._post = post
        self._held = Held[tuple[Verified[LastWord], ServicePolicy]]()
        self._policy = host.file
        self._told = 0
        self._heard_us = 0
        """When the guard hears the last of what it was told to hold."""

    def hold(self, signed: Verified[LastWord], service: ServicePolicy) -> None:
        self._held.hold(service.name, signed.message.epoch, (signed, service))
        self._tell(signed, service)

    def _tell(self, signed: Verified[LastWord], service: ServicePolicy) -> None:
        self._told += 1
        answer_us = self._answer_us()
        self._heard_us = max(self._heard_us, self._host.surroundings.agenda.now_us + answer_us)
        self._host.later_beside(answer_us, partial(self._heard, signed, service, self._told))

    def renew(self, order: do.Renew) -> None:
        """One pipe: it is heard behind what was told before."""
        self._held.renew(order.leases)
        behind_us = max(0, self._heard_us - self._host.surroundings.agenda.now_us)
        self._host.later_beside(behind_us, partial(self._renew, order))

    def _renew(self, order: do.Renew) -> None:
        if self._host.guard.alive:
            self._host.guard.leases.renew(order.leases)

    def release(self, service: str, epoch: int) -> None:
        self._held.release(service, epoch)
        self._host.guard.release(service, epoch)

    def replaced(self) -> None:
        """A new guard stands in place of a dead one: all that is held lies in its socket, and its answers come later."""
        for signed, service in self._held.messages:
            self._told += 1
            self._host.guard.hold(signed, service, self._policy, self._told)
            ends_ms = self._held.ends_ms(service.name)
            if ends_ms is not None:
                self._host.guard.leases.renew(((service.name, signed.message.epoch, ends_ms),))
            self._tell(signed, service)
        self._host.guard.leases.stop()

    def _answer_us(self) -> int:
        rng = self._host.surroundings.rng
        slow = SLOW_GUARD if rng.random() < SLOW_GUARD_SHARE else 1
        return self._host.guard_slow_us + slow * rng.randint(50, 300)

    def _heard(self, signed: Verified[LastWord], service: ServicePolicy, nth: int) -> None:
        """Where there is none, the next one is told."""
        guard, epoch = self._host.guard, signed.message.epoch
        if not guard.alive:
            return
        may_be_up = guard.hold(signed, service, self._policy, nth)
        if may_be_up and not guard.mute and self._held.confirmed(service.name, epoch):
            self._post(saw.Guarded(service.name, epoch))

    def configure(self, policy: Policy) -> None:
        """Its words go to all that the machine's file names."""
        self._policy = policy


class ActionPort:
    def __init__(self, host: Machine, say: Callable[[LastWord], None], post: Post) -> None:
        self._host = host
        self._say = say
        self._post = post
        self._checks = Checks(host, post)
        self._asked = CandidateScripts(host, post)
        self._cuts: set[int] = set()
        """The steps that were told to end."""

    def run(self, order: do.Run) -> None:
        if order.word != "down":
            self._open(order.service, order.epoch, order.lease_ends_ms)
        self._rest(order, ())

    def _open(self, service: str, epoch: int, ends_ms: int) -> None:
        if not self._host.gates.open(service, epoch, ends_ms, self._host.now().mono_ms):
            self._post(saw.GateLapsed(service, ends_ms))

    def _rest(self, order: do.Run, done: tuple[saw.ActionEnding, ...]) -> None:
        """The next action of a step, and after the last one its end. After a cut none begins any more."""
        if order.ticket in self._cuts:
            done += (saw.ActionEnding(saw.Outcome.FAILED, 0, text="not begun"),) * (len(order.actions) - len(done))
        if len(done) == len(order.actions):
            return ended(order, done, self._say, self._post)
        agenda = self._host.surroundings.agenda
        began_us = agenda.now_us

        def finished(outcome: saw.Outcome) -> None:
            text = "" if outcome is saw.Outcome.DONE else f"{order.word} {outcome} in the simulation"
            ending = saw.ActionEnding(outcome, agenda.now_us - began_us, text=text)
            self._host.when_awake(lambda: self._rest(order, (*done, ending)))

        self._host.works.run(Order(order.service, order.actions[len(done)], order.word, order.epoch), finished)

    def cut(self, order: do.Cut) -> None:
        self._cuts.add(order.ticket)
        self._host.works.cut(order.service)

    def announce(self, service: str) -> None:
        self._host.works.announce(service)

    def refresh(self, order: do.Refresh) -> None:
        now_ms = self._host.now().mono_ms
        for service, ends_ms in order.leases:
            ended_ms = self._host.gates.refresh(service, ends_ms, now_ms)
            if ended_ms:
                self._post(saw.GateLapsed(service, ended_ms))

    def open(self, order: do.Open) -> None:
        self._open(order.service, self._host.gates.epoch(order.service), order.lease_ends_ms)
        self._host.works.announce(order.service)

    def watch(self, order: do.Watch) -> None:
        self._checks.watch(order.service, order.on, order.patience_ms)

    def ask_gate(self, order: do.AskGate) -> None:
        self._asked.ask(order)

    def ask_evidence(self, order: do.AskEvidence) -> None:
        self._asked.ask(order)

    def equip(self, service: ServicePolicy) -> None:
        self._host.works.equip(service)

    def configure(self, policy: Policy) -> None:
        """Checks follow the configuration that runs."""


class PowerPort:
    def __init__(self, host: Machine, post: Post) -> None:
        self._host = host
        self._post = post

    def fence(self, order: do.Fence) -> None:
        def told(ok: bool, level: int, text: str) -> None:
            self._post(saw.FenceFinished(order.request, order.node, ok, level, text))

        self._host.surroundings.switch_off(self._host.name, order.node, told)
