"""Ed25519 public keys of nodes: how they are written, which are refused, and who has which.

    text = key_text(public)                     # "ed25519:<base64>", as it stands in failover.toml
    public = parse_key(text)                    # 32 bytes; raises UnusableKey with a sentence
    keyring = NodeKeyring({"genesis": public})
    keyring.verify("genesis", Domain.EVENT, event_id, signature)    # returns, or raises Refused

OpenSSL accepts public keys of small order, under which one constant signature fits every message; libsodium refuses
them. Two honest auditors would then disagree, so a key is looked at before it is trusted: `check_key`.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.domains import Domain
from protocol.refusals import Reason, Refused

PREFIX = "ed25519:"

P = 2**255 - 19
"""The field of the curve (RFC 8032, section 5.1)."""

D = -121665 * pow(121666, -1, P) % P

SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y of the eight points whose order divides 8; the sign of x makes no difference. Computed again in the tests."""


class UnusableKey(ValueError):
    """This key cannot be used. The text is one sentence that says what to do."""


def check_key(public: bytes) -> bytes:
    """`public` itself if it is the canonical encoding of a curve point of large order; raises UnusableKey otherwise."""
    if len(public) != 32:
        raise UnusableKey(f"an Ed25519 public key has 32 bytes, this one {len(public)}; copy the whole line")
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= P or not _on_curve(y):
        raise UnusableKey("these 32 bytes are no Ed25519 public key; make a new one with `failc key new NODE DIR`")
    if y in SMALL_ORDER_Y:
        raise UnusableKey("this Ed25519 key has a small order: signatures for it need no private key; make a new one")
    return public


@lru_cache(maxsize=1024)
def _on_curve(y: int) -> bool:
    """RFC 8032, section 5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1) must have a root."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return square == 0 or pow(square, (P - 1) // 2, P) == 1


def key_text(public: bytes) -> str:
    """How a key stands in the configuration."""
    return PREFIX + base64.b64encode(public).decode()


def parse_key(text: str) -> bytes:
    """The 32 bytes of `ed25519:<base64>`; raises UnusableKey."""
    if not text.startswith(PREFIX):
        raise UnusableKey(f'a node key is written "{PREFIX}<base64>"')
    try:
        public = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKey(f'what follows "{PREFIX}" is not base64; copy the whole key') from None
    if key_text(public) != text:
        raise UnusableKey(f'another spelling of the key "{key_text(public)}"; write that')
    return check_key(public)


class NodeKeyring:
    """The nodes' public keys: a `protocol.messages.Keyring`."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys`: node name to its 32 raw bytes. Raises UnusableKey, with the node's name, for a key that proves nothing."""
        self._keys = {node: _loaded(node, public) for node, public in keys.items()}

    def verify(self, signer: str, domain: Domain, raw: bytes, signature: bytes) -> None:
        """Returns, or raises Refused with UNKNOWN_KEY or BAD_SIGNATURE."""
        key = self._keys.get(signer)
        if key is None:
            raise Refused(Reason.UNKNOWN_KEY, f"no key of a node {signer!r}")
        try:
            key.verify(signature, signed_bytes(domain, raw))
        except InvalidSignature:
            raise Refused(Reason.BAD_SIGNATURE, f"not signed by {signer} as {domain.value}") from None


def signed_bytes(domain: Domain, raw: bytes) -> bytes:
    """What is signed: the domain, a newline, the message (for an event its 32-byte id)."""
    return domain.value.encode() + b"\n" + raw


def _loaded(node: str, public: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(check_key(public))
    except UnusableKey as error:
        raise UnusableKey(f"node {node}: {error}") from None
