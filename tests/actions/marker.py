"""A kind of action in one file, as a new one would be: a file that is there while the service is up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.action import DONE, Ending, Order, Result, Seen
from actions.kinds.kind import ActionKind, Made, Odd, Setting, not_absolute
from protocol.stored.table import Table
from protocol.stored.values import program

if TYPE_CHECKING:
    from actions.process import Programs
    from actions.workshop import Workshop


class Marker(ActionKind):
    name, spoken, runs_programs = "marker", "a marker", True
    settings = (Setting("marker", str, "A file that is there while the service is up.", "/run/web"),)

    def read(self, it: Table) -> Mapping[str, Any]:
        return MappingProxyType({"marker": it.take("marker", program)})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from not_absolute("marker", written["marker"], "/run/web")

    def programs(self, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "marker", "/bin/touch"

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"the marker {settings['marker']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        return Made(MarkerAction(settings["marker"], workshop.programs))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        return {"run": ["/bin/rm", settings["marker"]], "env": environment, "timeout_ms": timeout_ms}


class MarkerAction:
    def __init__(self, path: str, programs: Programs) -> None:
        self._path, self._programs = path, programs

    async def up(self, order: Order) -> Result:
        return await self._run(order, "/bin/touch", self._path)

    async def down(self, order: Order) -> Result:
        return await self._run(order, "/bin/rm", "-f", self._path)

    async def reclaim(self, order: Order) -> Result:
        return await self.up(order)

    async def probe(self, order: Order) -> Seen:
        exited = await self._programs.run(["/usr/bin/test", "-e", self._path], order.environment())
        return {0: Seen.UP, 1: Seen.DOWN}.get(exited.code, Seen.UNKNOWN)

    async def _run(self, order: Order, *words: str) -> Result:
        exited = await self._programs.run(words, order.environment())
        return DONE if exited.code == 0 else Result(Ending.FAILED, exited.line, exited.output)
