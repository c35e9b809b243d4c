"""A stored failover.toml, read by the first version that can read it (decision 0065).

    policy = read_policy(text)      # None where no version of this release can
    policy = read(text)             # raises Unreadable instead

The order is fixed. A text that version 1 reads means for ever what version 1 makes of it, whatever a later version would.
"""

from coordinator.policy import Policy
from coordinator.state import file_v1, file_v2, file_v3


def read_policy(stored: str) -> Policy | None:
    """Each version remembers what it has read."""
    return file_v1.read_policy(stored) or file_v2.read_policy(stored) or file_v3.read_policy(stored)


def read(stored: str) -> Policy:
    """Raises Unreadable, with what the newest version has against it."""
    return read_policy(stored) or file_v3.read(stored)
