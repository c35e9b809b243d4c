"""[[nodes.NAME.fence]] and [watchdog]: how a node is switched off by others, and how it resets itself."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from coordinator.policy import FencePolicy, WatchdogPolicy
from protocol.stored.table import Table, Unreadable, every, need, table, text
from protocol.stored.values import duration_ms, positive_ms

AGENT = re.compile(r"fence_[A-Za-z0-9_]+|/.+", re.ASCII)
OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
OURS = frozenset({"action", "option"})
"""What a fencing node says itself."""
WORDS = frozenset({"sysrq", "none"})


def fence(value: object) -> FencePolicy:
    it = table(value)
    agent = it.take("agent", text)
    need(AGENT.fullmatch(agent) is not None, "not the name of a fence agent")
    level = FencePolicy(
        agent=agent,
        devices=it.take("options", _devices),
        delay_ms=it.take("delay", duration_ms, 0),
        timeout_ms=it.take("timeout", positive_ms, 20_000),
        monitor_ms=it.take("monitor", positive_ms, 300_000),
    )
    it.done()
    return level


def _devices(value: object) -> tuple[Mapping[str, str], ...]:
    """One table, or a list of them."""
    devices = every(_device)(value) if isinstance(value, list) else (_device(value),)
    need(bool(devices), "a level without a device")
    return devices


def _device(value: object) -> Mapping[str, str]:
    return MappingProxyType({name: _option(name, given) for name, given in table(value).rest().items()})


def _option(name: str, value: object) -> str:
    need(OPTION.fullmatch(name) is not None and name not in OURS, "not an option of an agent")
    if not isinstance(value, str | int):
        raise Unreadable("an option that is no text, number or flag")
    given = str(int(value)) if isinstance(value, bool) else str(value)
    need("\n" not in given and "\r" not in given, "an option of two lines")
    return given


def watchdog(value: object) -> WatchdogPolicy:
    it: Table = table(value)
    device = it.take("device", text)
    need(device in WORDS or device.startswith("/"), "a device that is neither a path nor a word")
    read = WatchdogPolicy(device, it.take("timeout", positive_ms, 1000))
    it.done()
    return read
