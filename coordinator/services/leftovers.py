"""What an earlier run left up, and a faild that cannot start: it takes that down, and ends.

    await take_down(me, policy)

Usually there is nothing: the guard of the earlier run has done it. Where faild and its guard were killed together, the next
start sweeps; where that start fails before its sweep (an unsound log, no guard to be had), the address would stay up for as
long as it is not mended, beside the node that has taken it over meanwhile.
"""

import logging

from coordinator.policy import Policy
from coordinator.services.executor import Executor
from coordinator.services.sweep import StillUp

log = logging.getLogger("failover")


class _Alone:
    """There is no guard to tell of a program: each ends by its own timeout."""

    def began(self, ticket: str) -> None: ...

    def group(self, ticket: str, group: int) -> None: ...

    def ended(self, ticket: str) -> None: ...


async def take_down(me: str, policy: Policy) -> None:
    """Whatever a probe finds up of this node's services. Call it only where no other faild works on this node."""
    executor = Executor(me, policy, lambda result: None, _Alone())
    try:
        await executor.start()
        for line in await executor.sweep():
            log.warning("at a start that failed: %s", line)
    except (StillUp, OSError) as error:
        log.error("at a start that failed: %s", error)
    finally:
        await executor.close()
