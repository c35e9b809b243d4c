"""From the command line's sources to a history that may be believed.

    evidence = gather(paths)            # reads, verifies, merges; Trouble(3) where something cannot be read, or is empty
    evidence.history, evidence.policy, evidence.merged.findings

Only events that a good signature covers are played. What is wrong with the rest goes to stderr as one line: every
answer says whether the logs under it are sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from coordinator.config import DEFAULT, BadConfig
from coordinator.config import read as read_config
from coordinator.policy import Policy
from coordinator.state.stored_file import read_policy
from coordinator.trust import beginning, known_keys
from protocol.keys import NodeKeyring
from protocol.printable import printable
from store.merge import Merged, Source, merge
from store.reading import read
from store.refusals import JournalRefused
from tools.audit.history import History
from tools.audit.options import settings
from tools.audit.owners_at import Tenure
from tools.cli.trouble import UNREACHABLE, USAGE, Trouble


@dataclass(frozen=True, slots=True)
class Evidence:
    policy: Policy
    merged: Merged
    history: History
    remarks: Sequence[str] = ()
    """What is odd about where the sources lie, and proves nothing."""

    @property
    def tenure(self) -> Tenure:
        return Tenure(self.history, self.policy)

    def service(self, name: str) -> str:
        """The name itself, where the configuration or the log knows it; Trouble(2) with the known ones otherwise."""
        known = sorted({*self.policy.services, *self.history.services})
        if name not in known:
            raise Trouble(f"no service {name}: there are {', '.join(known) or 'none'}", USAGE)
        return name


def gather(sources: Sequence[Path], quiet: bool = False) -> Evidence:
    """`quiet`: the findings are going to be printed by the command itself."""
    policy = trusted()
    try:
        logs = [read(path) for path in sources]
    except JournalRefused as refused:
        raise Trouble(refused.why, UNREACHABLE) from None
    if not any(log.rows for log in logs) and not (quiet and any(log.findings for log in logs)):
        faults = [finding.sentence for log in logs for finding in log.findings]
        if faults:
            raise Trouble(f"{logs[0].name}: {faults[0]}: nothing in it is believed; see: failaudit verify", UNREACHABLE)
        where = ", ".join(log.name for log in logs)
        raise Trouble(f"{where}: there is no event there: nothing to verify, and nothing to answer from", UNREACHABLE)
    evidence = weighed(policy, logs)
    merged = evidence.merged
    if merged.findings and not quiet:
        first = merged.findings[0]
        more = f" and {len(merged.findings) - 1} more" if len(merged.findings) > 1 else ""
        said = f"failaudit: unsound: {first.sentence}{more}; see: failaudit verify"
        click.echo(printable(said), err=True)
    return evidence


def weighed(policy: Policy, logs: Sequence[Source]) -> Evidence:
    """What may be believed of these rows."""
    keyring = NodeKeyring(known_keys(policy, [row for log in logs for row in log.rows]))
    merged = merge(logs, keyring, policy.cluster_id)
    played = [entry for entry in merged.entries if entry.id in merged.attested and entry.event.cluster == policy.cluster_id]
    remarks = [remark for log in logs for remark in log.remarks]
    return Evidence(policy, merged, History(played, beginning(policy, played)), remarks)


def trusted() -> Policy:
    """The configuration whose keys are trusted; Trouble(3) where there is none: an unverified log is never a clean one."""
    path = settings().config or DEFAULT
    try:
        return read_config(path, files=False)
    except OSError as error:
        how = "name the cluster's own failover.toml with --config FILE"
        raise Trouble(f"{path}: {error.strerror}: without it no key can be trusted; {how}", UNREACHABLE) from None
    except BadConfig as bad:
        stored = _stored(path)
        if stored is None:
            raise Trouble(str(bad), USAGE) from None
        return stored


def _stored(path: Path) -> Policy | None:
    """What a log may hold an auditor reads, also where this release would run no node with it."""
    try:
        return read_policy(path.read_text())
    except (OSError, UnicodeDecodeError):
        return None
