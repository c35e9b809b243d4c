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
from pathlib import Path
from typing import Any

from actions.gate.gate import boottime_ms
from coordinator.core.effects import Run
from coordinator.core.inputs import GuardChanged, Guarded, Input, Outcome, StepFinished
from coordinator.guarding.guard_link import GuardLink
from coordinator.policy import ActionPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.services.executor import Executor
from protocol.messages import Domain, LastWord, Verified
from protocol.signing import Identity

EPOCH = 7


def policy_of(plan: dict[str, Any]) -> Policy:
    nodes = {
        name: NodePolicy(name, bytes(32), {link: (host, port) for link, (host, port) in links.items()})
        for name, links in plan["nodes"].items()
    }
    services = {
        name: ServicePolicy(name, tuple(nodes), tuple(ActionPolicy(*action) for action in actions))
        for name, actions in plan["services"].items()
    }
    return Policy("demo", bytes(32), Timing(), nodes, services)


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
    await wait_for_the_end(plan, guard, executor, inbox)


async def wait_for_the_end(plan: dict[str, Any], guard: GuardLink, executor: Executor, inbox: "asyncio.Queue[Input]") -> None:
    reading = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reading), sys.stdin)
    order = asyncio.create_task(reading.readline())
    while not order.done():
        news = asyncio.create_task(inbox.get())
        await asyncio.wait([order, news], return_when=asyncio.FIRST_COMPLETED)
        if news.done():
            given = news.result()
            say(type(given).__name__, alive=getattr(given, "alive", None), guard=guard.pid)
        else:
            news.cancel()
    if order.result() == b"release\n":
        for service in plan["services"]:
            guard.release(service, EPOCH)
    await executor.close()
    await guard.close()


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
