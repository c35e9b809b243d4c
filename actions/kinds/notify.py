"""A program that is told every change of a service's state here. It takes no orders, and nothing of it is ever up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Made, Setting
from protocol.stored.table import Table
from protocol.stored.values import program

if TYPE_CHECKING:
    from actions.workshop import Workshop


class Notify(ActionKind):
    name, spoken, runs_programs = "notify", "a hook", True
    settings = (Setting("notify", str, "A program that is told what happened.", "/etc/failover/tell"),)

    def read(self, it: Table) -> Mapping[str, Any]:
        return MappingProxyType({"path": it.take("notify", program)})

    def programs(self, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "notify", written["notify"]

    def named(self, settings: Mapping[str, Any]) -> str:
        return str(settings["path"])

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.notify_hook import NotifyHook

        return Made(None, NotifyHook(settings["path"], workshop.programs))
