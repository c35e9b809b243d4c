"""What the guard has been told to take down, and what of it it has confirmed: faild's side of the guard. Pure.

    held.hold("web", 3, message)        # tell it; then, as soon as it answers:
    held.confirmed("web", 3)            # whether that is news
    held.messages                       # all of it, for a guard that has taken the place of a dead one
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

M = TypeVar("M")
"""What one claim is told as."""


class Held(Generic[M]):
    def __init__(self) -> None:
        self._messages: dict[str, tuple[int, M]] = {}
        self._confirmed: dict[str, int] = {}
        """Service to the newest epoch that the guard has said it holds."""

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def messages(self) -> Iterator[M]:
        return (message for _, message in list(self._messages.values()))

    def hold(self, service: str, epoch: int, message: M) -> None:
        """Replaces what was held of the service. The same claim told anew, with other actions, is to be confirmed anew."""
        self._messages[service] = epoch, message
        if self._confirmed.get(service) == epoch:
            del self._confirmed[service]

    def release(self, service: str, epoch: int) -> None:
        """What was held under a newer epoch stays held."""
        if service in self._messages and self._messages[service][0] <= epoch:
            del self._messages[service]

    def confirmed(self, service: str, epoch: int) -> bool:
        """The guard holds it. False where it has said so before: a new guard repeats what the old one had said."""
        news = self._confirmed.get(service) != epoch
        self._confirmed[service] = epoch
        return news
