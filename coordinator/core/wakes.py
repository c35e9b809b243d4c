"""When each service is to be asked about again; which is the first, among a thousand, is known at once.

    wakes = Wakes()
    wakes.wake("web", 1_300)
    wakes.first_ms              # 1300
    wakes.take_due(1_300)       # {"web"}: the taker sets it anew
"""

import heapq
from dataclasses import dataclass, field

NEVER_MS = 1 << 62


@dataclass(slots=True)
class Wakes:
    _at_ms: dict[str, int] = field(default_factory=dict)
    _heap: list[tuple[int, str]] = field(default_factory=list)
    """With what was replaced since, until it comes to the top."""

    def wake(self, name: str, at_ms: int) -> None:
        """Instead of what was set before."""
        if self._at_ms.get(name, NEVER_MS) == at_ms:
            return
        self.forget(name)
        if at_ms < NEVER_MS:
            self._at_ms[name] = at_ms
            heapq.heappush(self._heap, (at_ms, name))

    def forget(self, name: str) -> None:
        self._at_ms.pop(name, None)

    @property
    def first_ms(self) -> int:
        """NEVER_MS where nothing is set."""
        while self._heap and self._at_ms.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER_MS

    def take_due(self, now_ms: int) -> set[str]:
        due = set()
        while self.first_ms <= now_ms:
            name = heapq.heappop(self._heap)[1]
            self.forget(name)
            due.add(name)
        return due
