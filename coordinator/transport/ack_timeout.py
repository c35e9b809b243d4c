"""Patience with a process or disk that owes an answer, counted in turns of our own loop.

    patience = Patience(owes, lost)     # `lost` is called once they have owed an answer for TURNS turns without a sign of life
    patience.begin()                    # they owe one now
    patience.sign()                     # they have said something

A clock would blame them for the time in which we ourselves stood still; after that, this has counted one turn.
"""

import asyncio
from collections.abc import Callable

TURN_S, TURNS = 0.05, 6
"""0.3 s together. A guard answers within a millisecond, and within some ten where the machine is busy."""


class Patience:
    def __init__(self, owes: Callable[[], bool], lost: Callable[[], None]) -> None:
        self._owes = owes
        self._lost = lost
        self._turns = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Nothing changes where they owed one already."""
        if self._timer is None:
            self._turns = 0
            self._timer = asyncio.get_running_loop().call_later(TURN_S, self._turn)

    def sign(self) -> None:
        self._turns = 0

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        """What they said meanwhile has been heard: a turn of the loop reads first."""
        self._timer = None
        if not self._owes():
            return
        self._turns += 1
        if self._turns < TURNS:
            self._timer = asyncio.get_running_loop().call_later(TURN_S, self._turn)
        else:
            self._lost()
