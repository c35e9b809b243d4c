"""The link to the guard: what is held is told, and confirmed, before the first up action begins.

    await GuardLink.wait_for_lock(state)        # until the guard of an earlier faild has done its work
    guard = GuardLink(me, policy, state, post)
    await guard.start()                         # raises OSError where no guard can be had
    guard.hold(signed_last_word, service)       # answered by Guarded
    guard.release("web", epoch)
    await guard.close()                         # what is still held is taken down by the guard now

It is also the `Groups` of every program that we run. A guard that dies is reported (GuardChanged), replaced, and told
everything again; one that does not read what we say, or does not confirm it, is ended, which is the same.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.core.effects import Renew
from coordinator.core.inputs import GuardChanged, Guarded, Input
from coordinator.guarding.guard_messages import duty, ways
from coordinator.guarding.guard_process import GuardProcess, Inherited
from coordinator.guarding.state_lock import StateLock
from coordinator.policy import Policy, ServicePolicy
from coordinator.shell.held import Held
from protocol.invariant import InvariantBroken, must
from protocol.messages import LastWord, Verified

log = logging.getLogger("failover.guard")

AGAIN_S = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Before a new guard is started, by the number of failures in a row: the first at once, then slower."""

YOUNG_S = 5.0
"""A guard that dies so soon after its start counts as a failure too: it may die of what it is told."""


class GuardLink:
    def __init__(self, me: str, policy: Policy, state: Path, post: Callable[[Input], None]) -> None:
        self._me = me
        self._policy = policy
        self._state = state
        self._post = post
        self._lock: StateLock | None = None
        self._wire = -1
        self._guard: GuardProcess | None = None
        self._restart: asyncio.Task[None] | None = None
        self._held = Held[dict[str, Any]]()
        self._watchdog: list[Any] | None = None
        """What a guard of ours may have armed."""
        self._programs: dict[str, int] = {}
        self._failures = 0
        self._started_s = 0.0
        self._closed = False

    @staticmethod
    async def wait_for_lock(state: Path) -> None:
        """Raises StateBusy, with words, where another faild runs on this folder or a guard does not end."""
        await StateLock.wait(state)

    @property
    def pid(self) -> int:
        """The guard's process; 0 while there is none."""
        return self._guard.pid if self._guard is not None else 0

    async def start(self, wire: int = -1) -> None:
        """`wire` is the descriptor of our packet socket, of which every guard gets a copy."""
        must(self._lock is None, "the guard is started once: its lock is taken")
        self._wire = wire
        self._lock = await StateLock.take(self._state)
        await self._start(self._lock)
        self._post(GuardChanged(True))

    def configure(self, policy: Policy) -> None:
        """What is held is told again where the peers or their addresses are others: they are to hear its last word."""
        self._policy = policy
        for held in self._held.messages:
            if held["peers"] != (peers := ways(self._me, policy)):
                held["peers"] = peers
                self._say(held)

    async def close(self) -> None:
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
        if self._guard is not None:
            await self._guard.end(holds=bool(self._held))
            self._guard = None
        if self._lock is not None:
            self._lock.close()

    def hold(self, signed: Verified[LastWord], service: ServicePolicy) -> None:
        """Have it taken down if we end, with its last word; replaces what was held of this service. `Guarded` comes back."""
        must(signed.message.service == service.name, f"the last word is about {signed.message.service}, not {service.name}")
        message = duty(self._me, self._policy, service, signed)
        self._held.hold(service.name, signed.message.epoch, message)
        self._watchdog = (message["lease"] or {}).get("watchdog") or self._watchdog
        self._say(message)

    def release(self, service: str, epoch: int) -> None:
        """It is down here; what was held under a newer epoch stays held."""
        self._held.release(service, epoch)
        self._say({"say": "release", "service": service, "epoch": epoch})

    def renew(self, order: Renew) -> None:
        """When it takes these down, should we stand still; and that we do not."""
        self._held.renew(order.leases)
        self._say({"say": "leases", "leases": [list(lease) for lease in order.leases]})

    def began(self, ticket: str) -> None:
        must(ticket not in self._programs, f"program {ticket} begins, and has begun: the guard could not tell the two apart")
        self._programs[ticket] = 0
        self._say({"say": "began", "ticket": ticket})

    def group(self, ticket: str, group: int) -> None:
        must(ticket in self._programs, f"program {ticket} has a group before the guard has heard that it begins")
        self._programs[ticket] = group
        self._say({"say": "group", "ticket": ticket, "group": group})

    def ended(self, ticket: str) -> None:
        self._programs.pop(ticket, None)
        self._say({"say": "ended", "ticket": ticket})

    def _say(self, message: dict[str, Any]) -> None:
        if self._guard is not None:
            self._guard.say(message)

    def _heard(self, message: dict[str, Any]) -> None:
        if "refused" in message:
            log.error("%s cannot be held here: %s", message["refused"], message["why"])
        if "held" not in message:
            return
        service, epoch = message["held"], message["epoch"]
        if self._held.confirmed(service, epoch):
            self._post(Guarded(service, epoch))

    async def _start(self, lock: StateLock) -> None:
        self._guard = await GuardProcess.start(Inherited(lock.descriptor, self._wire), self._heard, self._died)
        self._started_s = asyncio.get_running_loop().time()

    def _died(self) -> None:
        self._guard = None
        if self._closed:
            return
        log.error("the guard has died; a new one is started")
        young = asyncio.get_running_loop().time() - self._started_s < YOUNG_S
        self._failures = self._failures + 1 if young else 0
        self._post(GuardChanged(False))
        self._restart = asyncio.create_task(self._start_again())

    async def _start_again(self) -> None:
        if self._lock is None:
            raise InvariantBroken("a guard that died was started once")
        while self._guard is None:
            await asyncio.sleep(AGAIN_S[min(self._failures, len(AGAIN_S) - 1)])
            try:
                await self._start(self._lock)
            except OSError as error:
                log.error("no new guard: %s", error)
                self._failures += 1
        self._tell_everything()
        self._post(GuardChanged(True))

    def _tell_everything(self) -> None:
        promised = [self._promised(held) for held in self._held.messages if held["lease"]]
        if promised:
            self._say({"say": "promised", "leases": promised})  # first: we may stand still before the next word
        for held in self._held.messages:
            self._say(held)
        if self._watchdog and not any(held["lease"] for held in self._held.messages):
            self._say({"say": "disarm", "watchdog": self._watchdog})  # a dead guard has left it armed, and all is down
        for ticket, group in self._programs.items():
            self._say({"say": "group", "ticket": ticket, "group": group} if group else {"say": "began", "ticket": ticket})

    def _promised(self, held: dict[str, Any]) -> dict[str, Any]:
        """The lease of a claim that may be up already. A new guard is told no later end than the one before it was."""
        service = held["service"]
        return {**held["lease"], "service": service, "epoch": held["epoch"], "ends_ms": self._held.ends_ms(service)}
