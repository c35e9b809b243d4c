"""`failc` as a real process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from tools.failc.main import main; main()"]

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""What is kept of the environment; no agent, no FAILC_ variables, no colours come with it."""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"PYTHONPATH": str(ROOT)} | more


@asynccontextmanager
async def started(
    *words: object, out: int = asyncio.subprocess.PIPE, before: tuple[str, ...] = (), **env: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running `failc`, ended with the context whatever happens. `before`: words for the interpreter itself."""
    command = [COMMAND[0], *before, *COMMAND[1:], *map(str, words)]
    err = asyncio.subprocess.PIPE if out == asyncio.subprocess.PIPE else out
    process = await asyncio.create_subprocess_exec(*command, env=environment(**env), stdout=out, stderr=err)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def failc(*words: object, **env: str) -> Done:
    """Runs to its end, at most 30 s."""
    async with started(*words, **env) as process:
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return Done(process.returncode or 0, out.decode(), err.decode())
