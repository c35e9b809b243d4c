"""What the guard has been told to take down, and what of it it has confirmed: faild's side of the guard. Pure.

    held.hold("web", 3, message)        # tell it; then, as soon as it answers:
    held.confirmed("web", 3)            # whether that is news
    held.renew((("web", 3, ends_ms),))  # of a lease that it knows
    held.messages, held.ends_ms("web")  # all of it, for a guard that has taken the place of a dead one
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

M = TypeVar("M")
"""What one claim is told as."""


class Held(Generic[M]):
    def __init__(self) -> None:
        self._messages: dict[str, tuple[int, M]] = {}
        self._confirmed: dict[str, int] = {}
        """Service to the newest epoch that the guard has said it holds."""
        self._ends_ms: dict[str, tuple[int, int]] = {}
        """Service to the epoch and the end of its lease, as they were said last: with a claim that of one service is said."""

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def messages(self) -> Iterator[M]:
        return (message for _, message in list(self._messages.values()))

    def hold(self, service: str, epoch: int, message: M) -> None:
        """Replaces what was held of the service. The same claim told anew, with other actions, is to be confirmed anew."""
        self._messages[service] = epoch, message
        if self._ends_ms.get(service, (epoch, 0))[0] != epoch:
            del self._ends_ms[service]
        if self._confirmed.get(service) == epoch:
            del self._confirmed[service]

    def release(self, service: str, epoch: int) -> None:
        """What was held under a newer epoch stays held."""
        if service in self._messages and self._messages[service][0] <= epoch:
            del self._messages[service]
            self._ends_ms.pop(service, None)

    def renew(self, leases: Iterable[tuple[str, int, int]]) -> None:
        """Service, epoch and end of each, in milliseconds of the decision clock. What is not held has none."""
        for service, epoch, ends_ms in leases:
            if service in self._messages and self._messages[service][0] == epoch:
                self._ends_ms[service] = epoch, ends_ms

    def ends_ms(self, service: str) -> int | None:
        """None where nothing was said of the claim that is held: nothing of it is up."""
        return self._ends_ms[service][1] if service in self._ends_ms else None

    def confirmed(self, service: str, epoch: int) -> bool:
        """The guard holds it. False where it has said so before: a new guard repeats what the old one had said."""
        news = self._confirmed.get(service) != epoch
        self._confirmed[service] = epoch
        return news
