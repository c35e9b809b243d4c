"""What this node does on its machine, and what it watches there: actions, guard, carrier, disk space, rivals of its addresses.

machine = Machine(me, policy, folders.state, post, say, changed, untold, unfenced)
await machine.start()           # the guard, then the executor
lines = await machine.sweep(past.owned())
await machine.watch()           # when the core is there
await machine.close()
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from actions.wire import Wire
from coordinator.alarms.names import AlarmName
from coordinator.core.inputs import CarrierChanged, Input
from coordinator.daemon.clock import boot_ms_now
from coordinator.daemon.disk_space import Room
from coordinator.daemon.traps import Traps
from coordinator.guarding.guard_link import GuardLink
from coordinator.policy import Policy, ServicePolicy
from coordinator.services.carrier import CarrierWatch
from coordinator.services.executor import Executor
from coordinator.services.fence_watch import FenceWatch
from coordinator.services.fencer import Fencer
from coordinator.services.rivals import Rivals
from protocol.messages import LastWord


class Machine:
    def __init__(
        self,
        me: str,
        policy: Policy,
        state: Path,
        post: Callable[[Input], None],
        say: Callable[[LastWord], None],
        changed: Callable[[], None],
        untold: Callable[[str], None],
        unfenced: Callable[[str, str], None],
    ) -> None:
        """`say` sends a last word; `changed`: what is wrong with an address has changed; `untold`: traps do not arrive;
        `unfenced`: a node whose fence devices would not do, and why not."""
        self._me = me
        self._policy = policy
        self._post = post
        self.guard = GuardLink(me, policy, state, post)
        self.traps = Traps(me, policy, state, untold)
        self.executor = Executor(me, policy, post, self.guard, self.traps.tell, say, changed)
        self.fences = FenceWatch(me, lambda: self.executor.programs, unfenced)
        self.fencer = Fencer(self.fences, lambda: self.executor.programs, post)
        self.rivals = Rivals(lambda: self.executor.held_addresses)
        self.room = Room(state, post)
        self.carrier = CarrierWatch(_interfaces(me, policy), self._carrier_changed, boot_ms_now)
        self.troubles = {
            AlarmName.ADDRESS_CONFLICT: lambda: self.rivals.troubles,
            AlarmName.ADDRESS_MISSING: lambda: self.executor.troubles,
        }
        """By the alarm that they are: service, and what is wrong."""

    async def start(self) -> None:
        """Raises OSError where no guard can be had."""
        wire = await asyncio.to_thread(Wire.open)
        await self.guard.start(wire.descriptor)
        await self.executor.start(wire)
        await self.traps.start()
        self.fences.configure(self._policy)

    async def sweep(self, before: Sequence[ServicePolicy]) -> list[str]:
        """Take down what is found up; what was done, in words. Raises StillUp."""
        if any(service.interfaces for service in self._policy.owned_by(self._me)):
            await self.rivals.start()
        return await self.executor.sweep(before)

    def configure(self, policy: Policy) -> None:
        self.carrier.configure(_interfaces(self._me, policy))
        self.fences.configure(policy)

    async def close(self) -> None:
        """The guard takes down whatever is still held."""
        for part in (self.fencer, self.fences, self.executor, self.rivals, self.traps, self.guard):
            await part.close()

    def _carrier_changed(self, change: CarrierChanged) -> None:
        self._post(change)
        self.executor.carrier_changed(change)


def _interfaces(me: str, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(interface for service in policy.owned_by(me) for interface in service.interfaces))
