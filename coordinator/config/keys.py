"""Public keys as the configuration writes them, with complaints in two parts.

node_key("ed25519:lJ9m...")                       # 32 bytes
operator_key("ssh-ed25519 AAAA... afm@desk")      # "ssh-ed25519 AAAA...", without the comment
"""

from protocol.keys import UnusableKey, parse_key
from protocol.sshkey import parse_public, public_text


class BadKey(ValueError):
    def __init__(self, what: str, instead: str):
        super().__init__(f"{what}. {instead}")
        self.what = what
        self.instead = instead


def node_key(text: str) -> bytes:
    """The raw Ed25519 key. Raises BadKey, also for keys of small order and for what is no point of the curve."""
    try:
        return parse_key(text)
    except UnusableKey as error:
        raise _in_two_parts(error, 'Write the line that `failc key new NODE DIR` prints: key = "ed25519:<base64>"') from None


def operator_key(text: str) -> str:
    """Kind and base64, as they stand in a `.pub` file. Raises BadKey."""
    try:
        return public_text(parse_public(text))
    except UnusableKey as error:
        raise _in_two_parts(error, 'Write the content of their id_ed25519.pub: key = "ssh-ed25519 AAAA..."') from None


def _in_two_parts(error: UnusableKey, instead: str) -> BadKey:
    what, _, advice = str(error).partition("; ")
    return BadKey(what, advice[:1].upper() + advice[1:] if advice else instead)
