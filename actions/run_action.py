"""Run one word of one action under a deadline, and settle what became of it.

    result = await perform(action, "up", order, timeout_s=20)

A timeout cancels the action (a script's process group is killed) and then asks the world: a probe that can tell makes it
done or failed, else it is unknown. Nothing but cancellation from outside comes out of here as an exception.
"""

import asyncio

from actions.action import Action, Ending, Order, Result, Seen
from actions.starting import Lost
from protocol.moment import lasting

PROBE_S_MAX = 5.0
"""A probe is a look; one that takes longer than this will not tell us in time to matter."""

WANTED = {"up": Seen.UP, "down": Seen.DOWN}
"""What a probe must find for the word to have happened. Whether a `reclaim` told the neighbours, no probe can see."""


async def perform(action: Action, word: str, order: Order, timeout_s: float) -> Result:
    """`word` is "up", "down" or "reclaim"."""
    method = {"up": action.up, "down": action.down, "reclaim": action.reclaim}[word]
    try:
        async with asyncio.timeout(timeout_s):
            return await method(order)
    except TimeoutError:
        return await _settle(action, word, order, f"no end after {lasting(timeout_s * 1000)}")
    except OSError as error:
        return await _settle(action, word, order, f"{error.strerror or error}")
    except Lost as lost:
        return await _settle(action, word, order, str(lost))


async def look(action: Action, order: Order) -> Seen:
    """The probe under its own deadline; what cannot be told in time is UNKNOWN."""
    try:
        async with asyncio.timeout(PROBE_S_MAX):
            return await action.probe(order)
    except (TimeoutError, OSError, Lost):
        return Seen.UNKNOWN


async def _settle(action: Action, word: str, order: Order, text: str) -> Result:
    seen = await look(action, order)
    if seen is Seen.UNKNOWN or (word == "reclaim" and seen is Seen.UP):
        return Result(Ending.UNKNOWN, f"{word}: {text}; a probe could not tell")
    if seen is WANTED.get(word):
        return Result(Ending.DONE, f"{word}: {text}, but a probe finds it {seen}")
    return Result(Ending.FAILED, f"{word}: {text}; a probe finds it {seen}")
