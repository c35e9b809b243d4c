"""Inputs that the core answers: each gets a ticket, and its asker the one `Answer` with that ticket.

answer = await questions.ask(lambda ticket: CommandArrived(command, ticket))
questions.answer(answer)        # by the shell
"""

import asyncio
from collections.abc import Callable

from coordinator.core.effects import Answer
from coordinator.core.inputs import Input


class Questions:
    def __init__(self, post: Callable[[Input], None]) -> None:
        self._post = post
        self._open: dict[int, asyncio.Future[Answer]] = {}
        self._tickets = 0

    async def ask(self, question: Callable[[int], Input]) -> Answer:
        self._tickets += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[self._tickets] = future
        self._post(question(self._tickets))
        return await future

    def answer(self, answer: Answer) -> None:
        future = self._open.pop(answer.ticket, None)
        if future is not None and not future.done():
            future.set_result(answer)
