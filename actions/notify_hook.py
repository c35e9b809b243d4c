"""A hook that is told every change of a service's state here.

    hook = NotifyHook("/etc/failover/tell", programs)
    await hook.tell("UP", order)    # /etc/failover/tell UP web 7; the same in FAILOVER_STATE, _SERVICE, _EPOCH and the others

It cannot refuse anything: its exit code is only logged. One queue for each service keeps its calls in order.
"""

import logging
from functools import partial

from actions.action import Order
from actions.kinds.kind import Call
from actions.process import Programs
from actions.starting import Lost

log = logging.getLogger("failover.notify")


class NotifyHook:
    def __init__(self, path: str, programs: Programs) -> None:
        self.path = path
        self._programs = programs

    def calls(self, was: str, state: str, order: Order) -> list[Call]:
        return [Call(state, partial(self.tell, state, order))]

    async def tell(self, state: str, order: Order) -> None:
        environment = {**order.environment(), "FAILOVER_STATE": state}
        try:
            exited = await self._programs.run([self.path, state, order.service, str(order.epoch)], environment)
        except OSError as error:
            log.warning("%s cannot be run: %s", self.path, error.strerror)
            return
        except Lost as lost:
            log.warning("%s %s: %s", self.path, state, lost)
            return
        if exited.code:
            log.warning("%s %s: exit %d: %s", self.path, state, exited.code, exited.line)
