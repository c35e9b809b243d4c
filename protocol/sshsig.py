"""SSHSIG: signatures that stock OpenSSH makes and checks, Ed25519 only (OpenSSH, PROTOCOL.sshsig).

    key = sshkey.load_private(Path("operator/id_ed25519"))      # or agent.keys()[0]
    blob = sign(key, raw, NAMESPACE)                            # what is signed names its namespace
    verify(key.public, raw, blob, NAMESPACE)                    # returns, or raises Refused
    armored = armor(blob)                                       # what `ssh-keygen -Y verify` reads

What is signed names its namespace, so a signature for another purpose does not count for this one.
"""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.keys import UnusableKey
from protocol.refusals import Reason, Refused
from protocol.sshkey import ALGORITHM, SshKey, key_blob, parse_public, raw_key, ssh_string, ssh_strings

MAGIC = b"SSHSIG"
VERSION = 1
HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
"""What PROTOCOL.sshsig allows. We write sha512, as ssh-keygen does."""

BLOB_BYTES_MAX = 1024
"""An Ed25519 signature in a namespace as long as ours has some 200 bytes."""

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


def sign(key: SshKey, raw: bytes, namespace: str) -> bytes:
    """The SSHSIG blob over `raw`, byte for byte what `ssh-keygen -Y sign` makes."""
    name, hashed = namespace.encode(), b"sha512"
    signature = key.sign(_to_sign(name, hashed, raw))
    return (
        MAGIC
        + VERSION.to_bytes(4, "big")
        + ssh_string(key_blob(parse_public(key.public)))
        + ssh_string(name)
        + ssh_string(b"")
        + ssh_string(hashed)
        + ssh_string(ssh_string(ALGORITHM) + ssh_string(signature))
    )


def verify(public: str, raw: bytes, blob: bytes, namespace: str) -> None:
    """Returns when `blob` is a signature of `raw` by `public` in `namespace`; raises Refused otherwise."""
    seen = hashlib.sha256(b"".join(ssh_string(part) for part in (public.encode(), raw, blob, namespace.encode()))).digest()
    if seen in _GOOD:
        return
    _verify(public, raw, blob, namespace)
    if len(_GOOD) >= GOOD_MAX:
        _GOOD.clear()
    _GOOD.add(seen)


GOOD_MAX = 16_384
"""Signatures that were found good are not verified again: each fold of a history meets the same commands. 2 MiB at most."""

_GOOD: set[bytes] = set()


def _verify(public: str, raw: bytes, blob: bytes, namespace: str) -> None:
    key, name, hashed, signature = _read_blob(blob)
    if name != namespace.encode():
        raise Refused(Reason.BAD_SIGNATURE, f"signed in the namespace {name!r}, not {namespace!r}")
    if key != parse_public(public):
        raise Refused(Reason.UNKNOWN_KEY, "signed by another key than the operator's")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _to_sign(name, hashed, raw))
    except InvalidSignature:
        raise Refused(Reason.BAD_SIGNATURE, "the signature does not fit these bytes") from None


def armor(blob: bytes) -> str:
    """The text form, as ssh-keygen writes and reads it."""
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join([BEGIN, *lines, END, ""])


def dearmor(text: str) -> bytes:
    """The blob of an armored signature; raises Refused."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise Refused(Reason.GARBAGE, "not an armored SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        raise Refused(Reason.GARBAGE, "an armored SSH signature that is not base64") from None


def _read_blob(blob: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Raw public key, namespace, hash name and raw signature."""
    if not blob:
        raise Refused(Reason.UNSIGNED, "no signature")
    if len(blob) > BLOB_BYTES_MAX:
        raise Refused(Reason.OVERSIZED, f"an SSH signature of {len(blob)} bytes; at most {BLOB_BYTES_MAX}")
    if blob[:10] != MAGIC + VERSION.to_bytes(4, "big"):
        raise Refused(Reason.GARBAGE, "not an SSHSIG of version 1")
    key, name, reserved, hashed, signature = ssh_strings(blob[10:], 5)
    if hashed not in HASHES or reserved:
        raise Refused(Reason.GARBAGE, f"an SSHSIG with the hash {hashed!r}")
    algorithm, bare = ssh_strings(signature, 2)
    if algorithm != ALGORITHM or len(bare) != 64:
        raise Refused(Reason.GARBAGE, f"an SSHSIG by {algorithm!r}; only {ALGORITHM.decode()} is read")
    try:
        return raw_key(key), name, hashed, bare
    except UnusableKey as error:
        raise Refused(Reason.UNKNOWN_KEY, str(error)) from None


def _to_sign(namespace: bytes, hashed: bytes, raw: bytes) -> bytes:
    return MAGIC + ssh_string(namespace) + ssh_string(b"") + ssh_string(hashed) + ssh_string(HASHES[hashed](raw).digest())
