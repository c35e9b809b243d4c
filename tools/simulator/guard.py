"""The guard of one machine: the small process beside faild that outlives it.

It holds, for each claim, the last word that faild signed. When faild ends, it ends its actions, takes down what is
held, and says the last word of each claim whose actions are all down: no word where a down failed. What is held under a
lease it takes down by the end of that, where faild stands still, and leaves to the watchdog where it stays up (`leases`).
"""

from collections.abc import Callable

from coordinator.policy import Policy, ServicePolicy
from protocol.messages import LastWord, Verified
from tools.simulator.actions import MachineActions
from tools.simulator.guard_leases import GuardLeases

Say = Callable[[Verified[LastWord]], None]


class Guard:
    def __init__(self, works: MachineActions, say: Say, leases: GuardLeases) -> None:
        self.alive = False
        self.mute = False
        """It confirms nothing, and nothing tells that it is not there."""
        self.busy = False
        """Taking down what a dead faild held: a starting faild waits for it."""
        self.leases = leases
        self._works = works
        self._say = say
        self._held: dict[str, Verified[LastWord]] = {}
        self._downs: dict[str, ServicePolicy] = {}
        """What it was told with each: how to take it down."""
        self._nth: dict[str, int] = {}
        self._waiting: list[Callable[[], None]] = []

    def start(self) -> None:
        self.alive, self.mute = True, False
        self.leases.begin()
        self._held.clear()
        self._nth.clear()

    def hold(self, word: Verified[LastWord], service: ServicePolicy, policy: Policy, nth: int) -> bool:
        """Orders reach the guard over one pipe: what was told earlier (by `nth`) never replaces what was told later. False
        where it must not come up here."""
        if nth > self._nth.get(service.name, 0):
            self._held[service.name], self._downs[service.name], self._nth[service.name] = word, service, nth
            return self.leases.take(service, policy, word.message.epoch)
        return True

    def release(self, service: str, epoch: int) -> None:
        held = self._held.get(service)
        if held is not None and held.message.epoch <= epoch:
            del self._held[service]
            self.leases.release(service)

    def holds(self, service: str, epoch: int) -> bool:
        held = self._held.get(service)
        return held is not None and held.message.epoch == epoch

    def orphaned(self) -> None:
        """faild is gone: from now on the guard alone holds the lock, whether it runs at once or stands still."""
        self.busy = self.alive

    def faild_ended(self) -> None:
        """Seen by pidfd: whatever it held goes down now."""
        self._works.abort()
        if self.alive and self._held:
            self._works.take_down({name: self._downs[name] for name in self._held}, self._went_down)
        else:
            self._held.clear()
            self._end()

    def die_alone(self) -> None:
        """Killed while faild lives, which remembers what it told, and tells a new guard again."""
        self.alive = False
        self.leases.end()

    def die(self) -> None:
        """The machine has lost its power."""
        self.alive = self.busy = False
        self.leases.end()
        self._held.clear()
        self._waiting.clear()

    def when_idle(self, act: Callable[[], None]) -> None:
        """The lock on the state folder: a starting faild waits until its predecessor's guard has ended."""
        if self.busy:
            self._waiting.append(act)
        else:
            act()

    def _went_down(self, service: str, clean: bool) -> None:
        word = self._held.pop(service, None)
        if clean and word is not None:
            self._say(word)
        if clean:
            self.leases.release(service)
        else:
            self.leases.gave_up(service)
        if self.busy and not self._held:
            self._end()

    def _end(self) -> None:
        self.alive = self.busy = False
        self.leases.end()
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()
