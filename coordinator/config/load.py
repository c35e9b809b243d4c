"""Reading a file or a text, checking all of it, and then reading the policy as from a log. The package has examples."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.config import arbiter_rules, fence_secrets, here, permissions, rules, secrets, warnings
from coordinator.config.complaints import BadConfig, Complaint, Finding, place
from coordinator.config.reading import Reading, read_text
from coordinator.config.shape import FileShape
from coordinator.policy import Policy
from coordinator.state import stored_file

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

DEFAULT = Path("/etc/failover/failover.toml")


def parse(text: str, name: str) -> Policy:
    """The policy in `text`; `name` is what complaints call the file. Raises BadConfig. Touches no file."""
    reading = read_text(text, name)
    _refuse([*reading.findings, *rules.findings(reading)], reading, name)
    return _as_stored(text)


def read(path: Path | str, *, files: bool = True) -> Policy:
    """The policy in the file. Raises BadConfig, and OSError where the file cannot be read.

    With `files` the secret files that it names must exist and be private; their paths become absolute.
    """
    return _read(Path(path), files=files)[0]


def _read(path: Path, *, files: bool, me: str = "") -> tuple[Policy, Reading]:
    """`me`: the node that will run with it, and that never fences itself."""
    text = _text(path)
    reading = read_text(text, str(path))
    found = [*reading.findings, *rules.findings(reading)]
    if files:
        found += [*secrets.findings(reading, path.parent), *fence_secrets.findings(reading, path.parent, me)]
        found += arbiter_rules.findings(reading, path.parent, me)
    _refuse(found, reading, str(path))
    folder = path.parent.absolute()
    policy = arbiter_rules.resolved(secrets.resolved(_as_stored(text), folder), folder)
    return fence_secrets.resolved(policy, folder), reading


def _as_stored(text: str) -> Policy:
    """Remembered: when the text comes back from the log, on the event loop, it is not read once more."""
    return stored_file.read(text)


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that there is to say about a file. `policy` is None where there are complaints."""

    policy: Policy | None
    complaints: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]
    lacks: tuple[Complaint, ...] = ()
    """What the node that asks needs and its machine lacks. A node starts all the same, and goes over to no such file."""
    exposed: tuple[Complaint, ...] = ()
    """Files that others can change."""

    @property
    def wrong(self) -> tuple[Complaint, ...]:
        """All that must be changed before a node of this machine goes over to it."""
        return tuple(sorted({*self.complaints, *self.lacks}))


def check(path: Path | str, own: tuple[str, Path] | None = None) -> Checked:
    """As `read`, and also the private keys beside the file and the warnings. Raises only OSError.

    `own`: a node and its folder of secrets, for a `faild` that is about to sign with that key: this machine is asked for what
    that node needs; other nodes' keys are not looked at.
    """
    path = Path(path)
    try:
        policy, reading = _read(path, files=True, me=own[0] if own else "")
    except BadConfig as error:
        return Checked(None, error.complaints, ())
    bad = _keys(reading, path.parent, own)
    lacks = here.lacking(reading, {own[0]}) if own else ()
    open_to_others = permissions.exposed(reading, path, [own[1]], {own[0]}) if own else ()
    return _checked(path, reading, None if bad else policy, bad, warnings.findings(reading), lacks, open_to_others)


def survey(path: Path | str) -> Checked:
    """As `check`, for a person: what the nodes of this machine lack, and what the others may lack as a warning."""
    path = Path(path)
    checked = check(path)
    if checked.policy is None:
        return checked
    reading = read_text(checked.policy.text, str(path))
    nodes = here.nodes_here(reading)
    odd = [*warnings.findings(reading), *here.elsewhere(reading, nodes)]
    folders = [path.absolute().parent / name for name in (*reading.file.nodes, "operator")]
    open_to_others = permissions.exposed(reading, path, folders, nodes)
    return _checked(path, reading, checked.policy, (), odd, here.lacking(reading, nodes), open_to_others)


def _checked(
    path: Path,
    reading: Reading,
    policy: Policy | None,
    bad: Iterable[Finding],
    odd: Iterable[Finding],
    lacks: Iterable[Finding],
    open_to_others: Iterable[Finding],
) -> Checked:
    found = [tuple(place(findings, reading.positions, str(path))) for findings in (bad, odd, lacks, open_to_others)]
    return Checked(policy, *found)


def _keys(reading: Reading, folder: Path, own: tuple[str, Path] | None) -> list[Finding]:
    if own:
        return list(secrets.own_findings(reading, *own))
    return [*secrets.node_findings(reading, folder), *secrets.operator_findings(reading, folder)]


def schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FileShape.model_json_schema(),
        "title": "failover.toml",
    }


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if raw.startswith(UTF_16):
            raise BadConfig([Complaint(1, 1, str(path), "", "is UTF-16", "Save the file as UTF-8")]) from None
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise BadConfig([Complaint(line, column, str(path), "", "is not UTF-8", "Save the file as UTF-8")]) from None


def _refuse(found: list[Any], reading: Reading, name: str) -> None:
    if found:
        raise BadConfig(place(found, reading.positions, name))
