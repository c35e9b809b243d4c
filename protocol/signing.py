"""A node's own key: made once by `failc init` or `failc key new`, read at start, and never shown.

    public = write_node_key(Path("genesis/node.key"))       # a new key, mode 0600; returns the 32 public bytes
    identity = Identity.load("genesis", Path("genesis/node.key"))
    signature = identity.sign(Domain.HEARTBEAT, raw)         # 64 bytes

The file is PKCS#8 PEM without a password. A mode other than 0600 is refused: a user who can read it can act as this node.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.keys import UnusableKey, signed_bytes
from protocol.messages import Domain

NEW_KEY = "write a new one with `failc key new NODE DIR`"

KEY_BYTES_MAX = 4096
"""A PKCS#8 Ed25519 key has 119 bytes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A node's name and private key; a `protocol.messages.Signer`."""

    node: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, node: str, path: Path) -> "Identity":
        """Raises UnusableKey with the file, what is wrong and what to do."""
        return cls(node, read_node_key(path))

    @classmethod
    def fresh(cls, node: str) -> "Identity":
        """A new key that no file has: for tests, simulations and `failc init`."""
        return cls(node, Ed25519PrivateKey.generate())

    @property
    def public(self) -> bytes:
        """The 32 raw bytes that the configuration names."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, domain: Domain, raw: bytes) -> bytes:
        """64 bytes over the domain, a newline and `raw`; for an event `raw` is its 32-byte id."""
        return self.key.sign(signed_bytes(domain, raw))


def write_node_key(path: Path) -> bytes:
    """Write a new key with mode 0600 and return its 32 public bytes. Never overwrites: raises FileExistsError."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(pem)
        file.flush()
        os.fsync(descriptor)
    return key.public_key().public_bytes_raw()


def read_node_key(path: Path) -> Ed25519PrivateKey:
    """The private key in `path`; raises UnusableKey."""
    try:
        with open(path, "rb") as file:
            _check_mode(path, os.fstat(file.fileno()))
            pem = file.read(KEY_BYTES_MAX)
    except OSError as error:
        raise UnusableKey(f"{path}: {error.strerror}; put this node's key there, or name its folder with --secrets") from None
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey(f"{path}: not an unencrypted PKCS#8 PEM key; {NEW_KEY}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{path}: not an Ed25519 key; {NEW_KEY}")
    return key


def _check_mode(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnusableKey(f"{path}: not a file; put this node's key there")
    mode = stat.S_IMODE(found.st_mode)
    if mode != 0o600:
        raise UnusableKey(f"{path}: mode {mode:04o}, must be 0600; if no other user has read it: chmod 600 {path}")
