"""What all actions of one process share: the kernel's network, what announces addresses, and what starts programs."""

from dataclasses import dataclass

from actions.announce import Announcer
from actions.netlink import Netlink
from actions.process import Programs


@dataclass(frozen=True, slots=True)
class Workshop:
    netlink: Netlink
    announcer: Announcer
    programs: Programs
