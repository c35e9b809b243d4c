"""Rules about [[nodes.NAME.fence]]: which agent, with which options, and what may not stand in the file.

The file goes into the log of every node. So a secret stands in a file of its own: `password_file` for the option `password`.
"""

import re
from collections.abc import Iterator

from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.fence_shape import FenceShape
from coordinator.config.positions import Path
from coordinator.config.reading import Reading

Findings = Iterator[Finding]

AGENT = re.compile(r"fence_[A-Za-z0-9_]+|/[^\s].*")
SECRET = re.compile(r"pass|secret|token|api_?key|community|credential", re.IGNORECASE)
NO_SECRETS = ("_file", "-file", "_script", "-script")
"""Endings of options that name where a secret is."""

TIMEOUT_MS = (1000, 600_000)
"""An agent takes a second to start on a busy machine; what takes ten minutes is no answer to a failure."""
DELAY_MS_MAX = 600_000
MONITOR_MS_MIN = 10_000
"""Devices that manage power take one login at a time, and keep a log of it."""


def is_secret(option: str) -> bool:
    return bool(SECRET.search(option)) and not option.endswith(NO_SECRETS)


def secret_of(option: str) -> str | None:
    """The option whose value stands in the file that this one names; None where it is an option as any other."""
    named = option.removesuffix("_file")
    return named if named != option and is_secret(named) else None


def fences(reading: Reading) -> Findings:
    for path, fence in _fences(reading):
        if not AGENT.fullmatch(fence.agent):
            what = f'"{fence.agent}" is not the name of a fence agent'
            yield Finding((*path, "agent"), what, 'Write one such as "fence_ipmilan", or an absolute path')
        least, most = TIMEOUT_MS
        if not least <= fence.timeout <= most:
            what = f"{spoken(fence.timeout)} is out of range"
            yield Finding((*path, "timeout"), what, f"Write {spoken(least)} to {spoken(most)}")
        if fence.delay > DELAY_MS_MAX:
            yield Finding((*path, "delay"), f"{spoken(fence.delay)} is out of range", f"Write at most {spoken(DELAY_MS_MAX)}")
        if fence.monitor < MONITOR_MS_MIN:
            what = f"{spoken(fence.monitor)} is shorter than {spoken(MONITOR_MS_MIN)}, and each is a login on the device"
            yield Finding((*path, "monitor"), what, 'Write one such as "5m"')
        yield from _in_the_clear(path, fence)


def _in_the_clear(path: Path, fence: FenceShape) -> Findings:
    for device in fence.options:
        for option in device:
            if is_secret(option):
                what = f'the option "{option}" stands in the clear, and this file goes into the log of every node'
                yield Finding((*path, "options"), what, f'Write {option}_file = "NAME.pw", and the secret into that file')
            named = secret_of(option)
            if named and named in device:
                yield Finding((*path, "options"), f'has "{named}" and "{option}"', f'Take out "{named}"')


def devices_once(reading: Reading) -> Findings:
    """A device that switches one node off is no other node's, and no second level either."""
    seen: dict[object, tuple[str, int]] = {}
    for path, fence in _fences(reading):
        node, level = str(path[1]), int(path[3])
        for device in fence.options:
            key = (fence.agent, tuple(sorted(device.items())))
            other, before = seen.setdefault(key, (node, level))
            if other != node:
                what = f"is word for word a device of {other}: to fence one would switch off the other"
                yield Finding((*path, "options"), what, "Write the plug, or the address, of this node")
            elif before != level:
                what = f"is word for word the device of level {before + 1}, which has failed by then"
                yield Finding((*path, "options"), what, "Take it out, or write another device")


def watchdog(reading: Reading) -> Findings:
    found = reading.file.watchdog
    if found is None:
        return
    if found.timeout == 0:
        yield Finding(("watchdog", "timeout"), "is nothing", 'Write one such as "1s"')
    elif found.device.startswith("/") and found.timeout % 1000:
        what = f"{spoken(found.timeout)} is no whole number of seconds, in which a device counts"
        yield Finding(("watchdog", "timeout"), what, f'Write "{-(-found.timeout // 1000)}s"')


def _fences(reading: Reading) -> Iterator[tuple[Path, FenceShape]]:
    for name, node in reading.file.nodes.items():
        for index, fence in enumerate(node.fence):
            yield ("nodes", name, "fence", index), fence


RULES = (fences, devices_once, watchdog)
