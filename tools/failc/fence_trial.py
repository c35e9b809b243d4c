"""`failc fence NODE --dry-run`: which agents would switch a node off, in which order, and whether each of them would do.

    code = rehearse("genesis", Path("/etc/failover/failover.toml"), as_json=False)
"""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.moment import lasting
from protocol.printable import printable
from tools.cli.trouble import DONE, NO, UNREACHABLE, USAGE, Trouble

if TYPE_CHECKING:
    from actions.fencing import Level, Rehearsed
    from actions.fencing.levels import Asked


def rehearse(node: str, file: Path, as_json: bool) -> int:
    """Asks, prints what each device says, and returns the exit code. Raises Trouble where the file will not do."""
    levels = _levels(file, node)
    rehearsed = asyncio.run(_rehearse(node, levels))
    if as_json:
        print(json.dumps({"node": node, "ok": rehearsed.ok, "levels": _objects(levels, rehearsed)}, ensure_ascii=False))
    else:
        print("\n".join(_lines(node, levels, rehearsed)))
    return DONE if rehearsed.ok else NO


def _levels(file: Path, node: str) -> "tuple[Level, ...]":
    from coordinator.config.complaints import BadConfig
    from coordinator.config.fencing import UnknownNode, levels_of

    try:
        return levels_of(file, node)
    except BadConfig as error:
        raise Trouble(str(error), USAGE) from None
    except UnknownNode as error:
        raise Trouble(f"{file}: {error}", USAGE) from None
    except OSError as error:
        raise Trouble(f"{file}: cannot be read: {error.strerror}. Name the file, or make it readable", UNREACHABLE) from None


class _Unguarded:
    """No guard is told what runs: agents that are only asked are ended with this command."""

    def began(self, ticket: str) -> None: ...

    def group(self, ticket: str, group: int) -> None: ...

    def ended(self, ticket: str) -> None: ...


async def _rehearse(node: str, levels: "tuple[Level, ...]") -> "Rehearsed":
    from actions.fencing import Fencing
    from actions.process import Programs

    programs = Programs(_Unguarded())
    try:
        return await Fencing(node, levels, programs).rehearse()
    finally:
        programs.close()


def _lines(node: str, levels: "tuple[Level, ...]", rehearsed: "Rehearsed") -> list[str]:
    count = f"{len(levels)} level{'' if len(levels) == 1 else 's'}"
    lines = [f"{node}: {count}, tried in this order until one succeeds; nothing was switched"]
    for number, (level, devices) in enumerate(zip(levels, rehearsed.levels), 1):
        delay = f"after {lasting(level.delay_ms)}" if level.delay_ms else "at once"
        together = f", {len(devices)} devices that must all be off" if len(devices) > 1 else ""
        lines.append(f"  level {number}, {delay}{together}")
        for asked in devices:
            lines += _device_lines(asked)
    return [printable(line) for line in lines]


def _device_lines(asked: "Asked") -> list[str]:
    device = asked.device
    given = " ".join(f"{name}={value}" for name, value in device.shown().items())
    answer = asked.text if asked.ok else f"BROKEN: {asked.text}"
    return [
        f"    {device.program}, each call at most {lasting(device.timeout_ms)}",
        f"      {given}",
        f"      {answer}",
    ]


def _objects(levels: "tuple[Level, ...]", rehearsed: "Rehearsed") -> list[dict[str, Any]]:
    return [
        {"level": number, "delay_ms": level.delay_ms, "devices": [_object(asked) for asked in devices]}
        for number, (level, devices) in enumerate(zip(levels, rehearsed.levels), 1)
    ]


def _object(asked: "Asked") -> dict[str, Any]:
    device = asked.device
    return {
        "agent": device.name,
        "program": device.program,
        "options": device.shown(),
        "timeout_ms": device.timeout_ms,
        "ok": asked.ok,
        "power": asked.status.power if asked.status else "unknown",
        "text": asked.text,
    }
