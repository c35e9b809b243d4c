"""The kinds of checks: one file each, and the list of them. A new kind is its file and a name in this list.

    check = CHECKS[policy.kind].make(policy.settings, programs)
    found = await check.run(order.environment(), timeout_s=1)

As with the kinds of actions, nothing here imports at its top what touches a socket, a file or a clock.
"""

from collections.abc import Mapping
from types import MappingProxyType

from actions.checks.dns import Dns
from actions.checks.exec import Exec
from actions.checks.http import Http
from actions.checks.kind import CheckKind
from actions.checks.ocf import Ocf
from actions.checks.systemd import Systemd
from actions.checks.tcp import Tcp

KINDS: tuple[CheckKind, ...] = (Tcp(), Exec(), Http(), Dns(), Systemd(), Ocf())

CHECKS: Mapping[str, CheckKind] = MappingProxyType({kind.name: kind for kind in KINDS})
