"""Version 2 of failover.toml, as logs hold it: version 1 and the keys of leases and fences. It does not change any more either.

    policy = read(text)             # raises Unreadable
    policy = read_policy(text)      # None instead, and remembered

It has `voter` and `[[nodes.NAME.fence]]` of a node, `fence` of a service, and `[watchdog]`. What both versions have is read by
the code of version 1. A text without these keys is read by version 1, and means what it always meant: ask
`coordinator.state.stored_file`, which asks both in their order.
"""

from coordinator.state.file_v2.reader import read, read_policy

__all__ = ["read", "read_policy"]
