"""What all actions of one process share: the kernel's network, what announces addresses, what starts programs, and units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from actions.announce import Announcer
from actions.netlink import Netlink
from actions.process import Programs

if TYPE_CHECKING:
    from actions.units import Units


@dataclass(frozen=True)
class Workshop:
    netlink: Netlink
    announcer: Announcer
    programs: Programs

    @cached_property
    def units(self) -> Units:
        """Made with the first action that is a unit: loading its library takes a tenth of a second."""
        from actions.units import Units

        return Units()

    def close(self) -> None:
        if "units" in vars(self):
            self.units.close()
        self.programs.close()
        self.announcer.close()
        self.netlink.close()
