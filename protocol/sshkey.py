"""OpenSSH Ed25519 keys: how they are written in files, in signatures and to agents.

    raw = parse_public("ssh-ed25519 AAAA...")           # 32 bytes; a comment may follow
    key = load_private(Path("operator/id_ed25519"))     # a FileKey; protocol.agent.keys() gives those of an agent
    public = write_private(Path("operator/id_ed25519"), "afm@cluster")

A public key is the text "ssh-ed25519 AAAA..." without a comment. Everything else that OpenSSH knows is refused.
"""

import base64
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.keys import UnusableKey, check_key
from protocol.refusals import Reason, Refused

ALGORITHM = b"ssh-ed25519"

BEGIN, END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
OPENSSH_V1 = b"openssh-key-v1\0"
UNENCRYPTED = b"\0\0\0\4none" + b"\0\0\0\4none" + b"\0\0\0\0" + b"\0\0\0\1"
"""Cipher, how its key is derived, with which options, and how many keys there are."""


class SshKey(Protocol):
    """Signs as an OpenSSH Ed25519 key: a file or an agent."""

    @property
    def public(self) -> str: ...

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature over `data` as it is."""


class FileKey:
    """A private key that was read from a file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key

    @property
    def public(self) -> str:
        return public_text(self.key.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


def load_private(path: Path) -> FileKey:
    """Read an OpenSSH private key without a passphrase; raises UnusableKey with what to do."""
    try:
        with open(path, "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise UnusableKey(f"{path}: other users can read it; chmod 600 {path}")
            text = file.read(65_536)
    except OSError as error:
        raise UnusableKey(f"{path}: {error.strerror}; name an OpenSSH private key with --identity") from None
    return FileKey(_plain(text) or _loaded(path, text))


def _plain(text: bytes) -> Ed25519PrivateKey | None:
    """An Ed25519 key without a passphrase, as ssh-keygen writes it; None for anything else, which `_loaded` can put into words.

    PROTOCOL.key of OpenSSH. The library that reads every kind of key takes as long to load as `failc` takes for the rest.
    """
    lines = text.strip().split(b"\n")
    if (lines[0], lines[-1]) != (BEGIN, END):
        return None
    try:
        raw = base64.b64decode(b"".join(lines[1:-1]), validate=True)
        if not raw.startswith(OPENSSH_V1 + UNENCRYPTED):
            return None
        public, private = ssh_strings(raw.removeprefix(OPENSSH_V1 + UNENCRYPTED), 2)
        if private[:4] != private[4:8] or not private.startswith(key_blob(raw_key(public)), 8):
            return None
        both = ssh_string_at(private, 8 + len(public))
        key = Ed25519PrivateKey.from_private_bytes(both[:32])
    except (ValueError, Refused):
        return None
    return key if key.public_key().public_bytes_raw() == both[32:] == raw_key(public) else None


def _loaded(path: Path, text: bytes) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        secret = "password" in str(error).lower() or "encrypted" in str(error).lower()
        todo = f"has a passphrase; give it to an agent: ssh-add {path}" if secret else "not an OpenSSH private key"
        raise UnusableKey(f"{path}: {todo}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{path}: not an Ed25519 key; make one: ssh-keygen -t ed25519")
    return key


def write_private(path: Path, comment: str) -> str:
    """A new OpenSSH key in `path` (0600) and `path`.pub, never over an old one; returns the public text without comment."""
    from cryptography.hazmat.primitives import serialization

    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    public = FileKey(key).public
    _write_new(path, text, 0o600)
    _write_new(path.with_name(path.name + ".pub"), f"{public} {comment}\n".encode(), 0o644)
    return public


def public_text(raw: bytes) -> str:
    """32 raw bytes as "ssh-ed25519 AAAA..."."""
    return "ssh-ed25519 " + base64.b64encode(key_blob(raw)).decode()


def parse_public(text: str) -> bytes:
    """The 32 raw bytes of "ssh-ed25519 AAAA..." (a comment may follow); raises UnusableKey."""
    words = text.split()
    if len(words) < 2 or words[0] != "ssh-ed25519":
        raise UnusableKey('an operator key is written "ssh-ed25519 AAAA...": the first two words of id_ed25519.pub')
    try:
        return raw_key(base64.b64decode(words[1], validate=True))
    except UnusableKey:
        raise
    except (ValueError, Refused):
        raise UnusableKey("not an ssh-ed25519 public key; copy the whole line of id_ed25519.pub") from None


def key_blob(raw: bytes) -> bytes:
    return ssh_string(ALGORITHM) + ssh_string(raw)


def raw_key(blob: bytes) -> bytes:
    algorithm, raw = ssh_strings(blob, 2)
    if algorithm != ALGORITHM:
        raise UnusableKey(f"a key of the kind {algorithm.decode(errors='replace')}; use an ssh-ed25519 key")
    return check_key(raw)


def ssh_string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def ssh_strings(data: bytes, count: int) -> list[bytes]:
    """Exactly `count` length-prefixed strings and nothing behind them; raises Refused."""
    found, at = [], 0
    for _ in range(count):
        length = int.from_bytes(data[at : at + 4], "big")
        at += 4 + length
        if at > len(data):
            raise Refused(Reason.TRUNCATED, "an SSH structure that ends early")
        found.append(data[at - length : at])
    if at != len(data):
        raise Refused(Reason.GARBAGE, "bytes behind an SSH structure")
    return found


def ssh_string_at(data: bytes, at: int) -> bytes:
    """The length-prefixed string that begins there; raises Refused."""
    length = int.from_bytes(data[at : at + 4], "big")
    if at + 4 + length > len(data):
        raise Refused(Reason.TRUNCATED, "an SSH structure that ends early")
    return data[at + 4 : at + 4 + length]


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
