"""What an agent's exit code and last lines mean.

`status` ends with 0 for on and with 2 for off. But 2 is also how Python ends that cannot open the agent's file, a shell that
finds a syntax error, and an agent with bad arguments: after a broken update it would say that every node is off. So the code
counts only beside the line that goes with it, `Status: OFF`, and an agent that says neither, or both, has said nothing.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from actions.process import Exited

CODE_ON, CODE_OFF = 0, 2
"""Exit codes of `status`: fencing.py of fence-agents, fence_action()."""

MEANINGS = {
    1: "it failed",
    2: "bad parameters, or a script that cannot be run",
    3: "the device refuses the login",
    4: "the connection was lost",
    5: "the device did not answer in time",
    6: "the power did not come on in time",
    7: "the power did not go off in time",
    8: "the device does not tell the state of this plug",
    9: "the device does not tell the state of this plug",
    10: "it was given no password",
    11: "this user may not do it",
    12: "no virtual machine has this name",
}
"""The EC_ numbers of fencing.py, in words."""

SAID = re.compile(r"status: (on|off)", re.IGNORECASE)


class Power(StrEnum):
    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one call of an agent."""

    ok: bool
    """It did what it was asked; of `status`: it told whether the power is on or off."""
    text: str
    """Why not, or what it said; never a secret."""
    power: Power = Power.UNKNOWN
    """Told by `status` alone."""


def of_status(exited: Exited, text: str) -> Answer:
    """`text` is its last line without secrets."""
    said = {match[1].lower() for line in exited.lines if (match := SAID.fullmatch(line.strip()))}
    if exited.code == CODE_ON and said == {"on"}:
        return Answer(True, "its power is on", Power.ON)
    if exited.code == CODE_OFF and said == {"off"}:
        return Answer(True, "its power is off", Power.OFF)
    if exited.code in (CODE_ON, CODE_OFF) and said:
        return Answer(False, f"exit {exited.code} and the words {' and '.join(sorted(said))} do not fit together")
    if exited.code == CODE_ON:
        return Answer(False, "exit 0, and no line says whether the power is on or off")
    return Answer(False, _exit(exited.code, text))


def of_order(exited: Exited, text: str) -> Answer:
    """Of `off`, `on` and `monitor`."""
    return Answer(True, text) if exited.code == 0 else Answer(False, _exit(exited.code, text))


def _exit(code: int, text: str) -> str:
    if code < 0:
        return f"it was ended by signal {-code}"
    words = f"exit {code}" + (f", {MEANINGS[code]}" if code in MEANINGS else "")
    return f"{words}: {text}" if text else words
