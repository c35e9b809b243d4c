"""A fence agent for tests: a program in the manner of fence-agents, and what it does wrong is the file's own choice.

    device = agent(folder, "fence_one", off="exit 0", status='echo "Status: OFF"; exit 2')

Each call leaves a line in `folder/calls`, and the parameters that it read in `folder/given.NAME.ACTION`.
"""

import os
from pathlib import Path

from actions.fencing import Device

ON, OFF = 'echo "Status: ON"; exit 0', 'echo "Status: OFF"; exit 2'

SHELL = """#!/bin/sh
given=$(cat)
action=$(printf '%s\\n' "$given" | sed -n 's/^action=//p' | tail -1)
printf '%s\\n' "$given" > "{folder}/given.{name}.$action"
echo "{name} $action" >> "{folder}/calls"
case $action in
off) {off} ;;
status) {status} ;;
monitor) {monitor} ;;
*) exit 2 ;;
esac
"""


def agent(
    folder: Path,
    name: str,
    *,
    off: str = "exit 0",
    status: str = OFF,
    monitor: str = "exit 0",
    secrets: dict[str, str] | None = None,
    timeout_ms: int = 20_000,
) -> Device:
    """The agent `name` as a program in `folder`, and a device that it speaks to."""
    path = folder / name
    path.write_text(SHELL.format(folder=folder, name=name, off=off, status=status, monitor=monitor))
    path.chmod(0o755)
    return Device(str(path), {"ip": "10.0.0.9"}, secrets or {}, timeout_ms)


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def switch(folder: Path, name: str) -> Device:
    """An agent that has a state: off until its file says on, and `off` takes the file away."""
    state = folder / f"{name}.on"
    state.touch()
    look = f'if [ -e "{state}" ]; then {ON}; else {OFF}; fi'
    return agent(folder, name, off=f'rm -f "{state}"', status=look)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
