"""A program: passed when it exits with 0 in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Setting
from protocol.stored.table import Table, every, need, text

if TYPE_CHECKING:
    from actions.process import Programs


class Exec(CheckKind):
    name, spoken, runs_programs = "exec", "a program", True
    settings = (Setting("exec", list[str], "A program; exit 0 is good.", ["/usr/bin/test", "-e", "/run/ok"]),)

    def read(self, it: Table) -> Mapping[str, Any]:
        argv = it.take("exec", every(text))
        need("".join(argv[:1]).startswith("/"), "a program without an absolute path")
        return MappingProxyType({"argv": argv})

    def programs(self, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "exec", written["exec"][0] if written["exec"] else ""

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.exec_check import ExecCheck

        return ExecCheck(settings["argv"], programs)
