"""A program that knows the seven words of 2000: start, stop, reclaim as orders; fail, recover, up, down as news."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Made, Setting
from protocol.stored.table import Table
from protocol.stored.values import program

if TYPE_CHECKING:
    from actions.workshop import Workshop


class Script(ActionKind):
    name, spoken, runs_programs = "script", "a script", True
    settings = (Setting("script", str, "A program that knows the seven words of 2000.", "/etc/failover/web"),)

    def read(self, it: Table) -> Mapping[str, Any]:
        return MappingProxyType({"path": it.take("script", program)})

    def programs(self, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "script", written["script"]

    def named(self, settings: Mapping[str, Any]) -> str:
        return str(settings["path"])

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.script_action import ScriptAction

        action = ScriptAction(settings["path"], workshop.programs)
        return Made(action, action)

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        return {"run": [settings["path"], "stop"], "env": environment, "timeout_ms": timeout_ms}
