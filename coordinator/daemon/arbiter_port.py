"""The real etcd as the shell needs it (`coordinator.shell.ports.Arbiter`): each question a task of its own.

    port = ArbiterPort("genesis", run, policy, post)
    port.ask(AskArbiter(question))          # ArbiterSaid is posted, also where nothing was reached
    await port.close()

The client is made with the first question, and made anew where the configuration says how etcd is reached in another way.
What it takes (aiohttp) is loaded only where there is an arbiter: a start without one does not wait for it.
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.core.effects import AskArbiter
from coordinator.core.inputs import ArbiterSaid, Input
from coordinator.core.quorum.arbiter import Refusal, Refused, Said
from coordinator.core.quorum.arbitration import Drop, Question
from coordinator.policy import ArbiterPolicy, Policy

if TYPE_CHECKING:
    from coordinator.arbiter.client import Arbiter
    from coordinator.arbiter.gateway import Members

GIVE_BACK_S = 0.5
"""So long a node that ends waits for that. Where it is not enough the lease ends by itself."""

log = logging.getLogger("failover.arbiter")


class ArbiterPort:
    def __init__(self, me: str, run: bytes, policy: Policy, post: Callable[[Input], None]) -> None:
        self._me, self._run, self._policy, self._post = me, run, policy, post
        self._client: Arbiter | None = None
        if policy.arbiter is not None:
            importlib.import_module("coordinator.arbiter.client")  # now, and not on the loop with the first question
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._giving_back: set[asyncio.Task[None]] = set()
        self._said = ""
        """What was wrong, as the log has it."""

    def ask(self, order: AskArbiter) -> None:
        task = self._begin(self._ask(order.question))
        if isinstance(order.question.what, Drop):
            self._giving_back.add(task)
            task.add_done_callback(self._giving_back.discard)

    def configure(self, policy: Policy) -> None:
        """The same password may stand in another file, or another one in the same: both are read again."""
        self._policy, old, self._client = policy, self._client, None
        if old is not None:
            self._begin(old.__aexit__(None, None, None))

    async def close(self) -> None:
        """What is given back goes out first: the next node need not wait for its end."""
        if self._giving_back:
            await asyncio.wait(self._giving_back, timeout=GIVE_BACK_S)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._client is not None:
            await self._client.__aexit__(None, None, None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, question: Question) -> None:
        answer = await self._answer(question)
        self._note(answer)
        self._post(ArbiterSaid(question, answer))

    async def _answer(self, question: Question) -> Said:
        try:
            async with self._opening:
                client = self._client = self._client or await self._opened()
        except OSError as error:
            return Refused(Refusal.UNAUTHENTICATED, f"what etcd is asked with cannot be read: {error}")
        try:
            from coordinator.arbiter.asking import ask

            return await ask(client, question)
        except RuntimeError as error:  # it was closed meanwhile: another file is in force
            return Refused(Refusal.UNREACHABLE, f"etcd is asked anew: {error}")

    async def _opened(self) -> "Arbiter":
        """Raises OSError where a file that [arbiter] names cannot be read."""
        policy, found = self._policy, self._policy.arbiter
        if found is None:
            raise OSError("the configuration has no [arbiter]")
        from coordinator.arbiter.client import Arbiter

        client = Arbiter(_members(found), found.prefix or f"/failover/{policy.cluster}", policy.cluster_id, self._me, self._run)
        return await client.__aenter__()

    def _note(self, answer: Said) -> None:
        """Once in the log for each thing that is wrong, and when it is over."""
        said = answer.text if isinstance(answer, Refused) else ""
        if said == self._said:
            return
        self._said = said
        if said:
            log.warning("the arbiter: %s", said)
        else:
            log.info("the arbiter answers")


def _members(found: ArbiterPolicy) -> "Members":
    from coordinator.arbiter.gateway import Members

    password = Path(found.password_file).read_text().strip() if found.password_file else ""
    return Members(found.endpoints, found.ca, found.user, password)
