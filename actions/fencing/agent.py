"""One device: the agent that speaks to it, with the parameters for it.

    answer = await ask(device, "status", programs)      # "off", "on", "status" or "monitor"; raises nothing but cancellation

Parameters go by standard input, never as arguments or in the environment, which other users of the machine can read.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType

from actions.fencing.answer import Answer, of_order, of_status
from actions.process import Exited, Programs
from actions.starting import Lost
from protocol.moment import lasting

AGENT_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where distributions put them. Not the path of the environment: what runs here as root, root has put there."""

HIDDEN = "(hidden)"

TEXT_LENGTH_MAX = 200
"""How much of an agent's own words goes into a sentence."""


@dataclass(frozen=True, slots=True)
class Device:
    program: str
    """The agent, with its absolute path."""
    options: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Options that no page, log or error shows."""
    timeout_ms: int = 20_000
    """For each call of the agent."""

    @property
    def name(self) -> str:
        return PurePath(self.program).name

    def shown(self) -> dict[str, str]:
        """Its parameters as people may see them."""
        return {**self.options, **dict.fromkeys(self.secrets, HIDDEN)}

    def parameters(self, action: str) -> bytes:
        """What the agent reads. Raises ValueError where it would read another parameter, or another action, than we mean."""
        for name, value in (*self.options.items(), *self.secrets.items()):
            wrong = wrong_option(name) or wrong_value(value)
            if wrong:
                raise ValueError(f'its option "{name}" {wrong}')
        given = {**self.options, **self.secrets, "action": action}
        return "".join(f"{name}={value}\n" for name, value in given.items()).encode()

    def without_secrets(self, line: str) -> str:
        """An agent may print what it sends."""
        for secret in sorted(self.secrets.values(), key=len, reverse=True):
            if secret:
                line = line.replace(secret, HIDDEN)
        return line[:TEXT_LENGTH_MAX]


OURS = {"action", "option"}
"""`option` is what `action` was called long ago, and some agents still take it."""

TALKATIVE = {"verbose", "verbose_level", "debug", "debug_file", "debug-file"}

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def wrong_option(name: str) -> str:
    """Why an agent may not be given an option of this name; empty where it may."""
    if not NAME.fullmatch(name):
        return "is no name of an option: letters, digits, _ and -"
    if name in OURS:
        return "is what faild says itself"
    return "lets the agent write its passwords where others read them" if name in TALKATIVE else ""


def wrong_value(value: str) -> str:
    """Each line is one parameter: a value with a line break would be two."""
    if not value.isprintable():
        return "has a line break, or another character that is not printed"
    if value != value.strip():
        return "begins or ends with a space, which agents cut off"
    return ""


def found_agent(name: str) -> str | None:
    """Where the agent of this name is, or None. An absolute path is taken as it is, where a program is there."""
    paths = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in AGENT_FOLDERS]
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


async def ask(device: Device, action: str, programs: Programs) -> Answer:
    """One call of the agent, under its time limit; one that does not end in time is killed with its group."""
    exited = await _exited(device, action, programs)
    if isinstance(exited, str):
        return Answer(False, exited)
    text = device.without_secrets(exited.lines[-1]) if exited.lines else ""
    return of_status(exited, text) if action == "status" else of_order(exited, text)


async def monitored(device: Device, programs: Programs) -> Answer:
    """Whether the device would do. An agent that does not know `monitor` is asked for its status."""
    monitor = await ask(device, "monitor", programs)
    if monitor.ok:
        return monitor
    status = await ask(device, "status", programs)
    return status if status.ok else monitor


async def _exited(device: Device, action: str, programs: Programs) -> Exited | str:
    """How it ended, or why that is not known."""
    try:
        parameters = device.parameters(action)
        async with asyncio.timeout(device.timeout_ms / 1000):
            return await programs.run([device.program], {}, parameters)
    except ValueError as error:
        return str(error)
    except TimeoutError:
        return f"no end after {lasting(device.timeout_ms)}, and it was killed"
    except FileNotFoundError:
        return f"there is no {device.program}"
    except OSError as error:
        return f"it cannot be run: {error.strerror or error}"
    except Lost as lost:
        return str(lost)
