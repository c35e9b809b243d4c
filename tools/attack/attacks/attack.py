"""What there is to know of an attack besides how it is played."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tools.attack.thief import Thief


@dataclass(frozen=True, slots=True)
class Attack:
    where: str
    """The number in trials.md, or the section of authority.md as "§3"; "own" where it stands in neither."""
    what: str
    play: Callable[[Thief], Coroutine[Any, Any, None]]
    unnamed: str = ""
    """Why nothing needs to name it: what it says could be honest, or is not about ownership."""
    fresh: bool = False
    """The honest nodes begin anew afterwards: their logs are full of it."""
    flood: bool = False
    """It takes what it can get of the machine: played when the quiet ones are over."""

    @property
    def title(self) -> str:
        return f"{self.where} {self.what}"
