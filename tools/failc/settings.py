"""Which node is asked, and who asks: the options that were given, then the environment, then the defaults.

begin()                         # a command begins
settings().give("state", "/var/lib/failover")
settings().target()
"""

import os
from pathlib import Path

STATE = Path("/var/lib/failover")
"""The default state folder of `faild`."""


class Settings:
    """What was given; None where it was not."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.connect: str | None = None
        self.identity: str | None = None

    def give(self, name: str, value: str) -> None:
        """One option; of `state` and `connect` the later one counts."""
        if name in ("state", "connect"):
            self.state = self.connect = None
        setattr(self, name, value)

    def target(self) -> tuple[Path | None, str]:
        """The state folder to talk to, or None and a URL. An option beats the environment, the later option the earlier."""
        if self.connect is None and self.state is None:
            self.connect, self.state = os.environ.get("FAILC_CONNECT"), os.environ.get("FAILC_STATE")
        if self.connect:
            return None, self.connect
        return Path(self.state) if self.state else STATE, ""

    def key_file(self) -> Path | None:
        name = self.identity or os.environ.get("FAILC_IDENTITY")
        return Path(name).expanduser() if name else None


_now = [Settings()]


def begin() -> None:
    """A process runs one command after the other: nothing of an earlier one is left."""
    _now[0] = Settings()


def settings() -> Settings:
    """The settings of the command that runs."""
    return _now[0]
