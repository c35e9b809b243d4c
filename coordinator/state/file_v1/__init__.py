"""Version 1 of failover.toml, as logs hold it: from a stored text to a Policy, by rules that do not change any more.

    policy = read(text)         # raises Unreadable
    policy = read_policy(text)    # None instead, and remembered

Two nodes that fold one log must come to one state, whichever release of this program each of them runs. So the fold reads a
stored text by this page alone: no schema library, no rule that came later, nothing of this machine. `coordinator.config` says
to an operator what is wrong with a file and where; whatever it accepts is read here. A key that version 1 does not have makes
a text unreadable: its meaning is not known. A new key is a new version, and a page beside this one (decision 0065).
"""

from coordinator.state.file_v1.reader import TEXT_BYTES_MAX, cluster_id, read, read_policy
from protocol.stored.table import Unreadable

__all__ = ["TEXT_BYTES_MAX", "Unreadable", "cluster_id", "read", "read_policy"]
