"""Public keys as the configuration writes them.

node_key("ed25519:lJ9m...")           # 32 bytes
operator_key("ssh-ed25519 AAAA... afm@desk")     # "ssh-ed25519 AAAA...", without the comment
"""

import base64
import binascii

NODE_PREFIX = "ed25519:"
SSH_KIND = "ssh-ed25519"

SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)
"""The points of order 1, 2, 4 and 8, with either sign bit. OpenSSL takes a constant signature under some of them for
every message: a node with such a key could be spoken for by anybody."""

FIELD_PRIME = 2**255 - 19


class BadKey(ValueError):
    def __init__(self, what: str, instead: str):
        super().__init__(f"{what}. {instead}")
        self.what = what
        self.instead = instead


def node_key(text: str) -> bytes:
    """The raw Ed25519 key. Raises BadKey, also for keys of small order and for non-canonical points."""
    instead = 'Write the line that failc init wrote: key = "ed25519:<44 characters of base64>"'
    if not text.startswith(NODE_PREFIX):
        raise BadKey('does not begin with "ed25519:"', instead)
    raw = _base64(text.removeprefix(NODE_PREFIX))
    if raw is None or len(raw) != 32:
        raise BadKey("is not the base64 of 32 bytes", instead)
    _sound(raw)
    return raw


def operator_key(text: str) -> str:
    """Kind and base64, as they stand in a `.pub` file. Raises BadKey."""
    instead = 'Write the content of the operator\'s id_ed25519.pub, such as "ssh-ed25519 AAAA... afm@desk"'
    parts = text.split()
    if len(parts) < 2 or parts[0] != SSH_KIND:
        raise BadKey(f"is not a key of kind {SSH_KIND}", instead)
    raw = _base64(parts[1])
    kind = SSH_KIND.encode()
    head = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big")
    if raw is None or len(raw) != len(head) + 32 or not raw.startswith(head):
        raise BadKey("is not a whole OpenSSH public key", instead)
    _sound(raw[len(head) :])
    return f"{SSH_KIND} {parts[1]}"


def _sound(raw: bytes) -> None:
    instead = "Make a new one: nobody gets such a key by chance"
    if raw in SMALL_ORDER:
        raise BadKey("is a point of small order, under which signatures mean nothing", instead)
    if int.from_bytes(raw, "little") & ((1 << 255) - 1) >= FIELD_PRIME:
        raise BadKey("is not a canonical point", instead)


def _base64(text: str) -> bytes | None:
    """The bytes, where `text` is the only way to write them."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None
