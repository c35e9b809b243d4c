"""Sees that an address that we hold stays: people, network services and a switched-off interface remove it without asking.

    keeper = AddressMonitor(keep)
    keeper.holds("web", 0)          # its action 0 is an address, and up
    keeper.look_soon()              # something has gone, or a link has changed
    keeper.found("web", {0: "it cannot be put back: ..."})  # what came of a look; "" where all is well
    keeper.troubles                 # what people should see, until it is over
    keeper.lets_go("web", 0)        # before its down begins
    keeper.close()

`keep(held)` is called with all that is held after the kernel has removed any address, or a link has changed, and as long as
there is trouble with any: one look at all of them, which puts back what is missing, announces what neighbours do not know,
and says what it found. At most once a second: with a program that goes on removing we would else fight.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger("failover.actions")

PAUSE_S = 1.0

NAMED_MAX = 5
"""Troubles of one service that are told one by one: hundreds of addresses fail for one reason."""

Held = tuple[str, int]
"""A service, and the number of an action of it."""


class AddressMonitor:
    def __init__(self, keep: Callable[[Sequence[Held]], None], alarmed: Callable[[], None] = lambda: None) -> None:
        """`alarmed` is called when the troubles have changed."""
        self._keep = keep
        self._alarmed = alarmed
        self._held: set[Held] = set()
        self.changes = 0
        """How often that has changed."""
        self._troubles: dict[Held, str] = {}
        self._looked_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def holds(self, service: str, action: int) -> None:
        self._held.add((service, action))
        self.changes += 1
        self._set(service, action, "")

    def lets_go(self, service: str, action: int) -> None:
        self._held.discard((service, action))
        self.changes += 1
        self._set(service, action, "")

    def forgets(self, service: str) -> None:
        """Its list of actions has changed: the numbers mean others now."""
        for held in [held for held in self._held if held[0] == service]:
            self.lets_go(*held)

    def is_held(self, service: str, action: int) -> bool:
        return (service, action) in self._held

    @property
    def held(self) -> list[Held]:
        return sorted(self._held)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Service and what is wrong with one of its addresses; where that is hundreds, how many more there are."""
        by_service: dict[str, list[str]] = {}
        for (service, _), text in self._troubles.items():
            by_service.setdefault(service, []).append(text)
        return [(service, line) for service, texts in by_service.items() for line in _shortened(service, texts)]

    def found(self, service: str, found: Mapping[int, str]) -> None:
        """Trouble with held addresses is logged when it is new, and looked at again after a pause."""
        fresh = [text for action, text in found.items() if text and text != self._troubles.get((service, action))]
        for line in _shortened(service, fresh):
            log.error("%s", line)
        for action, text in found.items():
            self._set(service, action, text)
        if any(found.values()):
            self.look_soon()

    def look_soon(self) -> None:
        if self._timer is None and self._held:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._looked_s + PAUSE_S - loop.time()), self._look)

    def _set(self, service: str, action: int, trouble: str) -> None:
        if trouble == self._troubles.get((service, action), ""):
            return
        if trouble:
            self._troubles[service, action] = trouble
        else:
            del self._troubles[service, action]
        self._alarmed()

    def _look(self) -> None:
        self._timer = None
        self._looked_s = asyncio.get_running_loop().time()
        self._keep(self.held)


def _shortened(service: str, texts: Sequence[str]) -> list[str]:
    more = len(texts) - NAMED_MAX
    return [*texts[:NAMED_MAX], *([f"{service}: and {more} more of its addresses"] if more > 0 else [])]
