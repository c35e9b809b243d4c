"""An agent: where it is, what it finds in its environment, and what its exit codes mean. Pure.

    agent = Agent("heartbeat:nginx", (("configfile", "/etc/nginx/nginx.conf"),))
    agent.program                       # /usr/lib/ocf/resource.d/heartbeat/nginx
    agent.environment("web", 20_000)    # of the service web
    meaning(7)                          # "exit 7 (not running)"
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

ROOT = "/usr/lib/ocf"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TEMPORARY = "/run/resource-agents"
"""Where agents note what runs: the folder that their package makes at boot."""

CODES = {
    1: "an error",
    2: "its parameters are wrong",
    3: "it does not know that word",
    4: "not permitted",
    5: "a program that it needs is not installed",
    6: "it is not configured",
    7: "not running",
    8: "running as the promoted one",
    9: "failed as the promoted one",
    190: "running, and degraded",
    191: "running as the promoted one, and degraded",
}
RUNNING, NOT_RUNNING = frozenset({0, 8, 190, 191}), frozenset({5, 7})
"""Of `monitor`. What is not installed does not run; all others cannot tell."""


class Agent(NamedTuple):
    name: str
    """Provider and type, with a colon between."""
    params: tuple[tuple[str, str], ...]

    @property
    def program(self) -> str:
        provider, _, kind = self.name.partition(":")
        return f"{ROOT}/resource.d/{provider}/{kind}"

    def environment(self, service: str, timeout_ms: int) -> Mapping[str, str]:
        provider, _, kind = self.name.partition(":")
        return {
            "PATH": PATH,
            "LC_ALL": "C",
            "OCF_ROOT": ROOT,
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "0",
            "OCF_RESOURCE_PROVIDER": provider,
            "OCF_RESOURCE_TYPE": kind,
            "OCF_RESOURCE_INSTANCE": self.instance(service),
            "HA_RSCTMP": TEMPORARY,
            "OCF_RESKEY_CRM_meta_timeout": str(timeout_ms),
            "OCF_RESKEY_CRM_meta_interval": "0",
            **{f"OCF_RESKEY_{name}": value for name, value in self.params},
        }

    def instance(self, service: str) -> str:
        """The same for the action and the check of one thing, and another one for each thing: agents note by it what runs."""
        told = "\n".join(f"{name}={value}" for name, value in self.params)
        return f"{service}-{self.name.replace(':', '-')}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def meaning(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    return f"exit {code} ({CODES.get(code, 'which agents do not have')})"
