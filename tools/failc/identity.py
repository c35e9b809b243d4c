"""Whose key signs: the one named, else one that the agent holds, else the one beside the configuration.

The operator's name is not asked for: the node says whose public key this is.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.cli.trouble import REFUSED, USAGE, Trouble
from tools.failc.settings import settings

if TYPE_CHECKING:
    from protocol.agent import AgentKey
    from protocol.sshkey import SshKey


def operator(cluster: dict[str, Any]) -> "tuple[str, SshKey]":
    """The operator's name and key, of those that the node knows. Raises Trouble with exit code 4 where there is none."""
    from protocol.keys import UnusableKey

    names = {entry["key"]: name for name, entry in cluster["operators"].items()}
    try:
        key = _key(cluster, names)
    except UnusableKey as error:
        raise Trouble(str(error), USAGE) from None
    if key is None:
        raise Trouble(f"no key of an operator of {cluster['cluster']} is here: {_advice(cluster)}", REFUSED)
    if key.public not in names:
        short = key.public.split()[1][-12:]
        raise Trouble(f"the key ...{short} is of no operator of {cluster['cluster']}: {_advice(cluster)}", REFUSED)
    return names[key.public], key


def _key(cluster: dict[str, Any], names: dict[str, str]) -> "SshKey | None":
    from protocol.sshkey import load_private

    file = settings().key_file()
    if file:
        return _named(file)
    held: list[SshKey] = [key for key in _agent_keys() if key.public in names]
    if held:
        return held[0]
    beside = Path(cluster["config"]).parent / "operator" / "id_ed25519"
    return load_private(beside) if _there(beside) else None


def _there(path: Path) -> bool:
    """Whether a key file is there; one that we may not read counts, so that its name stands in the error."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _named(file: Path) -> "SshKey":
    """The key in `file`; for a public key file, or a private one with a passphrase, the agent's key of that name."""
    from protocol.keys import UnusableKey
    from protocol.sshkey import load_private

    if file.suffix != ".pub":
        try:
            return load_private(file)
        except UnusableKey:
            beside = file.with_name(file.name + ".pub")
            if not beside.exists():
                raise
            held = _held(beside)
            if held is None:
                raise
            return held
    held = _held(file)
    if held is None:
        raise UnusableKey(f"{file}: no agent holds the private key of ...{_public(file)[-12:]}; add it: ssh-add")
    return held


def _held(file: Path) -> "SshKey | None":
    public = _public(file)
    return next((key for key in _agent_keys() if key.public == public), None)


def _public(file: Path) -> str:
    from protocol.keys import UnusableKey
    from protocol.sshkey import parse_public, public_text

    try:
        return public_text(parse_public(_text(file)))
    except UnusableKey as error:
        raise error if str(file) in str(error) else UnusableKey(f"{file}: {error}") from None


def _text(file: Path) -> str:
    from protocol.keys import UnusableKey

    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableKey(f"{file}: cannot be read: {getattr(error, 'strerror', 'not text')}") from None


def _agent_keys() -> "list[AgentKey]":
    from protocol.agent import NoAgent, keys

    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        return list(keys())
    except NoAgent:
        return []  # a stale SSH_AUTH_SOCK must not stand in the way of a key file


def _advice(cluster: dict[str, Any]) -> str:
    names = ", ".join(cluster["operators"]) or "none"
    return f"name one with --identity, or add it to the agent (operators: {names})"
