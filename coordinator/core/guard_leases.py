"""Until when this node owns what a process has to take down: told to the guard, which ends it where we do not.

    guarded = GuardLeases(context, leases)
    guarded.renew(("db",))          # with its claim, and in the step that sends a heartbeat

The kernel ends what answers for an address (`kernel_leases`). A script, a unit or a mount has no such end: the guard has it.
It is told again in each step that sends a heartbeat, also when a lease is over and its actions go down: so the guard knows
that we run. An end is told as it was, and never made later by anything but an echo that counts.
"""

from collections.abc import Iterable

from coordinator.core.context import Context
from coordinator.core.effects import Renew
from coordinator.core.leases import Leases


class GuardLeases:
    def __init__(self, context: Context, promised: Leases) -> None:
        self.context, self.promised = context, promised

    def renew(self, services: Iterable[str]) -> None:
        """Of these, those under a lease that the guard ends; nothing where there are none."""
        named = ((name, self.promised.held.get(name)) for name in sorted(services))
        held = ((name, it) for name, it in named if it is not None and it.ended_by_guard)
        told = tuple((name, it.lease.epoch, it.lease.until_ms(it.term)) for name, it in held)
        if told:
            self.context.emit(Renew(told))
