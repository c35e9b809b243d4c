"""The configuration file as a `faild` reads it: at its start, and when it is told to read it again. One way for both.

    checked = look(options.config, "lukretia", secrets)
    checked.policy                  # None where there is anything to complain about
"""

from pathlib import Path

from coordinator.config import Checked, check
from coordinator.config.complaints import Complaint

__all__ = ["look"]


def look(path: Path, node: str, secrets: Path) -> Checked:
    """Everything that is wrong with it, also for this node alone, and what its machine lacks. Raises OSError where it cannot
    be read, and nothing else."""
    checked = check(path, (node, secrets))
    if checked.policy is None or node in checked.policy.nodes:
        return checked
    names = ", ".join(checked.policy.nodes)
    missing = Complaint(1, 1, str(path), "nodes", f"no node {node!r} in it", f"Name one with --node: {names}")
    return Checked(None, (missing,), checked.warnings)
