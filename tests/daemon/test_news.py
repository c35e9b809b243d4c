"""What people and hooks hear of a node: in its order, and never so much at once that a heartbeat waits for it."""

import asyncio
import time
from pathlib import Path

from coordinator.config import read
from coordinator.control.change_signal import ChangeSignal
from coordinator.core.core import Core
from coordinator.core.inputs import Now
from coordinator.daemon.notifications import SLICE_S, News
from protocol.event import NO_PREVIOUS, Event

POLICY = read(Path(__file__).parents[1] / "scenarios" / "two-nodes.toml", files=False)
RUN = bytes(8)
COUNT = 5


def event(number: int, kind: str, service: str, body: dict[str, object]) -> Event:
    return Event(POLICY.cluster_id, "lukretia", 1, number, NO_PREVIOUS, 0, 0, kind, service, body, (), ())


async def test_much_news_is_told_in_many_turns_of_the_loop_and_in_its_order() -> None:
    loop, told, turns = asyncio.get_running_loop(), list[str](), list[int]()
    core = Core("lukretia", POLICY, RUN, (), Now(0, 0, 0))

    def changed(service: str, state: str, epoch: int, reason: str) -> None:
        told.append(reason)
        time.sleep(SLICE_S)  # as a busy machine does

    def another() -> None:
        """Whatever else the loop has to do, a heartbeat for instance."""
        turns.append(len(told))
        if len(told) <= COUNT:
            loop.call_soon(another)

    news = News(lambda: core, RUN, changed, lambda: None, ChangeSignal())
    body = {"run": RUN, "rules": 2, "config": POLICY.digest, "clean": True, "after": None}
    news.durable(event(1, "node-started", "", body))
    for number in range(COUNT):
        news.durable(event(number + 2, "restart", "web", {"count": number, "reason": str(number)}))
    news.soon()
    loop.call_soon(another)
    async with asyncio.timeout(30):
        while len(told) <= COUNT:
            await asyncio.sleep(0)
    assert told == ["faild has started", *map(str, range(COUNT))]
    assert {1, 2, 3, 4, 5} <= set(turns), "something else had its turn after each"
