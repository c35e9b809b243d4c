"""A unit of systemd that is active while the service is up. docs/actions.md"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Machine, Made, Odd, Setting
from protocol.stored.table import Table
from protocol.stored.values import UNIT, unit

if TYPE_CHECKING:
    from actions.workshop import Workshop

SYSTEMCTL = "/bin/systemctl"
"""By the guard, which has no library for D-Bus."""


class Systemd(ActionKind):
    name, spoken = "systemd", "a unit of systemd"
    settings = (Setting("systemd", str, "A unit that is active while the service is up.", "nginx.service"),)

    def read(self, it: Table) -> Mapping[str, Any]:
        return MappingProxyType({"systemd": it.take("systemd", unit)})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_unit(written["systemd"])

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        if wrong := machine.wrong_unit(written["systemd"], starts_it=True):
            yield Odd("systemd", *wrong)

    def named(self, settings: Mapping[str, Any]) -> str:
        return str(settings["systemd"])

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.unit_action import UnitAction

        return Made(UnitAction(settings["systemd"], workshop.units))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        words = [SYSTEMCTL, "--no-ask-password", "--quiet", "stop", settings["systemd"]]
        return {"run": words, "env": environment, "timeout_ms": timeout_ms}


def odd_unit(written: str) -> Iterator[Odd]:
    if UNIT.fullmatch(written):
        return
    what, name = f'"{written[:60]}" is not the name of a unit', re.escape(written.partition("@")[0])
    if re.fullmatch(rf"{name}@\.[a-z]+", written):
        instance = written.replace("@", "@1")
        yield Odd("systemd", f'"{written[:60]}" is a template', f'Write an instance of it, such as "{instance}"')
    elif re.fullmatch(r"[A-Za-z0-9:_-]+", written):
        yield Odd("systemd", what, f'Write it in full: "{written}.service"')
    else:
        yield Odd("systemd", what, 'Write one such as "nginx.service"')
