"""Version 3 of failover.toml, as logs hold it: version 2 and the keys of checks, actions and relations of services.

    policy = read(text)             # raises Unreadable
    policy = read_policy(text)      # None instead, and remembered

It has `with`, `apart`, `after`, `gate`, `evidence` and `prefer` of a service, `from`, `on_fail`, `jitter` and `grace` of a
check, `keep` and `down_timeout` of an action, and [arbiter] with `partition = "arbiter"`. What the versions before have is read
by their code, and a text without these keys by those versions.

It may grow until CHANGELOG.md names it as released: other keys of the same release are taken out of their
tables here. From then on it does not change any more, and the next key is a version of its own.
"""

from coordinator.state.file_v3.reader import read, read_policy

__all__ = ["read", "read_policy"]
