"""What every action is asked, and how it may answer.

    result = await action.up(Order("web", "genesis", 7, "lukretia is dead"))
    result.ending           # Ending.DONE, FAILED (certainly did not happen) or UNKNOWN (it may have happened)
    await action.probe(order)       # Seen.UP, DOWN or UNKNOWN: the truth about the world, whatever the log says

An action takes plain values, never the configuration: the executor in `coordinator.daemon` builds it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from protocol.printable import printable


class Ending(StrEnum):
    """How an action ended. A timeout is UNKNOWN until a probe tells."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Seen(StrEnum):
    """What a probe found."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    ending: Ending
    text: str = ""
    """One line for people; empty where there is nothing to say."""
    output: bytes = b""
    """SHA-256 of what was printed, or empty."""
    announce_us: int = 0
    """How long telling the neighbours took."""


@dataclass(frozen=True, slots=True)
class Order:
    """For whom, where and why an action runs. `epoch` is the fencing token that the claim gave."""

    service: str
    node: str
    epoch: int
    reason: str

    def environment(self) -> dict[str, str]:
        """What every program that we start finds in its environment."""
        return {
            "FAILOVER_SERVICE": self.service,
            "FAILOVER_NODE": self.node,
            "FAILOVER_EPOCH": str(self.epoch),
            "FAILOVER_REASON": printable(self.reason),
        }


class Action(Protocol):
    """One thing that is brought up and taken down. All four are idempotent; only a cancelled one may be left half done."""

    async def up(self, order: Order) -> Result: ...

    async def down(self, order: Order) -> Result: ...

    async def reclaim(self, order: Order) -> Result: ...

    async def probe(self, order: Order) -> Seen: ...


DONE = Result(Ending.DONE)


def failed(text: str) -> Result:
    return Result(Ending.FAILED, text)
