"""The kinds of actions: one file each, and the list of them. A new kind is its file and a name in this list.

    kind = ACTIONS[policy.kind]
    kind.named(policy.settings)

What a kind says is in `kind.py`. The order is that in which complaints and editors name them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from actions.kinds.address import Address
from actions.kinds.arp import Arp
from actions.kinds.dns import Dns
from actions.kinds.kind import ActionKind
from actions.kinds.mount import Mount
from actions.kinds.nft import Nft
from actions.kinds.notify import Notify
from actions.kinds.ocf import Ocf
from actions.kinds.route import Route
from actions.kinds.script import Script
from actions.kinds.systemd import Systemd

KINDS: tuple[ActionKind, ...] = (Address(), Script(), Notify(), Route(), Arp(), Nft(), Systemd(), Ocf(), Mount(), Dns())

ACTIONS: Mapping[str, ActionKind] = MappingProxyType({kind.name: kind for kind in KINDS})
