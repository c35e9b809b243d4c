"""The etcd of a simulated world, and the ways to it: what may be wrong with them.

    world.arbiter.cut.add("genesis"); world.arbiter.etcd.down(); world.arbiter.back()
    world.arbiter.restore(back_us=5_000_000)    # from a snapshot, after a silence
"""

from functools import partial

from coordinator.policy import Policy
from tools.simulator.etcd import Etcd
from tools.simulator.event_queue import EventQueue

SILENT_US = 50_000
"""Beyond half of the longest lease, an etcd that is restored is silent for so long: all its members are stopped, and elect."""


class ArbiterWorld:
    """The etcd of a world, and the ways to it."""

    def __init__(self, agenda: EventQueue, policy: Policy) -> None:
        self.etcd, self._agenda = Etcd(), agenda
        self.cut: set[str] = set()
        """Nodes from and to which nothing comes through."""
        self.slow_us = 0
        """What each way takes on top."""
        self.lost = 0.0
        """The share of questions and answers that never arrive."""
        self._restoring = 0
        self._policy = policy

    def restore(self, back_us: int, cluster: int | None = None) -> None:
        """Every member is stopped, and starts with what a snapshot had `back_us` ago."""
        at_us = self._agenda.now_us - back_us
        self.etcd.down()
        self._restoring += 1

        def up(nth: int) -> None:
            if nth == self._restoring:
                self.etcd.restore(at_us, self._agenda.now_us, cluster)

        self._agenda.after(self._silence_us() + SILENT_US, partial(up, self._restoring))

    def back(self) -> None:
        self._restoring += 1
        self.etcd.back(self._agenda.now_us)

    def elect(self) -> None:
        if not self.etcd.is_down:
            self.etcd.elect(self._agenda.now_us)

    def mend(self) -> None:
        self.cut.clear()
        self.slow_us, self.lost = 0, 0.0
        self.back()

    def _silence_us(self) -> int:
        return max((service.lease_ms for service in self._policy.services.values()), default=0) * 1_000 // 2
