"""A stand-in for faild: the real guard link and executor, a service that is held and up, and then nothing but waiting.

    python -m tests.actions.stand_in FOLDER     # FOLDER/plan.json says what; prints "up" when all is up

Run in a namespace by the tests, which kill it.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actions.gate.gate import boottime_ms
from coordinator.core.effects import Renew, Run
from coordinator.core.inputs import GuardChanged, Guarded, Input, Outcome, StepFinished
from coordinator.guarding.guard_link import GuardLink
from coordinator.policy import ActionPolicy, NodePolicy, Policy, ServicePolicy, Timing, WatchdogPolicy
from coordinator.services.executor import Executor
from protocol.messages import Domain, LastWord, Verified
from protocol.signing import Identity

EPOCH = 7


def policy_of(plan: dict[str, Any]) -> Policy:
    nodes = {
        name: NodePolicy(name, bytes(32), {link: (host, port) for link, (host, port) in links.items()})
        for name, links in plan["nodes"].items()
    }
    partition = plan.get("partition", "serve")
    services = {
        name: ServicePolicy(name, tuple(nodes), tuple(ActionPolicy(*action) for action in actions), partition=partition)
        for name, actions in plan["services"].items()
    }
    watchdog = WatchdogPolicy(*plan["watchdog"]) if "watchdog" in plan else None
    return Policy("demo", bytes(32), Timing(), nodes, services, watchdog=watchdog)


class Leases:
    """What the core says of leases with each of its heartbeats, while this process runs."""

    def __init__(self, guard: GuardLink, services: Iterable[str], lease_ms: int) -> None:
        self._guard, self._services, self._lease_ms = guard, tuple(services), lease_ms
        self._ends_ms = 0
        self.over = False
        """No voter answers any more."""
        self._said = asyncio.create_task(self._say())

    async def _say(self) -> None:
        while True:
            self._ends_ms = self._ends_ms if self.over else boottime_ms() + self._lease_ms
            self._guard.renew(Renew(tuple((service, EPOCH, self._ends_ms) for service in self._services)))
            await asyncio.sleep(0.1)


async def main(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    policy, me, inbox = policy_of(plan), plan["me"], asyncio.Queue[Input]()
    await GuardLink.wait_for_lock(folder)
    guard = GuardLink(me, policy, folder, inbox.put_nowait)
    executor = Executor(me, policy, inbox.put_nowait, guard)
    await guard.start()
    await executor.start()
    if plan.get("sweep"):
        say("swept", lines=await executor.sweep())
    leases = Leases(guard, policy.services, plan["guard_lease_ms"]) if "guard_lease_ms" in plan else None
    for service in policy.services.values():
        await bring_up(service, me, guard, executor, inbox, plan.get("lease_ms", 0))
    say("up", guard=guard.pid)
    if plan.get("leak"):  # a child that inherits every descriptor, as a careless library would start it
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor > 2:
                with contextlib.suppress(OSError):
                    os.set_inheritable(descriptor, True)
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
        say("child", pid=child.pid)
    if plan.get("half_dead"):  # the main thread ends, another does not: as when a disk hangs under it
        ctypes.CDLL(None).syscall({"x86_64": 60}.get(platform.machine(), 93), 0)  # exit(2), of this thread alone
    if plan.get("hang"):
        executor.run(Run(99, plan["hang"], (0,), "reclaim", EPOCH, "a test"))
    await wait_for_the_end(plan, guard, executor, inbox, leases)


async def wait_for_the_end(
    plan: dict[str, Any], guard: GuardLink, executor: Executor, inbox: "asyncio.Queue[Input]", leases: Leases | None
) -> None:
    reading = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reading), sys.stdin)
    order = asyncio.create_task(reading.readline())
    while not order.done() or order.result() in (b"over\n", b"down\n"):
        if order.done():
            if order.result() == b"over\n":
                assert leases is not None, "only a lease is over"
                leases.over = True
            else:
                release(plan, guard)
            order = asyncio.create_task(reading.readline())
        news = asyncio.create_task(inbox.get())
        await asyncio.wait([order, news], return_when=asyncio.FIRST_COMPLETED)
        if news.done():
            given = news.result()
            say(type(given).__name__, alive=getattr(given, "alive", None), guard=guard.pid)
        else:
            news.cancel()
    if order.result() == b"release\n":
        release(plan, guard)
    await executor.close()
    await guard.close()


def release(plan: dict[str, Any], guard: GuardLink) -> None:
    for service in plan["services"]:
        guard.release(service, EPOCH)


async def bring_up(
    service: ServicePolicy, me: str, guard: GuardLink, executor: Executor, inbox: "asyncio.Queue[Input]", lease_ms: int
) -> None:
    await hold(service, me, guard, inbox)
    ends_ms = boottime_ms() + lease_ms if lease_ms else 0
    for index in range(len(service.actions)):
        executor.run(Run(index, service.name, (index,), "up", EPOCH, "a test", None, ends_ms))
        finished = await inbox.get()
        assert isinstance(finished, StepFinished), finished
        assert [ending.outcome for ending in finished.endings] == [Outcome.DONE], finished


async def hold(service: ServicePolicy, me: str, guard: GuardLink, inbox: "asyncio.Queue[Input]") -> None:
    """Until the guard has confirmed it."""
    word = LastWord(bytes(32), me, bytes(8), service.name, EPOCH)
    identity = Identity.fresh(me)
    guard.hold(Verified(word, word.encode(), identity.sign(Domain.LAST_WORD, word.encode())), service)
    while (given := await inbox.get()) != Guarded(service.name, EPOCH):
        assert given == GuardChanged(True), given


def say(what: str, **more: Any) -> None:
    print(json.dumps({"what": what, **more}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
