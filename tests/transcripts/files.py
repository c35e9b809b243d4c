"""The configurations of the stories, with keys that are the same in each run and guard nothing."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.config import parse
from coordinator.policy import Policy
from protocol.keys import key_text
from protocol.signing import Identity
from protocol.sshkey import FileKey
from tools.simulator.files import changed

FOLDER = Path(__file__).parent


def identity(node: str) -> Identity:
    return Identity(node, _key(node))


def operator_key(name: str) -> FileKey:
    return FileKey(_key(name))


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"transcript {name}".encode()).digest())


def policy_of(name: str) -> Policy:
    """The file of this name. It has names in place of keys."""
    lines, table = [], ""
    for line in (FOLDER / f"{name}.toml").read_text().splitlines():
        table = line if line.startswith("[") else table
        if line.startswith("key = "):
            owner = line.split('"')[1]
            key = key_text(identity(owner).public) if table.startswith("[nodes") else operator_key(owner).public
            line = f'key = "{key}"'
        lines.append(line)
    return parse("\n".join(lines) + "\n", name)


def with_change(policy: Policy, section: str, words: list[str], first: Policy) -> Policy:
    """`padded` makes the file too long for one event, and changes nothing else."""
    if words == ["padded"]:
        remarks = (f"# {number:05} a remark that makes this file long enough for two events\n" for number in range(900))
        return parse(policy.text + "".join(remarks), "the padded file")
    return changed(policy, section, words, first)
