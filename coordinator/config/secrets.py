"""The files that a configuration points at and that only their owner may read. Never looked at for a policy from the log."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from actions.trap import read_secret
from coordinator.config.complaints import Finding
from coordinator.config.reading import Reading
from coordinator.policy import Policy
from protocol.keys import UnusableKey, key_text
from protocol.signing import read_node_key


def findings(reading: Reading, folder: Path) -> Iterator[Finding]:
    """Complaints about the secret files of traps; relative paths are meant from the configuration's `folder`."""
    for index, trap in enumerate(reading.file.traps):
        if trap.secret_file is not None:
            wrong = unsafe(folder / trap.secret_file) or _no_passwords(folder / trap.secret_file)
            if wrong:
                yield Finding(("traps", index, "secret_file"), *wrong)


def node_findings(reading: Reading, folder: Path) -> Iterator[Finding]:
    """Complaints about the node keys beside the configuration; a folder that is not here is another node's business."""
    for name in reading.file.nodes:
        path = folder / name / "node.key"
        if path.parent.is_dir() and _visible(path):
            wrong = _wrong_key(path, reading.file.nodes[name].key)
            if wrong:
                yield Finding(("nodes", name, "key"), *wrong)


def operator_findings(reading: Reading, folder: Path) -> Iterator[Finding]:
    """A complaint where others can read the operator's key beside the configuration, which `failc` refuses to sign with."""
    path = folder / "operator" / "id_ed25519"
    if _visible(path) and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(("operators", _whose(reading, path), "key"), *_open_to_others(path))


def _whose(reading: Reading, path: Path) -> str:
    """The operator with the public key beside this private one; else the first."""
    try:
        public = path.with_name(path.name + ".pub").read_text().split()[:2]
    except (OSError, UnicodeDecodeError):
        public = []
    names = list(reading.file.operators)
    return next((name for name in names if reading.file.operators[name].key.split()[:2] == public), names[0] if names else "")


def own_findings(reading: Reading, node: str, folder: Path) -> Iterator[Finding]:
    """Complaints about the key that `node` is about to sign with, in its folder of secrets; it must be there."""
    if node in reading.file.nodes:
        wrong = _wrong_key(folder / "node.key", reading.file.nodes[node].key)
        if wrong:
            yield Finding(("nodes", node, "key"), *wrong)


def _wrong_key(path: Path, written: str) -> tuple[str, str] | None:
    try:
        public = key_text(read_node_key(path).public_key().public_bytes_raw())
    except UnusableKey as error:
        what, _, instead = str(error).partition("; ")
        return what, instead[:1].upper() + instead[1:] if instead else "Make it readable for its owner only"
    if public != written:
        instead = "Copy that here, or the right file there; `failc key new NODE DIR` makes a new one"
        return f"is not the public key of {path}, which is {public}", instead
    return None


def _visible(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def unsafe(path: Path) -> tuple[str, str] | None:
    """What is wrong with a secret file and what to do, or None."""
    try:
        mode = path.stat().st_mode
        with path.open("rb"):
            pass
    except FileNotFoundError:
        return f"{path} does not exist", "Write it there, with mode 0600"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}", "Make it readable for the user that faild runs as, mode 0600"
    if not stat.S_ISREG(mode):
        return f"{path} is not a file", "Name a file with mode 0600"
    return _open_to_others(path) if stat.S_IMODE(mode) & 0o077 else None


def _open_to_others(path: Path) -> tuple[str, str]:
    return f"{path} can be read by others (mode {stat.S_IMODE(path.stat().st_mode):04o})", f"Do: chmod 600 {path}"


def _no_passwords(path: Path) -> tuple[str, str] | None:
    """What the sender of the traps would refuse later, when no person looks."""
    try:
        read_secret(path)
    except (ValueError, OSError):
        return f"{path} has no passwords", "Write one for auth on the first line, one for priv on the second, 8 letters or more"
    return None


def resolved(policy: Policy, folder: Path) -> Policy:
    """The policy with its secret files as absolute paths."""
    traps = tuple(
        replace(trap, settings=MappingProxyType({**trap.settings, "secret_file": str(folder / trap.settings["secret_file"])}))
        if "secret_file" in trap.settings
        else trap
        for trap in policy.traps
    )
    return replace(policy, traps=traps)
