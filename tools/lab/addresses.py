"""Who has which address on which link: fixed, so that a reader of a trace knows them by heart.

Node k (from 0) is host 11+k; the client is .201, the bystander .202, the service .100, on `lan` = 10.77.0.0/24 and
fd77::/64. The other link, `direct`, is 10.78.0.0/24 and fd78::/64. A hardware address tells its link and host:
02:77:00:00:00:0b is lukretia, eth0. It survives a power loss, as that of a real card does.
"""

from typing import NamedTuple

LINKS = {"lan": 77, "direct": 78}
"""Link name to the number in its addresses; the first is eth0, where the clients are."""
INTERFACES = {"lan": "eth0", "direct": "eth1"}
SERVICE_V4, SERVICE_V6 = "10.77.0.100", "fd77::100"
CLIENT_HOST, BYSTANDER_HOST = 201, 202


class Port(NamedTuple):
    """One end of a cable: what is plugged into a switch."""

    link: str
    name: str
    host: int

    @property
    def switch_side(self) -> str:
        return f"p-{self.name}"[:15]

    @property
    def number(self) -> int:
        """Both ends get the same: a veth with unequal ones is exempt from the kernel's delay in reporting carrier."""
        return LINKS[self.link] * 1000 + self.host

    @property
    def mac(self) -> str:
        return f"02:{LINKS[self.link]}:00:00:00:{self.host:02x}"

    @property
    def v4(self) -> str:
        return f"10.{LINKS[self.link]}.0.{self.host}"

    @property
    def v6(self) -> str:
        return f"fd{LINKS[self.link]}::{self.host:x}"
