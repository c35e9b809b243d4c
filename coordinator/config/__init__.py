"""From the text of failover.toml to a Policy, or to every complaint about it at once.

    policy = read(Path("/etc/failover/failover.toml"))      # for a node: looks at the secret files as well
    policy = parse(text, "failover.toml")                   # the same rules, touches no file
    checked = check(path)                                   # everything that is wrong with it: raises nothing but OSError
    checked = survey(path)                                  # and what this machine lacks for it: `failc config check`

A complaint says file, line, column, key, what is wrong and what to write instead (`complaints`). The shape of the file is
in `shape`, what its values must agree on in `rules`, what deserves a second look in `warnings`,
what it asks of a machine in `here`; `load` puts it together.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordinator.config.complaints import BadConfig, Complaint
    from coordinator.config.load import DEFAULT, Checked, check, parse, read, schema, survey

__all__ = ["DEFAULT", "BadConfig", "Checked", "Complaint", "check", "parse", "read", "schema", "survey"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: `failc move --for 2h` needs `durations`, and not the 80 ms that pydantic takes."""
    if name in __all__:
        return getattr(importlib.import_module("coordinator.config.load"), name)
    raise AttributeError(f"module {__name__} has no {name}")
