"""An executor with real programs and real addresses, and what it has said."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from coordinator.core.effects import Run
from coordinator.core.inputs import ActionEnding, CarrierChanged, Input, StepFinished
from coordinator.daemon.clock import read_clocks
from coordinator.policy import ActionPolicy, CheckPolicy, Policy, ServicePolicy, Timing
from coordinator.services.carrier import CarrierWatch
from coordinator.services.executor import Executor
from protocol.messages import LastWord
from tests.actions.lab import until
from tests.actions.test_script import Ledger


def script(path: str, timeout_ms: int = 5000) -> ActionPolicy:
    return ActionPolicy("script", {"path": path}, timeout_ms)


def notify(path: str) -> ActionPolicy:
    return ActionPolicy("notify", {"path": path}, 5000)


def address(text: str, interface: str = "eth0") -> ActionPolicy:
    return ActionPolicy("address", {"address": text, "interface": interface})


def policy(*actions: ActionPolicy, checks: tuple[CheckPolicy, ...] = (), **more: Any) -> Policy:
    web = ServicePolicy("web", ("one", "two"), actions, checks, **more)
    return Policy("demo", bytes(32), Timing(), {}, {"web": web})


@dataclasses.dataclass
class Stage:
    executor: Executor
    inbox: list[Input]

    async def finished(self, ticket: int) -> ActionEnding:
        """The result of an order for one action."""
        (ending,) = (await self.step(ticket)).endings
        return ending

    async def step(self, ticket: int) -> StepFinished:
        def found() -> list[StepFinished]:
            return [it for it in self.inbox if isinstance(it, StepFinished) and it.ticket == ticket]

        return (await until(found, f"order {ticket} is over"))[0]


@contextlib.asynccontextmanager
async def stage(policy: Policy) -> AsyncIterator[Stage]:
    inbox: list[Input] = []
    executor = Executor("one", policy, inbox.append, Ledger())
    await executor.start()
    try:
        yield Stage(executor, inbox)
    finally:
        await executor.close()


def run(ticket: int, word: str, action: int = 0) -> Run:
    return Run(ticket, "web", (action,), word, 7, "a test")


def both(ticket: int, word: str, last_word: LastWord | None = None) -> Run:
    return Run(ticket, "web", (1, 0) if word == "down" else (0, 1), word, 7, "a test", last_word)


@contextlib.asynccontextmanager
async def watched(it: Stage, *interfaces: str) -> AsyncIterator[None]:
    """As in `faild`: what the carrier watch sees, the executor is told."""

    def seen(change: CarrierChanged) -> None:
        it.inbox.append(change)
        it.executor.carrier_changed(change)

    watch = CarrierWatch(interfaces, seen, lambda: read_clocks().mono_ms)
    await watch.start()
    try:
        yield
    finally:
        await watch.close()


def lines_in(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0
