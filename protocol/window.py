"""Which of the newest counters have come: each counts once, in whatever order they arrive, in constant memory.

    window = Window()
    window.is_new(7, 256)           # True; False for one that has come, or is too far behind the newest to tell
    window.remember(7, 256)
"""


class Window:
    def __init__(self) -> None:
        self.newest = 0
        self._seen = 0
        """Bit n: the counter `newest - n` has come."""

    def is_new(self, counter: int, width: int) -> bool:
        behind = self.newest - counter
        return behind < 0 or (behind < width and not self._seen >> behind & 1)

    def remember(self, counter: int, width: int) -> None:
        """One that is new."""
        if counter > self.newest:
            shift = min(counter - self.newest, width)
            self._seen = (self._seen << shift | 1) & ((1 << width) - 1)
            self.newest = counter
        else:
            self._seen |= 1 << (self.newest - counter)
