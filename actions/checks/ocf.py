"""The monitor of a resource agent: passed while it says that the thing runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Machine, Odd, Setting
from actions.kinds.ocf import PARAMS, agent_of, lacking_agent, odd_agent, read_agent
from protocol.stored.table import Table

if TYPE_CHECKING:
    from actions.process import Programs


class Ocf(CheckKind):
    name, spoken, runs_programs = "ocf", "the monitor of an agent", True
    settings = (Setting("ocf", str, "A resource agent whose monitor is asked.", "heartbeat:nginx"), PARAMS)

    def read(self, it: Table) -> Mapping[str, Any]:
        return read_agent(it)

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_agent(written)

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        yield from lacking_agent(written, machine, promotable=True)

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.ocf.check import AgentCheck

        return AgentCheck(agent_of(settings), programs)
