"""The shape of what switches machines off: [[nodes.NAME.fence]] and [watchdog]."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from actions.fencing.agent import wrong_option, wrong_value
from coordinator.config.shape_types import Duration, Shape, wrong


def _options(value: object) -> tuple[dict[str, str], ...]:
    """One table, or a list of them: a device each."""
    tables: list[Any] = value if isinstance(value, list) else [value]
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise wrong("is no table of options", 'Write options = { ip = "10.0.0.9" }, or a list of such tables')
    return tuple({name: _option(name, each) for name, each in table.items()} for table in tables)


def _option(name: str, value: object) -> str:
    if not isinstance(value, str | int):
        raise wrong(f'the option "{name}" is neither text, a whole number, true nor false', "Write it between quotes")
    text = str(int(value)) if isinstance(value, bool) else str(value)
    odd = wrong_option(name) or wrong_value(text)
    if odd:
        raise wrong(f'the option "{name}" {odd}', "Take it out, or write another value")
    return text


OPTIONS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}}
Options = Annotated[
    tuple[dict[str, str], ...],
    BeforeValidator(_options),
    WithJsonSchema({"anyOf": [OPTIONS, {"type": "array", "items": OPTIONS}]}),
]


class FenceShape(Shape):
    agent: str = Field(description="A program of fence-agents, by its name or path.", examples=["fence_ipmilan"])
    options: Options = Field(
        description="What the agent is told; of several tables each is a device, and all must be off.",
        examples=[{"ip": "10.0.0.9", "username": "f", "password_file": "genesis.pw"}],
    )
    delay: Duration = Field(0, description="Waited before this level is tried.", examples=["5s"])
    timeout: Duration = Field(20_000, description="After this a call of the agent is ended.", examples=["20s"])
    monitor: Duration = Field(300_000, description="How often the device is asked whether it would do.", examples=["5m"])


def _watchdog(value: str) -> str:
    if value not in ("sysrq", "none") and not value.startswith("/"):
        raise wrong(f'"{value[:40]}" is neither a path, "sysrq" nor "none"', 'Write device = "/dev/watchdog"')
    return value


class WatchdogShape(Shape):
    device: Annotated[str, AfterValidator(_watchdog)] = Field(
        description="What resets this machine: a path, sysrq or none.", examples=["/dev/watchdog"]
    )
    timeout: Duration = Field(1000, description="It resets the machine when it was not fed for so long.", examples=["1s"])
