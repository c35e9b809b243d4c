"""One bell for all readers that wait for news of this node.

seen = bell.count
...look...
await bell.heard(seen, 1.0)         # returns when it rang since, or after a second
"""

import asyncio


class ChangeSignal:
    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Cheap where no reader waits; called whenever the state or a durable head has changed."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def heard(self, seen: int, timeout_s: float) -> bool:
        """Whether it rang since its count was `seen`; waits for that at most `timeout_s`."""
        if self.count != seen:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._next.wait()
        except TimeoutError:
            return False
        return True
