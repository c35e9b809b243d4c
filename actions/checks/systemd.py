"""The state of a unit of systemd: passed while it is active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Machine, Odd, Setting
from actions.kinds.systemd import odd_unit
from protocol.stored.table import Table
from protocol.stored.values import unit

if TYPE_CHECKING:
    from actions.process import Programs


class Systemd(CheckKind):
    name, spoken = "systemd", "the state of a unit"
    settings = (Setting("systemd", str, "A unit that must be active.", "nginx.service"),)

    def read(self, it: Table) -> Mapping[str, Any]:
        return MappingProxyType({"systemd": it.take("systemd", unit)})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_unit(written["systemd"])

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        if wrong := machine.wrong_unit(written["systemd"], starts_it=False):
            yield Odd("systemd", *wrong)

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.unit_check import UnitCheck

        return UnitCheck(settings["systemd"])
